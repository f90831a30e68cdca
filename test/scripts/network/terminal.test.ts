import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { NetworkTransaction } from "../../../core/model/network/transaction.ts";
import type { Replies } from "../../support/answering-agent.ts";
import { type Bed, networkBed, plan, transaction, willing } from "./bed.ts";

const beds: Bed[] = [];
afterEach(async () => {
  for (const bed of beds.splice(0)) await bed.dispose();
});

const cutting = { ...plan, cutsOff: [{ what: "managementAddress" as const, detail: "10.0.0.2/24" }] };
const line = ["zs-network-setting", "-i", "eno1", "10.0.0.9", "24", "10.0.0.1"];

/** An agent whose change waits until somebody keeps it, takes it back, or sets `now`. */
async function waitingBed(replies: Replies = {}) {
  const world: { now: NetworkTransaction } = { now: transaction({ phase: "waiting", remainingMs: 58_000 }) };
  const bed = await networkBed({
    ...willing,
    planNetwork: cutting,
    networkChange: () => world.now,
    keepNetwork() {
      world.now = transaction({ phase: "committed", why: "confirmed" });
      return world.now;
    },
    rollBackNetwork() {
      world.now = transaction({ phase: "rolledBack", why: "asked" });
      return world.now;
    },
    ...replies,
  });
  beds.push(bed);
  return { bed, world };
}

function keeps({ agent }: Bed): unknown[] {
  return agent.asked.flatMap(({ call, body }) =>
    call === "changeNetwork" && typeof body === "object" && body !== null && "keep" in body ? [body.keep] : [],
  );
}

test("a person is shown what is cut off, asked, and asked again within the countdown", async () => {
  const { bed, world } = await waitingBed();
  const typed = bed.type(...line);
  await typed.said("Change the network? [y/N] ");
  assert.match(typed.text(), /eno1: IPv4 address: 10\.0\.0\.2\/24 -> 10\.0\.0\.9\/24\r\n/);
  assert.match(typed.text(), /This cuts off the management address 10\.0\.0\.2\/24\.\r\n/);
  assert.deepEqual(keeps(bed), []);
  typed.pty.write("y\r");
  await typed.said("Keep the new network? [y/N]  58 s ");
  world.now = transaction({ phase: "waiting", remainingMs: 9_000 });
  await typed.said("\x1b7\rKeep the new network? [y/N]   9 s\x1b8");
  typed.pty.write("yes\r");
  assert.equal(await typed.end, 0);
  assert.match(typed.text(), /The new network is kept: as asked\.\r\n$/);
  assert.deepEqual(keeps(bed), ["confirm"]);
});

for (const answer of ["\r", "n\r", "yep\r", "\u0004"])
  test(`${JSON.stringify(answer)} to the first question changes nothing`, async () => {
    const { bed } = await waitingBed();
    const typed = bed.type(...line);
    await typed.said("[y/N] ");
    typed.pty.write(answer);
    assert.equal(await typed.end, 1);
    assert.match(typed.text(), /\nzs-network-setting: Nothing was changed\.\r\n$/);
    assert.deepEqual(keeps(bed), []);
  });

test("Ctrl-C at the first question changes nothing", async () => {
  const { bed } = await waitingBed();
  const typed = bed.type(...line);
  await typed.said("[y/N] ");
  typed.pty.write("\u0003");
  assert.equal(await typed.end, 1);
  assert.match(typed.text(), /\nzs-network-setting: Nothing was changed\.\r\n$/);
  assert.deepEqual(keeps(bed), []);
});

test("no to the second question takes the change back", async () => {
  const { bed } = await waitingBed();
  const typed = bed.type(...line);
  await typed.said("Change the network?");
  typed.pty.write("y\r");
  await typed.said("Keep the new network?");
  typed.pty.write("\r");
  assert.equal(await typed.end, 1);
  assert.match(typed.text(), /\nThe new network is being put in force \.\.\.\r\n/);
  assert.match(typed.text(), /taken back: as asked\. The old network is in force again\.\r\n$/);
});

test("what was typed before the second question stood there is no answer to it", async () => {
  const { bed, world } = await waitingBed({ networkChange: () => world.now });
  world.now = transaction({ phase: "probing" });
  const typed = bed.type(...line);
  await typed.said("Change the network?");
  typed.pty.write("y\r");
  await typed.said("The new network is being probed ...\r\n");
  typed.pty.write("y\r");
  await typed.said("probed ...\r\ny\r\n");
  const asked = bed.agent.asked.filter(({ call }) => call === "networkChange").length;
  await bed.agent.until("networkChange", asked + 2);
  world.now = transaction({ phase: "waiting", remainingMs: 58_000 });
  await typed.said("Keep the new network?");
  world.now = transaction({ phase: "rolledBack", why: "timeout" });
  assert.equal(await typed.end, 1);
  assert.match(typed.text(), /taken back: nobody kept it in time\./);
  assert.ok(!bed.agent.asked.some(({ call }) => call === "keepNetwork" || call === "rollBackNetwork"));
});

test("Ctrl-C while the new network waits says when it is taken back", async () => {
  const { bed } = await waitingBed();
  const typed = bed.type(...line);
  await typed.said("Change the network?");
  typed.pty.write("y\r");
  await typed.said("Keep the new network?");
  typed.pty.write("\u0003");
  assert.equal(await typed.end, 1);
  assert.match(
    typed.text(),
    /Unless somebody keeps the new network, it is taken back in 5\d s\. See: zs-show-network\r\n$/,
  );
  assert.ok(!bed.agent.asked.some(({ call }) => call === "keepNetwork" || call === "rollBackNetwork"));
});

test("a terminal that hangs up keeps nothing", async () => {
  const { bed } = await waitingBed();
  const typed = bed.type(...line);
  await typed.said("Change the network?");
  typed.pty.write("y\r");
  await typed.said("Keep the new network?");
  typed.pty.destroy();
  await typed.end;
  assert.ok(!bed.agent.asked.some(({ call }) => call === "keepNetwork"));
});

for (const [option, keep] of [
  ["--yes", "probes"],
  ["--json", "probes"],
] as const)
  test(`with ${option} nobody is asked at a terminal`, async () => {
    const { bed, world } = await waitingBed();
    world.now = transaction({ phase: "committed", why: "probesPassed" });
    const typed = bed.type(...line, option);
    assert.equal(await typed.end, 0);
    assert.doesNotMatch(typed.text(), /\[y\/N\]/);
    assert.deepEqual(keeps(bed), [keep]);
  });

test("a change that cuts nothing off is not asked about, and leaves what was typed ahead to the shell", async () => {
  const { bed, world } = await waitingBed({ planNetwork: plan });
  world.now = transaction({ phase: "committed", why: "probesPassed" });
  const typed = bed.type(...line);
  assert.equal(await typed.end, 0);
  assert.doesNotMatch(typed.text(), /\[y\/N\]/);
  assert.deepEqual(keeps(bed), ["probes"]);
});

test("--no-rollback asks once, before the change", async () => {
  const { bed, world } = await waitingBed();
  world.now = transaction({ phase: "committed", why: "unattended" });
  const typed = bed.type(...line, "--no-rollback");
  await typed.said("Change the network?");
  typed.pty.write("y\r");
  assert.equal(await typed.end, 0);
  assert.doesNotMatch(typed.text(), /Keep the new network/);
  assert.deepEqual(keeps(bed), ["always"]);
});
