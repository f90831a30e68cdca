import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { host } from "../../../core/model/cloud/host.ts";
import { vmInstance } from "../../../core/model/cloud/vm.ts";
import { samples, uuidOf } from "../../core/model/cloud/samples.ts";
import { cliBed } from "./bed.ts";

/* What moves or stops machines, at a terminal and without one. */

const hostUuid = uuidOf(3);

async function bed(t: TestContext, machines: readonly object[]) {
  const made = await cliBed(t);
  await made.logIn();
  await made.records.change((tx) => {
    tx.put("Host", hostUuid, { ...host.parse(samples.Host), uuid: hostUuid, name: "node-1" });
    for (const [n, machine] of machines.entries()) {
      const uuid = uuidOf(100 + n);
      tx.put("VmInstance", uuid, { ...vmInstance.parse(samples.VmInstance), uuid, ...machine });
    }
  });
  const state = () => made.mirror.get("Host", hostUuid)?.value.state;
  /** The task that puts the host into maintenance ends with this result. */
  const ends = async (result: object) => {
    const [task] = [...made.mirror.all("Task")];
    assert.ok(task !== undefined);
    made.taskMore.set(task.value.uuid, { result });
    await made.records.change((tx) => tx.update("Task", task.value.uuid, { state: "Succeeded", progress: 100 }));
  };
  return { ...made, state, ends, line: ["ChangeHostState", `uuid=${hostUuid}`, "stateEvent=preMaintain"] as const };
}

test("at a terminal somebody sees what becomes of each machine in a maintenance before it is begun", async (t) => {
  const { type, line, state, ends } = await bed(t, [
    { name: "web-1" },
    { name: "db", locked: true },
    { name: "still", state: "Paused" },
    { name: "asleep", state: "Stopped" },
    { name: "elsewhere", hostUuid: uuidOf(4) },
  ]);
  const refused = await type(...line);
  await refused.until("Move or stop these 3? (yes/no)");
  const text = refused.text();
  assert.match(
    text,
    /^Maintenance frees host node-1: .*:\n {2}db \(Running, locked: stays\)\n {2}still \(Paused, stays: resume it first\)\n {2}web-1 \(Running, moves\)$/m,
  );
  assert.doesNotMatch(text, /asleep|elsewhere/);
  refused.type("no\r");
  await refused.until("CLOUD.NOT_CONFIRMED");
  assert.equal((await refused.exited).exitCode, 1);
  assert.equal(state(), "Enabled");

  const agreed = await type(...line);
  await agreed.until("Move or stop these 3? (yes/no)");
  agreed.type("yes\r");
  await agreed.until("ChangeHostState: 40 %");
  assert.equal(state(), "PreMaintenance");
  await ends({ stopped: [{ uuid: uuidOf(100), name: "web-1" }], notStopped: [{ uuid: uuidOf(101), name: "db" }] });
  await agreed.until(/^zstack-cli: Stopped: web-1\.$/m);
  await agreed.until(/^zstack-cli: NOT moved or stopped: db\.$/m);
  assert.equal((await agreed.exited).exitCode, 0);
});

test("nobody is asked with --yes, for a host without machines, and without a terminal", async (t) => {
  const { type, start, line, state, ends, mirror, records } = await bed(t, [{ name: "web-1" }]);
  const again = async () => {
    for (const { value } of mirror.all("Task")) await records.change((tx) => tx.remove("Task", value.uuid));
    await records.change((tx) => tx.update("Host", hostUuid, { state: "Enabled", earlierState: null }));
  };
  const sure = await type(...line, "-y");
  await sure.until("ChangeHostState: 40 %");
  await ends({ stopped: [], notStopped: [] });
  assert.equal((await sure.exited).exitCode, 0);
  await again();

  const alone = start(...line);
  const begun = Promise.withResolvers<void>();
  const look = () => void (mirror.count("Task") > 0 && begun.resolve());
  mirror.subscribe(look);
  look();
  await begun.promise;
  await ends({ stopped: [], notStopped: [] });
  assert.equal((await alone.end).code, 0);
  await again();

  await records.change((tx) => tx.update("VmInstance", uuidOf(100), { state: "Stopped", hostUuid: null }));
  const empty = await type(...line);
  await empty.until("ChangeHostState: 40 %");
  assert.equal(state(), "PreMaintenance");
});
