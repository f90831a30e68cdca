import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { LocalMachines, MachineCounters } from "../../../../core/hypervisor/local.ts";
import { SimulatedDriver } from "../../../../core/hypervisor/simulated.ts";
import { NodeError } from "../../../../core/model/error.ts";
import { missingFacts } from "../../../../core/model/facts.ts";
import type { LocalAction } from "../../../../core/model/local-machines.ts";
import type { Job } from "../../../../core/model/records.ts";
import { HostCommands } from "../../../../core/node/host/commands.ts";
import { Jobs } from "../../../../core/node/jobs.ts";
import { realMachine } from "../../../../core/node/machine.ts";
import { LocalDesk } from "../../../../core/node/machines/desk.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { refuses, running, uuidOf } from "../../hypervisor/support.ts";

const never = new AbortController().signal;
const machine = (n: number) => ({
  uuid: uuidOf(n),
  name: `vm-${n}`,
  cpuNum: 2,
  memorySize: 2 ** 20,
  disks: [],
  nics: [],
});

describe("the desk of a host's own console", () => {
  let driver: SimulatedDriver;
  let commands: HostCommands;
  let jobs: Jobs;
  let desk: LocalDesk;
  let folder: ReturnType<typeof temporaryFolder>;

  beforeEach(async () => {
    folder = temporaryFolder();
    driver = await SimulatedDriver.open({ bootId: "1", latencyMs: () => 0, announce: () => undefined });
    commands = await HostCommands.open({ driver, now: () => Date.now() });
    jobs = await Jobs.open({ folder: folder.path });
    const facts = () => missingFacts({ code: "pending", detail: "" }, 0);
    desk = new LocalDesk({ machine: realMachine(), jobs, facts });
    desk.use(driver.local, (uuid, work) => commands.holding(uuid, work));
    for (const n of [1, 2]) await driver.carryOut({ do: "startMachine", machine: machine(n) }, never);
    await desk.all();
  });
  afterEach(async () => {
    await commands.close();
    await jobs.close();
    folder.dispose();
  });

  const asks = (n: number, action: LocalAction, toldOfCloud = true) =>
    desk.start({ uuid: uuidOf(n), action, toldOfCloud }, "tty1");
  const ended = (job: Job) =>
    new Promise<Job>((resolve) => {
      const look = (now: Job) => {
        if (now.id === job.id && now.state !== "running") resolve(now);
      };
      jobs.subscribe(look);
      look(jobs.get(job.id));
    });

  it("lists what the driver has, and each with what may be done with it", async () => {
    const { list, silence } = await desk.all();
    assert.equal(silence, null);
    assert.deepEqual(
      list.map(({ name, state, cpus, ofCloud }) => [name, state, cpus, ofCloud]),
      [
        ["vm-1", "running", 2, true],
        ["vm-2", "running", 2, true],
      ],
    );
    assert.deepEqual((await desk.one(uuidOf(1))).refusals, { start: "ofCloud", shutDown: null, powerOff: null });
    await refuses(desk.one(uuidOf(9)), "MACHINE.UNKNOWN");
  });

  it("takes a machine's power, and asks a guest to shut down: each a job that ends when it is off", async () => {
    for (const [n, action] of [
      [1, "powerOff"],
      [2, "shutDown"],
    ] as const)
      assert.deepEqual((await ended(await asks(n, action))).state, "done");
    assert.deepEqual(await running(driver), []);
  });

  it("never starts a machine of a cloud: it may run on another host", async () => {
    await driver.carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 }, never);
    await refuses(asks(1, "start"), "MACHINE.OF_CLOUD");
    assert.deepEqual(await running(driver), [uuidOf(2)]);
  });

  it("stops a machine of a cloud only for somebody who was told what that means", async () => {
    await refuses(asks(1, "powerOff", false), "MACHINE.NOT_TOLD");
    await refuses(asks(1, "shutDown", false), "MACHINE.NOT_TOLD");
    assert.deepEqual(await running(driver), [uuidOf(1), uuidOf(2)]);
  });

  it("leaves a machine alone that the manager has in hand, and others not", async () => {
    const given = Promise.withResolvers<void>();
    const held = commands.holding(uuidOf(1), () => given.promise);
    const busy = await ended(await asks(1, "powerOff"));
    assert.deepEqual([busy.state, busy.error?.code], ["failed", "MACHINE.BUSY"]);
    assert.equal((await ended(await asks(2, "powerOff"))).state, "done");
    given.resolve();
    await held;
    assert.equal((await ended(await asks(1, "powerOff"))).state, "done");
  });

  it("lets the manager's command wait while it does something itself", async () => {
    const order: string[] = [];
    const given = Promise.withResolvers<void>();
    const held = commands.holding(uuidOf(1), async () => {
      await given.promise;
      order.push("console");
    });
    const command = { do: "pauseMachine" as const, uuid: uuidOf(1) };
    const asked = commands
      .carryOut({ id: "c1", flow: "f1", epoch: 1, command, timeoutMs: 60_000 })
      .then(() => order.push("manager"));
    given.resolve();
    await Promise.all([held, asked]);
    assert.deepEqual(order, ["console", "manager"]);
  });

  it("refuses what is out of date by the time that it is done", async () => {
    // Seen by this desk as running, for a moment still.
    await desk.one(uuidOf(1));
    await driver.carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 }, never);
    // A slow computer has looked again before the job is begun.
    const code = await asks(1, "powerOff").then(
      async (job) => (await ended(job)).error?.code,
      (error: unknown) => (error instanceof NodeError ? error.code : undefined),
    );
    assert.equal(code, "MACHINE.NOT_RUNNING");
  });

  it("without a driver can look and do nothing", async () => {
    const other = new LocalDesk({
      machine: realMachine(),
      jobs,
      facts: () => missingFacts({ code: "pending", detail: "" }, 0),
    });
    await refuses(other.openSerial(uuidOf(1), never), "MACHINE.LOOK_ONLY");
  });
});

describe("a machine that no cloud knows of", () => {
  const counters: MachineCounters = {
    ...{ uuid: uuidOf(1), name: "mine", ofCloud: false, state: "stopped", why: "shutDown", cpus: 1, cpuNs: null },
    ...{ memoryBytes: 1, balloonBytes: null, residentBytes: null, nics: [] },
  };
  function deskOf(state: Partial<MachineCounters>) {
    const now = { ...counters, ...state };
    const local: LocalMachines = {
      canAct: true,
      all: async () => [now],
      one: async () => ({ counters: now, disks: [], nics: [], hasSerial: false, upSeconds: null }),
      act: async () => undefined,
      openSerial: () => Promise.reject(new Error("not here")),
    };
    const jobs: Pick<Jobs, "start"> = {
      start() {
        throw new Error("nothing is started here");
      },
    };
    const desk = new LocalDesk({
      machine: realMachine(),
      jobs,
      facts: () => missingFacts({ code: "pending", detail: "" }, 0),
    });
    desk.use(local, (_uuid, work) => work());
    return { desk };
  }

  it("may be started here while it is off", async () => {
    assert.equal((await deskOf({}).desk.one(uuidOf(1))).refusals.start, null);
    assert.equal((await deskOf({ state: "running" }).desk.one(uuidOf(1))).refusals.start, "running");
  });

  it("is left alone on its way to another host, as any other", async () => {
    const { desk } = deskOf({ state: "paused", why: "moving" });
    assert.deepEqual((await desk.one(uuidOf(1))).refusals, { start: "moving", shutDown: "moving", powerOff: "moving" });
    await refuses(desk.start({ uuid: uuidOf(1), action: "powerOff", toldOfCloud: true }, "tty1"), "MACHINE.MOVING");
  });
});
