import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { joinHost } from "../../../../core/api/host/join.ts";
import { HttpsHostLink } from "../../../../core/api/host/link.ts";
import type { NodeError } from "../../../../core/model/error.ts";
import { Secret } from "../../../../core/model/secret.ts";
import { type RunningAgent, startAgent } from "../../../support/programs.ts";
import { undoAfter } from "../../../support/undo.ts";
import { cloudBed, rightPassword } from "../../api/host/bed.ts";

/** Waits until an agent that answers its consoles answers managers, too. */
async function untilListening(agent: RunningAgent): Promise<void> {
  while (!agent.output().includes("listening to the manager")) await setTimeout(20);
}

test("an agent that is told to listens to a manager, and belongs to its cloud after a restart, too", async (t) => {
  const listening = ["--host-port", "7070", "--host-address", "127.0.3.1", "--hypervisor", "simulated"];
  const agent = await startAgent({ args: listening });
  undoAfter(t, () => agent.stop());
  await agent.client("tty1").call("choosePassword", { body: { password: rightPassword } });
  await untilListening(agent);
  const { authority, door } = await cloudBed(t, { port: 7070 });
  const host = { uuid: "00000000000040008000000000000001", managementIp: "127.0.3.1" };
  const joining = {
    address: host.managementIp,
    username: "root",
    fingerprint: null,
    hostUuid: host.uuid,
    authority,
  };
  const onConsole = agent.client("tty1");
  onConsole.token = (await onConsole.call("openSession", { body: { password: rightPassword } })).token;
  const before = await onConsole.call("membership", {});
  assert.deepEqual([before.port, before.cloud], [7070, null]);
  assert.equal(await door.fingerprint(host.managementIp), before.fingerprint);
  const wrong = joinHost({ ...joining, password: new Secret("Wrong-Horse-1") });
  await assert.rejects(wrong, { code: "HOST.1014" });
  const { fingerprint, report } = await joinHost({ ...joining, password: new Secret(rightPassword) });
  const link = new HttpsHostLink({ credentials: () => authority.manager(), pinned: () => fingerprint });
  undoAfter(t, () => link.close());
  const { bootId } = await link.ping(host);
  const after = await onConsole.call("membership", {});
  assert.deepEqual([after.cloud, after.fingerprint], [authority.fingerprint, fingerprint]);
  assert.match(bootId, /^[\da-f-]{36}$/);
  assert.equal(report.bootId, bootId);
  assert.equal(report.driver, "simulated");
  assert.doesNotMatch(agent.output(), /Horse|PRIVATE KEY/);

  await agent.kill();
  await assert.rejects(link.ping(host), { code: "HOST.1010" });
  const again = await startAgent({ home: agent.home, args: listening });
  undoAfter(t, () => again.stop());
  await untilListening(again);
  assert.equal((await link.ping(host)).bootId, bootId);
});

test("an agent does not listen to a manager unless it is told to", async (t) => {
  const agent = await startAgent();
  undoAfter(t, () => agent.stop());
  const link = new HttpsHostLink({
    credentials: async () => (await cloudBed(t, { port: 7070 })).authority.manager(),
    pinned: () => Array.from({ length: 32 }, () => "AB").join(":"),
  });
  undoAfter(t, () => link.close());
  const ping = link.ping({ uuid: "00000000000040008000000000000001", managementIp: "127.0.3.1" });
  await assert.rejects(ping, (error: NodeError) => error.code === "HOST.1010" && /Nothing listens/.test(error.message));
});
