import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { manager, proxy, type ServiceBed, serviceBed, ui } from "./bed.ts";

const beds: ServiceBed[] = [];
afterEach(() => Promise.all(beds.splice(0).map((bed) => bed.dispose())));

async function newBed(): Promise<ServiceBed> {
  const bed = await serviceBed();
  beds.push(bed);
  return bed;
}

function setAll(bed: ServiceBed, active: "active" | "inactive"): void {
  for (const unit of [manager, proxy, ui]) bed.units.set(unit, active);
}

describe("what is at stake", () => {
  const tasks = ["Create machine web-1", "Add host kvm-5"];
  const cloud = { hosts: 3, machines: 12, running: 9, tasks };

  for (const action of ["stop", "restart", "reset", "resetDrop"] as const)
    test(`of ${action}, a task that nobody was told of, refuses it, and nothing is done`, async () => {
      const bed = await newBed();
      bed.state.cloud = cloud;
      for (const count of [0, 1]) {
        const accepts = { told: { hosts: 3, machines: 12, tasks: count } };
        await assert.rejects(bed.begin(action, { accepts }), { code: "SERVICE.MORE_AT_STAKE" });
      }
      assert.deepEqual([bed.commands, bed.jobs.list()], [[], []]);
      const told = { hosts: 3, machines: 12, tasks: 2 };
      assert.equal((await bed.done(action, { told })).state, "done");
    });

  test("of a start is nothing, and hosts and machines matter to a drop alone", async () => {
    const bed = await newBed();
    bed.state.cloud = { ...cloud, tasks: [] };
    for (const action of ["restart", "reset", "stop"] as const) assert.equal((await bed.done(action)).state, "done");
    assert.equal((await bed.done("start")).state, "done");
    for (const told of [
      { hosts: 2, machines: 12, tasks: 0 },
      { hosts: 3, machines: 11, tasks: 0 },
    ])
      await assert.rejects(bed.begin("resetDrop", { accepts: { told } }), { code: "SERVICE.MORE_AT_STAKE" });
  });

  test("of a store whose manager is stopped is what the store holds", async () => {
    const bed = await newBed();
    setAll(bed, "inactive");
    const keeping = { how: "move", to: "/kept/now" } as const;
    bed.state.store = { state: "readable", records: 9, hosts: 1, machines: 0, sizeBytes: 9, keeping };
    await assert.rejects(bed.begin("resetDrop"), { code: "SERVICE.MORE_AT_STAKE" });
    const job = await bed.done("resetDrop", { told: { hosts: 1, machines: 0, tasks: 0 } });
    assert.match((await bed.lines(job.id)).join("\n"), /What is lost: 9 records, in them 1 hosts/);
  });

  test("of a manager that runs and says nothing has to be agreed to", async () => {
    const bed = await newBed();
    bed.state.answers = false;
    for (const action of ["stop", "restart", "reset", "resetDrop"] as const)
      await assert.rejects(bed.begin(action), { code: "SERVICE.MANAGER_SILENT" });
    assert.deepEqual(bed.commands, []);
    assert.equal((await bed.done("stop", { silentManager: true })).state, "done");
  });
});
