import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { manager, proxy, type ServiceBed, serviceBed, ui } from "./bed.ts";

const beds: ServiceBed[] = [];
afterEach(() => Promise.all(beds.splice(0).map((bed) => bed.dispose())));

async function newBed(options: Parameters<typeof serviceBed>[0] = {}): Promise<ServiceBed> {
  const bed = await serviceBed(options);
  beds.push(bed);
  return bed;
}

const setAll = (bed: ServiceBed, active: "active" | "inactive") => {
  for (const unit of [manager, proxy, ui]) bed.units.set(unit, active);
};

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

describe("dropping the database", () => {
  const move = { how: "move", to: "/kept/now" } as const;
  const noRoom = { how: "noRoom", neededBytes: 2e9, freeBytes: 1e9 } as const;
  const readable = {
    state: "readable",
    records: 1_234,
    hosts: 0,
    machines: 0,
    sizeBytes: 9_000,
    keeping: move,
  } as const;
  const unreadable = { state: "unreadable", why: "file is not a database", sizeBytes: 9_000, keeping: move } as const;

  test("puts the store aside between stop and installation, and the record says what and where", async () => {
    const bed = await newBed();
    bed.state.store = readable;
    const job = await bed.done("resetDrop");
    assert.equal(job.state, "done");
    assert.deepEqual(
      bed.commands.map((command) => command.split(" ").slice(0, 2).join(" ")),
      ["systemctl stop", "empty the", "systemd-run --quiet", "systemctl start"],
    );
    const lines = (await bed.lines(job.id)).join("\n");
    assert.match(lines, /What is lost: 1234 records/);
    assert.match(lines, /kept in \/var\/lib\/binnacle\/kept-stores\/2026/);
    assert.equal(bed.state.emptied, 1);
    const [emptied, end] = await bed.audited();
    assert.match(emptied ?? "", /^service\.emptyStore \| ok .*kept in \/var\/lib\/binnacle\/kept-stores/);
    assert.match(end ?? "", /^service\.resetDrop \| ok .*1234 records/);
  });

  test("tells how to get a store back that was put aside as a backup", async () => {
    const bed = await newBed();
    bed.state.store = readable;
    const file = "/var/lib/binnacle/kept-stores/2026-11-21T140307Z/mgmt01-store-20261121-140307.tar.gz";
    bed.state.empty = async () => file;
    const lines = await bed.lines((await bed.done("resetDrop")).id);
    assert.ok(
      lines.some((line) => line.endsWith(`zstack-ctl restore_mysql -f ${file}`)),
      lines.join("\n"),
    );
  });

  test("of a store that can't be read needs a word of its own", async () => {
    const bed = await newBed();
    bed.state.store = unreadable;
    await assert.rejects(bed.begin("resetDrop"), { code: "SERVICE.STORE_UNREAD" });
    await assert.rejects(bed.begin("resetDrop", { accepts: { noCopy: true } }), { code: "SERVICE.STORE_UNREAD" });
    assert.equal((await bed.done("resetDrop", { unreadStore: true })).state, "done");
  });

  test("without room for a copy needs a word of its own, and only then may delete", async () => {
    const bed = await newBed();
    bed.state.store = { ...readable, keeping: noRoom };
    const asked: boolean[] = [];
    bed.state.empty = async (mayDelete) => {
      asked.push(mayDelete);
      return null;
    };
    await assert.rejects(bed.begin("resetDrop", { accepts: { unreadStore: true } }), { code: "SERVICE.NO_ROOM" });
    const job = await bed.done("resetDrop", { noCopy: true });
    assert.deepEqual(asked, [true]);
    assert.match((await bed.lines(job.id)).join("\n"), /Nothing of it is kept/);
  });

  test("that can't put the store aside starts the service with it again", async () => {
    const bed = await newBed();
    bed.state.store = readable;
    bed.state.empty = async () => {
      throw new Error("EIO");
    };
    const job = await bed.done("resetDrop");
    assert.equal(job.state, "failed");
    assert.deepEqual([...bed.units.values()], ["active", "active", "active"]);
    assert.equal(bed.state.emptied, 0);
    assert.ok(!bed.commands.some((command) => command.startsWith("systemd-run")));
  });

  test("never touches the store while a unit still runs", async () => {
    const bed = await newBed();
    bed.state.store = readable;
    bed.on.stop = async () => ({ code: 0, stdout: "", stderr: "" });
    assert.equal((await bed.done("resetDrop")).error?.code, "SERVICE.NOT_STOPPED");
    assert.ok(!bed.commands.includes("empty the store"));
  });
});
