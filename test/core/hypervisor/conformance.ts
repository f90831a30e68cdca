import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { HostCommand, HypervisorDriver, MachineSpec } from "../../../core/hypervisor/driver.ts";
import { volumeConformance } from "./conformance-volumes.ts";
import { refuses, running, uuidOf } from "./support.ts";

/* What every driver does: the same tests for the simulated one and for libvirt. */

export type DriverBed = {
  /** A driver on a host without machines. */
  open(): Promise<HypervisorDriver>;
  /** The same host after the agent was restarted. */
  reopen(driver: HypervisorDriver): Promise<HypervisorDriver>;
  /** The same host after it was switched off and on. */
  restartHost(driver: HypervisorDriver): Promise<HypervisorDriver>;
  end(driver: HypervisorDriver): Promise<void>;
  /** Where volumes can be made: an absolute path without a slash at its end. */
  folder(): string;
  bridge: string;
  /** Memory of one machine; three of them fit, more than `mostBytes` does not. */
  memorySize: number;
  mostBytes: number;
};

const never = new AbortController().signal;

export { refuses, running, uuidOf };

export function conformance(name: string, bed: DriverBed): void {
  describe(`${name}: a driver`, () => {
    let driver: HypervisorDriver;
    beforeEach(async () => {
      driver = await bed.open();
    });
    afterEach(() => bed.end(driver));

    const carryOut = (command: HostCommand, signal = never) => driver.carryOut(command, signal);
    const pathOf = (n: number) => `${bed.folder()}/volume-${n}`;
    const makeVolume = (n: number) =>
      carryOut({ do: "createVolume", path: pathOf(n), sizeBytes: 1024 * 1024, format: "qcow2" });
    function spec(n: number, more: Partial<MachineSpec> = {}): MachineSpec {
      const disks = [{ volumeUuid: uuidOf(0x1000 + n), path: pathOf(n), format: "qcow2" as const }];
      const nics = [
        { mac: `52:54:00:00:00:${n.toString(16).padStart(2, "0")}`, bridge: bed.bridge, ip: null, deviceId: 0 },
      ];
      // Names need not be unique.
      return { uuid: uuidOf(n), name: "web", cpuNum: 1, memorySize: bed.memorySize, disks, nics, ...more };
    }
    const start = (n: number, more: Partial<MachineSpec> = {}) =>
      carryOut({ do: "startMachine", machine: spec(n, more) });
    async function startNew(...all: number[]): Promise<void> {
      for (const n of all) {
        await makeVolume(n);
        await start(n);
      }
    }

    it("says what it is, in tags of the host", async () => {
      const tags = await driver.tags(never);
      assert.ok(tags.length > 0);
      for (const tag of tags) assert.match(tag, /^[a-z-]+::?/);
    });

    it("starts machines with the same name, stops them, and starts them again", async () => {
      assert.deepEqual(await running(driver), []);
      await startNew(1, 2);
      assert.deepEqual(await running(driver), [uuidOf(1), uuidOf(2)]);
      await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
      assert.deepEqual(await running(driver), [uuidOf(2)]);
      await carryOut({ do: "rebootMachine", uuid: uuidOf(2) });
      await start(1, { cpuNum: 2, name: "web-1" });
      assert.deepEqual(await running(driver), [uuidOf(1), uuidOf(2)]);
      await carryOut({ do: "removeMachine", uuid: uuidOf(2) });
      assert.deepEqual(
        (await driver.machines(never)).map(({ uuid }) => uuid),
        [uuidOf(1)],
      );
    });

    it("takes what is done already as done", async () => {
      await startNew(1);
      await makeVolume(1);
      await start(1);
      assert.deepEqual(await running(driver), [uuidOf(1)]);
      for (let twice = 0; twice < 2; twice++) await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
      for (let twice = 0; twice < 2; twice++) await carryOut({ do: "removeMachine", uuid: uuidOf(1) });
      await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
      for (let twice = 0; twice < 2; twice++) await carryOut({ do: "deleteVolume", path: pathOf(1) });
      assert.deepEqual(await driver.machines(never), []);
    });

    it("keeps a volume that something else would replace, or that a machine has open", async () => {
      await startNew(1);
      const other = { do: "createVolume", path: pathOf(1), sizeBytes: 2 * 1024 * 1024, format: "qcow2" } as const;
      await refuses(carryOut(other), "HYPERVISOR.VOLUME_DIFFERS");
      await refuses(carryOut({ do: "deleteVolume", path: pathOf(1) }), "HYPERVISOR.VOLUME_IN_USE");
      await refuses(start(2, { disks: spec(1).disks }), "HYPERVISOR.VOLUME_IN_USE");
      assert.deepEqual(await running(driver), [uuidOf(1)]);
      await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
      await start(2, { disks: spec(1).disks });
      assert.deepEqual(await running(driver), [uuidOf(2)]);
    });

    it("refuses a machine whose volume is not there, or has another format, and goes on", async () => {
      await refuses(start(1), "HYPERVISOR.NO_VOLUME");
      await makeVolume(1);
      const disks = spec(1).disks.map((disk) => ({ ...disk, format: "raw" as const }));
      await refuses(start(1, { disks }), "HYPERVISOR.VOLUME_DIFFERS");
      assert.deepEqual(await running(driver), []);
      await start(1);
      assert.deepEqual(await running(driver), [uuidOf(1)]);
    });

    it("refuses a machine that the host has no memory for, and holds nothing for it", async () => {
      await startNew(1);
      await makeVolume(2);
      await refuses(start(2, { memorySize: bed.mostBytes }), "HYPERVISOR.NO_MEMORY");
      await start(2);
      assert.deepEqual(await running(driver), [uuidOf(1), uuidOf(2)]);
    });

    it("pauses a machine and lets it go on, each as often as it is told; a paused one holds what it has", async () => {
      const stateOf = async () => (await driver.machines(never)).map(({ state }) => state);
      await startNew(1);
      for (let twice = 0; twice < 2; twice++) await carryOut({ do: "pauseMachine", uuid: uuidOf(1) });
      assert.deepEqual(await stateOf(), ["paused"]);
      await start(1);
      assert.deepEqual(await stateOf(), ["paused"], "a start leaves it as it is");
      await refuses(carryOut({ do: "deleteVolume", path: pathOf(1) }), "HYPERVISOR.VOLUME_IN_USE");
      driver = await bed.reopen(driver);
      assert.deepEqual(await stateOf(), ["paused"]);
      for (let twice = 0; twice < 2; twice++) await carryOut({ do: "resumeMachine", uuid: uuidOf(1) });
      assert.deepEqual(await stateOf(), ["running"]);
      await carryOut({ do: "pauseMachine", uuid: uuidOf(1) });
      await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
      for (const verb of ["pauseMachine", "resumeMachine"] as const)
        await refuses(carryOut({ do: verb, uuid: uuidOf(1) }), "HYPERVISOR.NOT_RUNNING");
      await start(1);
      assert.deepEqual(await stateOf(), ["running"]);
    });

    it("refuses paths that could mean another file, and a reboot of what does not run", async () => {
      for (const path of ["volume", "/a/../b", "/a//b", "/a/./b", "/a/", "/"])
        await refuses(
          carryOut({ do: "createVolume", path, sizeBytes: 1024 * 1024, format: "raw" }),
          "HYPERVISOR.BAD_PATH",
        );
      await refuses(carryOut({ do: "rebootMachine", uuid: uuidOf(1) }), "HYPERVISOR.NOT_RUNNING");
    });

    it("does nothing for a command that was called off before it began", async () => {
      await makeVolume(1);
      const off = AbortSignal.abort();
      await refuses(carryOut({ do: "startMachine", machine: spec(1) }, off), "HYPERVISOR.ABORTED");
      const other = { do: "createVolume", path: pathOf(2), sizeBytes: 1024 * 1024, format: "raw" } as const;
      await refuses(carryOut(other, off), "HYPERVISOR.ABORTED");
      assert.deepEqual(await running(driver), []);
      await refuses(start(2), "HYPERVISOR.NO_VOLUME");
    });

    it("has the same machines and volumes after the agent was restarted", async () => {
      await startNew(1, 2, 3);
      await carryOut({ do: "stopMachine", uuid: uuidOf(2), graceMs: 0 });
      await carryOut({ do: "removeMachine", uuid: uuidOf(3) });
      driver = await bed.reopen(driver);
      assert.deepEqual(await running(driver), [uuidOf(1)]);
      await refuses(carryOut({ do: "deleteVolume", path: pathOf(1) }), "HYPERVISOR.VOLUME_IN_USE");
      await start(2);
      await start(3);
      assert.deepEqual(await running(driver), [uuidOf(1), uuidOf(2), uuidOf(3)]);
    });

    it("has no running machine but all volumes after the host was switched off and on", async () => {
      await startNew(1, 2);
      driver = await bed.restartHost(driver);
      assert.deepEqual(await running(driver), []);
      await start(1);
      assert.deepEqual(await running(driver), [uuidOf(1)]);
      await carryOut({ do: "deleteVolume", path: pathOf(2) });
    });

    volumeConformance({
      ...{ pathOf, spec, startNew, makeVolume, driver: () => driver },
      reopen: async () => {
        driver = await bed.reopen(driver);
      },
    });
  });
}
