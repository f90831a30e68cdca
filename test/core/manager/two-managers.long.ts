import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { CallRefused } from "../../../core/api/cloud-client.ts";
import { root, skipFor, whyNot } from "../../support/bed-needs.ts";
import { beginMachines, checkOnce, type Manager, seen, twoManagers } from "./two-managers/bed.ts";

/* Two managers' programs on a real etcd of three members, with real agents: one goes, or etcd does. */

const why = await whyNot([root]);
const bed = { skip: skipFor(why), timeout: 15 * 60_000 };

async function begun(t: TestContext) {
  assert.equal(why, undefined);
  return twoManagers(t);
}

async function ends({ door }: Manager, tasks: readonly string[]): Promise<void> {
  const ended = await Promise.all(tasks.map((uuid) => door.taskEnd(uuid)));
  for (const task of ended) assert.equal(task.state, "Succeeded", JSON.stringify(task));
}

test("both managers take calls, see each other's at once, and no command is given twice", bed, async (t) => {
  const { one, two, agents, l3NetworkUuid, check } = await begun(t);
  const delays: number[] = [];
  for (let n = 0; n < 20; n++) {
    const [from, to] = n % 2 === 0 ? [one, two] : [two, one];
    const { inventory } = await from.door.call("CreateZone", { name: `zone-${n}` });
    delays.push(await seen(to.door, "Zone", inventory.uuid));
  }
  const tasks = await beginMachines([one.door, two.door], 40, l3NetworkUuid);
  for (const uuid of tasks) for (const { door } of [one, two]) await seen(door, "Task", uuid);
  await ends(one, tasks);
  await ends(two, tasks);
  const machines = (await one.door.call("QueryVmInstance", { limit: 1000 })).inventories;
  const stops = await Promise.all(
    machines.map(({ uuid }, n) => (n % 2 === 0 ? one : two).door.call("StopVmInstance", { uuid: String(uuid) })),
  );
  const stopping = stops.map(({ task }) => task.uuid);
  for (const uuid of stopping) await seen(one.door, "Task", uuid);
  await ends(one, stopping);
  for (const uuid of stopping) await two.door.taskEnd(uuid);
  await check();
  const most = Math.max(...delays).toFixed(1);
  t.diagnostic(
    `${checkOnce(agents)} commands, each once; a zone is known to the other manager after ${most} ms at most`,
  );
  assert.deepEqual([...one.daemon.errors, ...two.daemon.errors], []);
});

test("one is killed with flows under way: the other ends them, keeps the hosts, and takes it back", bed, async (t) => {
  const { one, two, agents, l3NetworkUuid, check } = await begun(t);
  for (const [name, value] of [
    ["ping.interval", "1"],
    ["ping.maxFailure", "1"],
  ] as const)
    await two.door.call("UpdateGlobalConfig", { category: "host", name, value });
  const tasks = await beginMachines([one.door, two.door], 60, l3NetworkUuid);
  for (const uuid of tasks) await seen(two.door, "Task", uuid);
  await one.door.taskEnd(tasks[0] ?? "");
  await one.daemon.kill();
  const from = performance.now();
  const left = (await two.door.call("QueryTask", { q: ["state?=Waiting,Running"], count: true })).total;
  await ends(two, tasks);
  const seconds = ((performance.now() - from) / 1000).toFixed(1);
  const commands = checkOnce(agents);
  t.diagnostic(
    `${left} tasks were under way, all have ended ${seconds} s after the kill; ${commands} commands, each once`,
  );

  // Only a ping tells that an agent stands still: the other manager has taken over all hosts.
  for (const { process: agent } of agents) process.kill(agent.pid, "SIGSTOP");
  await untilHosts(two, "Disconnected");
  for (const { process: agent } of agents) process.kill(agent.pid, "SIGCONT");
  await untilHosts(two, "Connected");

  await one.daemon.start();
  const { inventory } = await one.door.call("CreateZone", { name: "again" });
  await seen(two.door, "Zone", inventory.uuid);
  await untilHosts(one, "Connected");
  await ends(one, await beginMachines([one.door], 10, l3NetworkUuid));
  await untilHosts(two, "Connected");
  await check();
  checkOnce(agents);
});

test(
  "without a quorum of etcd calls end with an error in bounded time, also of managers that are started then; with one again all goes on",
  bed,
  async (t) => {
    const { etcd, one, two, agents, l3NetworkUuid, check } = await begun(t);
    const managers = [one, two];
    // One member less is no loss.
    await etcd.kill(0);
    const { inventory: zone } = await made(one, "east");
    etcd.run(0);
    await etcd.healthy();
    const tasks = await beginMachines([one.door, two.door], 40, l3NetworkUuid);
    for (const { door } of managers) for (const uuid of tasks) await seen(door, "Task", uuid);
    await Promise.all([etcd.kill(1), etcd.kill(2)]);
    const from = performance.now();
    const answers = await Promise.all(
      managers.map(async ({ door }) => {
        const read = await door.send("GetZone", { uuid: zone.uuid });
        assert.ok("value" in read, "what is known can be read");
        const answer = await door.send("UpdateZone", { uuid: zone.uuid, description: "lost" });
        assert.ok("refused" in answer);
        return { code: answer.refused.code, seconds: ((performance.now() - from) / 1000).toFixed(1) };
      }),
    );
    for (const { code } of answers) assert.equal(code, "SYS.1009");
    // Their places are lost with their leases: each ends, and is started again, as systemd does; that one waits for etcd.
    for (const { daemon } of managers) {
      assert.equal((await daemon.ended).code, 1);
      assert.match(daemon.output, /has lost its place or its store: it ends, to be started anew/);
    }
    const starting = managers.map(({ daemon }) => daemon.spawn().ready);
    for (const { daemon, door } of managers) {
      await daemon.said("etcd can't be reached: calls are refused until it can");
      assert.deepEqual(await door.send("IsReady", {}), { value: { ready: false } });
      const answer = await door.send("GetZone", { uuid: zone.uuid });
      assert.equal("refused" in answer && answer.refused.code, "SYS.1009");
      assert.ok(daemon.isRunning);
    }
    etcd.run(1);
    etcd.run(2);
    await etcd.healthy();
    await Promise.all(starting);
    for (const manager of managers) await ends(manager, tasks);
    await one.door.call("UpdateZone", { uuid: zone.uuid, description: "found" });
    await check();
    const said = answers.map(({ code, seconds }) => `${code} after ${seconds} s`).join(", ");
    t.diagnostic(`a change was answered with ${said}; ${checkOnce(agents)} commands, each once`);
  },
);

/** A zone; the member that is gone may have been asked, so that nobody knows: the same key makes it once. */
async function made({ door }: Manager, name: string) {
  for (;;)
    try {
      return await door.call("CreateZone", { name }, name);
    } catch (error) {
      if (!(error instanceof CallRefused && error.content.values?.["store"] === "STORE.UNCERTAIN")) throw error;
    }
}

/** Until all hosts have a status; told by the manager's stream of changes. */
async function untilHosts({ door }: Manager, status: string): Promise<void> {
  for await (const _ of door.events("/v1/events?kinds=Host")) {
    const { inventories } = await door.call("QueryHost", {});
    if (inventories.every((host) => host["status"] === status)) return;
  }
}
