import assert from "node:assert/strict";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { HostCommand } from "../../../../core/hypervisor/driver.ts";
import { NodeError } from "../../../../core/model/error.ts";
import { HostCommands } from "../../../../core/node/host/commands.ts";
import { refuses, uuidOf } from "../../hypervisor/conformance.ts";
import { ask, bedOf, reboot, ScriptedDriver } from "./bed.ts";

test("a command is carried out once, however often it is asked for: at once, later, and after a restart", async (t) => {
  const { commands, driver, open } = await bedOf(t);
  const all = [1, 2, 3].map(() => commands.carryOut(ask("a", reboot(1))));
  (await driver.call(0)).end();
  await Promise.all(all);
  await commands.carryOut(ask("a", reboot(1)));
  await (await open()).carryOut(ask("a", reboot(1)));
  assert.equal(driver.calls.length, 1);
});

test("an error is kept as well: code, words, remedy and values are the same after a restart", async (t) => {
  const { commands, driver, open } = await bedOf(t);
  const failing = commands.carryOut(ask("a", reboot(1)));
  const more = { remedy: "Start it.", values: { machine: "m", isThere: false } };
  (await driver.call(0)).end(new NodeError("HYPERVISOR.NOT_RUNNING", "It does not run.", more));
  const first = await refuses(failing, "HYPERVISOR.NOT_RUNNING");
  const again = await refuses((await open()).carryOut(ask("a", reboot(1))), "HYPERVISOR.NOT_RUNNING");
  assert.deepEqual(again.toBody(), first.toBody());
  assert.equal(driver.calls.length, 1);
});

test("an error of unknown make is told to the log, and none of its text to anybody else", async (t) => {
  const told: unknown[] = [];
  const { commands, driver, file } = await bedOf(t, { onTrouble: (_, error) => told.push(error) });
  const failing = commands.carryOut(ask("a", reboot(1)));
  const error = new Error("password=secret");
  (await driver.call(0)).end(error);
  const shown = await refuses(failing, "HYPERVISOR.UNEXPECTED");
  assert.deepEqual(told, [error]);
  assert.ok(!JSON.stringify(shown.toBody()).includes("secret") && !readFileSync(file, "utf8").includes("secret"));
});

test("a command that the agent was ended in the middle of is carried out when it is asked for again, not before", async (t) => {
  const { commands, driver, open } = await bedOf(t);
  void commands.carryOut(ask("a", reboot(1))).catch(() => undefined);
  await driver.call(0);
  const second = new ScriptedDriver();
  const restarted = await open(second);
  assert.equal(second.calls.length, 0);
  const again = restarted.carryOut(ask("a", reboot(1)));
  (await second.call(0)).end();
  await again;
  await (await open(second)).carryOut(ask("a", reboot(1)));
  assert.equal(second.calls.length, 1);
});

test("an id that comes with another command or flow is refused; the order of fields is no difference", async (t) => {
  const { commands, driver } = await bedOf(t);
  const first = commands.carryOut(ask("a", reboot(1)));
  await refuses(commands.carryOut(ask("a", reboot(2))), "HOST.1023");
  (await driver.call(0)).end();
  await first;
  await refuses(commands.carryOut(ask("a", reboot(2))), "HOST.1023");
  await refuses(commands.carryOut(ask("a", reboot(1), { flow: "other" })), "HOST.1023");
  await commands.carryOut(ask("a", { uuid: uuidOf(1), do: "rebootMachine" }));
});

test("a later attempt of a flow ends the earlier one's command first, and the earlier one is refused ever after", async (t) => {
  const { commands, driver, open } = await bedOf(t);
  const old = commands.carryOut(ask("a", reboot(1)));
  const queued = commands.carryOut(ask("b", reboot(1)));
  const otherFlow = commands.carryOut(ask("c", reboot(3), { flow: "other" }));
  await driver.call(1);
  const next = commands.carryOut(ask("d", reboot(1), { epoch: 2 }));
  await Promise.all([refuses(old, "HOST.1020"), refuses(queued, "HOST.1020")]);
  (await driver.call(2)).end();
  await next;
  assert.equal(driver.calls[1]?.signal.aborted, false);
  driver.calls[1]?.end();
  await otherFlow;
  assert.equal(driver.overlaps, 0);
  for (const one of [commands, await open()]) {
    await refuses(one.carryOut(ask("a", reboot(1))), "HOST.1020");
    await refuses(one.carryOut(ask("e", reboot(9))), "HOST.1020");
    // Asked for by the later attempt, it says what became of it.
    await refuses(one.carryOut(ask("a", reboot(1), { epoch: 2 })), "HOST.1020");
    await one.carryOut(ask("d", reboot(1), { epoch: 2 }));
  }
  assert.equal(driver.calls.length, 3);
});

test("a later attempt that asks for the same id takes the running command over", async (t) => {
  const { commands, driver, open } = await bedOf(t);
  const old = commands.carryOut(ask("a", reboot(1)));
  const call = await driver.call(0);
  const next = commands.carryOut(ask("a", reboot(1), { epoch: 2 }));
  assert.equal(call.signal.aborted, false);
  call.end();
  await Promise.all([old, next]);
  await refuses((await open()).carryOut(ask("b", reboot(1))), "HOST.1020");
});

test("a command that takes too long is called off, and its outcome is that for good", async (t) => {
  const { commands, driver, clock, open } = await bedOf(t);
  const slow = commands.carryOut(ask("a", reboot(1), { timeoutMs: 1000 }));
  const queued = commands.carryOut(ask("b", reboot(1), { timeoutMs: 500 }));
  await driver.call(0);
  clock.pass(500);
  await refuses(queued, "HOST.1021");
  clock.pass(500);
  const error = await refuses(slow, "HOST.1021");
  assert.equal(error.values["uncertain"], false);
  for (const id of ["a", "b"]) await refuses((await open()).carryOut(ask(id, reboot(1))), "HOST.1021");
  assert.equal(driver.calls.length, 1);
});

test("one that does not even end then keeps its machine, not its place, and says later what became of it", async (t) => {
  const { commands, driver, clock } = await bedOf(t, { atOnce: 1 });
  driver.isDeaf = true;
  const hanging = commands.carryOut(ask("a", reboot(1), { timeoutMs: 1000 }));
  const sameMachine = commands.carryOut(ask("b", reboot(1)));
  const other = commands.carryOut(ask("c", reboot(2)));
  const call = await driver.call(0);
  clock.pass(1000);
  clock.pass(5000);
  const error = await refuses(hanging, "HOST.1021");
  assert.equal(error.values["uncertain"], true);
  const second = await driver.call(1);
  assert.deepEqual(second.command, reboot(2));
  second.end();
  await other;
  const again = commands.carryOut(ask("a", reboot(1)));
  call.end();
  await again;
  (await driver.call(2)).end();
  await sameMachine;
  assert.equal(driver.overlaps, 0);
});

test("so many run at once, those of one machine or volume in the order in which they came", async (t) => {
  const { commands, driver } = await bedOf(t, { atOnce: 3 });
  const path = "/v/1";
  const disks = [{ volumeUuid: uuidOf(99), path, format: "raw" as const }];
  const machine = { uuid: uuidOf(1), name: "m", cpuNum: 1, memorySize: 0, disks, nics: [] };
  const list: HostCommand[] = [
    { do: "createVolume", path, sizeBytes: 1, format: "raw" },
    { do: "startMachine", machine },
    reboot(1),
    { do: "deleteVolume", path },
    reboot(2),
    reboot(3),
    reboot(4),
    reboot(5),
  ];
  const all = list.map((command, n) => commands.carryOut(ask(`id${n}`, command)));
  for (let n = 0; n < list.length; n++) (await driver.call(n)).end();
  await Promise.all(all);
  assert.equal(driver.most, 3);
  const order = driver.calls.map(({ command }) => list.indexOf(command));
  const of = (...which: number[]) => order.filter((n) => which.includes(n));
  assert.deepEqual(
    [of(0, 1, 2), of(0, 1, 3)],
    [
      [0, 1, 2],
      [0, 1, 3],
    ],
  );
});

test("copies of volumes, which take hours, run two at once and keep no other command from running", async (t) => {
  const { driver, commands } = await bedOf(t, { atOnce: 2 });
  const ends: (() => void)[] = [];
  driver.onCall = ({ command, end }) => {
    if (command.do === "copyVolume") ends.push(end);
    else end();
  };
  const copying = [1, 2, 3].map((nth) => {
    const copy = { do: "copyVolume", path: `/v/copy${nth}`, from: `/v/of${nth}`, sizeBytes: 1 } as const;
    return commands.carryOut(ask(`copy${nth}`, copy, { flow: `copies${nth}` }));
  });
  while (ends.length < 2) await new Promise((resolve) => setImmediate(resolve));
  await commands.carryOut(ask("other", reboot(0), { flow: "other" }));
  assert.equal(ends.length, 2);
  ends[0]?.();
  while (ends.length < 3) await new Promise((resolve) => setImmediate(resolve));
  for (const end of ends) end();
  await Promise.all(copying);
});

test("too many that wait are refused, and may come again", async (t) => {
  const { commands, driver } = await bedOf(t, { atOnce: 1, mostWaiting: 2 });
  const all = [1, 2, 3].map((n) => commands.carryOut(ask(`id${n}`, reboot(n))));
  await refuses(commands.carryOut(ask("id4", reboot(4))), "HOST.1025");
  for (let n = 0; n < 3; n++) (await driver.call(n)).end();
  await Promise.all(all);
  const last = commands.carryOut(ask("id4", reboot(4)));
  (await driver.call(3)).end();
  await last;
});

test("nothing is begun that can't be noted, and it may be asked for again", async (t) => {
  const { commands, driver, folder } = await bedOf(t);
  rmSync(folder, { recursive: true });
  writeFileSync(folder, "in the way");
  await refuses(commands.carryOut(ask("a", reboot(1))), "HOST.1022");
  assert.equal(driver.calls.length, 0);
  rmSync(folder);
  const again = commands.carryOut(ask("a", reboot(1)));
  (await driver.call(0)).end();
  await again;
});

test("an agent that ends begins nothing more, and what it did not begin is carried out after the next start", async (t) => {
  const { commands, driver, open } = await bedOf(t, { atOnce: 1 });
  const begun = commands.carryOut(ask("a", reboot(1)));
  const waiting = commands.carryOut(ask("b", reboot(2)));
  const call = await driver.call(0);
  const closed = commands.close();
  await refuses(waiting, "HOST.1024");
  await refuses(commands.carryOut(ask("c", reboot(3))), "HOST.1024");
  call.end();
  await Promise.all([begun, closed]);
  const restarted = await open();
  await restarted.carryOut(ask("a", reboot(1)));
  const again = restarted.carryOut(ask("b", reboot(2)));
  (await driver.call(1)).end();
  await again;
});

function endedNow(call: { end(): void }): boolean {
  call.end();
  return false;
}

test("old commands are forgotten by age and by number, never the newest for a clock that was put right", async (t) => {
  const { driver, clock, open, file } = await bedOf(t, { mostKept: 600, keptMs: 1000, atOnce: 100 });
  const commands = await open();
  const carryOut = async (from: number, to: number) => {
    const all = [];
    const first = driver.calls.length;
    for (let n = from; n < to; n++) all.push(commands.carryOut(ask(`id${n}`, reboot(n), { flow: `flow${n}` })));
    for (let n = from; n < to; n++) (await driver.call(first + n - from)).end();
    await Promise.all(all);
  };
  const isKnown = async (one: HostCommands, n: number) => {
    const before = driver.calls.length;
    const asked = one.carryOut(ask(`id${n}`, reboot(n), { flow: `flow${n}` }));
    const first = await Promise.race([asked.then(() => true), driver.call(before).then(endedNow)]);
    await asked;
    return first;
  };
  await carryOut(0, 900);
  clock.pass(1e12);
  await carryOut(900, 901);
  const restarted = await open();
  assert.equal(await isKnown(restarted, 900), true);
  assert.equal(await isKnown(restarted, 899), true);
  assert.equal(await isKnown(restarted, 399), false);
  for (let from = 901; from < 3000; from += 700) await carryOut(from, Math.min(from + 700, 3000));
  assert.ok(readFileSync(file, "utf8").split("\n").length < 4500);
});

test("a damaged line of the journal loses that command alone", async (t) => {
  const { commands, driver, open, file } = await bedOf(t);
  const first = commands.carryOut(ask("a", reboot(1)));
  (await driver.call(0)).end();
  await first;
  appendFileSync(file, "gibberish\n");
  const damages: string[][] = [];
  const second = await HostCommands.open({
    folder: join(file, ".."),
    driver,
    now: () => 0,
    onDamage: ({ fields }) => damages.push(fields),
  });
  await second.carryOut(ask("a", reboot(1)));
  assert.deepEqual(damages, [["line 3"]]);
  await (await open()).carryOut(ask("a", reboot(1)));
  assert.equal(driver.calls.length, 1);
});
