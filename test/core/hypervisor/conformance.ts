import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, it } from "node:test";
import {
  type CachedImage,
  cachedImagePath,
  type HostCommand,
  type HypervisorDriver,
  type MachineSpec,
  type NicSpec,
} from "../../../core/hypervisor/driver.ts";
import { deviceConformance } from "./conformance-devices.ts";
import { firewallConformance } from "./conformance-firewall.ts";
import { seedConformance } from "./conformance-seed.ts";
import { storageConformance } from "./conformance-storages.ts";
import { volumeConformance } from "./conformance-volumes.ts";
import { consoleConformance } from "./consoles.ts";
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
  /** See conformance-seed.ts. */
  seedOf(driver: HypervisorDriver, uuid: string): Promise<string | undefined>;
  seedsThere(driver: HypervisorDriver): Promise<string[]>;
  /** What leads to the network of the machines' cards. */
  physicalInterface: string;
  /** Memory of one machine; three of them fit, more than `mostBytes` does not. */
  memorySize: number;
  mostBytes: number;
};

const never = new AbortController().signal;

export { refuses, running, uuidOf };

/** A card in a network without addresses. */
export function nicOf(n: number, more: Partial<NicSpec> = {}): NicSpec {
  return {
    deviceId: 0,
    mac: `52:54:00:00:00:${n.toString(16).padStart(2, "0")}`,
    segment: { physicalInterface: "eth0", vlan: null, mtu: 1500 },
    l3NetworkUuid: uuidOf(0xa00),
    address: null,
    dns: [],
    domain: null,
    hostName: `vm-${n}`,
    isDefaultRoute: true,
    dhcpServer: null,
    ...more,
  };
}

export const imageContent = Buffer.alloc(1024 ** 2, "an image. ");

/** A raw image with that content. @param folder the storage's */
export function sampleImage(folder: string): CachedImage & { format: "raw" } {
  const sha256 = createHash("sha256").update(imageContent).digest("hex");
  const path = cachedImagePath(folder, { sha256, format: "raw" });
  return { path, format: "raw", sha256, sizeBytes: imageContent.length, bringer: uuidOf(0x70) };
}

/** Brings it in three pieces, as far as the driver wants them. */
async function bring(driver: HypervisorDriver, image: CachedImage): Promise<void> {
  const most = Math.ceil(imageContent.length / 3);
  for (let at = (await driver.images?.progress(image))?.offset ?? 0; at < image.sizeBytes; ) {
    const next = await driver.images?.write(image, at, imageContent.subarray(at, at + most));
    assert.ok(next !== undefined && next.offset > at);
    at = next.offset;
  }
}

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
      const nics = [nicOf(n, { segment: { physicalInterface: bed.physicalInterface, vlan: null, mtu: 1500 } })];
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

    it("gives machines cards in networks with addresses and without, with as many as it is told", async () => {
      const segment = { physicalInterface: bed.physicalInterface, vlan: null, mtu: 1500 };
      const address = { ip: "10.0.0.5", prefixLen: 24, gateway: "10.0.0.1" };
      const served = { segment, address, dhcpServer: { ip: "10.0.0.250", prefixLen: 24 }, dns: ["10.0.0.1"] };
      const nics = [nicOf(1, { segment }), nicOf(2, { ...served, deviceId: 1, l3NetworkUuid: uuidOf(0xb00) })];
      await makeVolume(1);
      for (let twice = 0; twice < 2; twice++) await start(1, { nics });
      await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
      driver = await bed.reopen(driver);
      await start(1, { nics: [...nics, nicOf(3, { ...served, deviceId: 2, l3NetworkUuid: uuidOf(0xc00) })] });
      assert.deepEqual(await running(driver), [uuidOf(1)]);
      await carryOut({ do: "rebootMachine", uuid: uuidOf(1) });
      await carryOut({ do: "removeMachine", uuid: uuidOf(1) });
      await start(1, { nics: [] });
      assert.deepEqual(await running(driver), [uuidOf(1)]);
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

    it("makes volumes on an image of its storage's cache, keeps that while one stands on it, and on no other file", async () => {
      const { images } = driver;
      assert.ok(images !== undefined);
      const image = sampleImage(bed.folder());
      const other = { ...image, bringer: uuidOf(0x71) };
      const backing = { path: image.path, format: image.format };
      const overlay = (n: number, more: object = {}) => {
        const command = { do: "createVolumeFromImage", path: pathOf(n), sizeBytes: 2 * 1024 ** 2, backing } as const;
        return carryOut({ ...command, ...more });
      };
      await refuses(overlay(1), "HYPERVISOR.IMAGE_ABSENT");
      await bring(driver, image);
      for (let twice = 0; twice < 2; twice++) await carryOut({ do: "keepImage", ...image });
      assert.deepEqual(await images.progress(image), { isWhole: true, offset: image.sizeBytes });
      assert.equal((await images.progress(other)).isWhole, true, "one copy serves all hosts of a storage");
      for (let twice = 0; twice < 2; twice++) await overlay(1);
      await refuses(overlay(1, { sizeBytes: 3 * 1024 ** 2 }), "HYPERVISOR.VOLUME_DIFFERS");
      for (const path of [`${bed.folder()}/volume-2`, `/elsewhere/imagecache/${image.sha256}.raw`, `${image.path}x`])
        await refuses(overlay(2, { backing: { ...backing, path } }), "HYPERVISOR.BAD_PATH");
      await refuses(overlay(2, { backing: { ...backing, format: "qcow2" } }), "HYPERVISOR.BAD_PATH");

      await refuses(start(1), "HYPERVISOR.VOLUME_DIFFERS");
      const [disk] = spec(1).disks;
      assert.ok(disk !== undefined);
      await start(1, { disks: [{ ...disk, backing }] });
      await makeVolume(3);
      await refuses(start(3, { disks: [{ ...disk, path: pathOf(3), backing }] }), "HYPERVISOR.VOLUME_DIFFERS");
      const place = { path: pathOf(1), backing };
      const snapshotUuid = uuidOf(0x75);
      for (const uuid of [uuidOf(1), null]) {
        if (uuid === null) await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
        await carryOut({ do: "snapshotVolume", uuid, ...place, snapshotUuid });
        if (uuid === null) await carryOut({ do: "revertVolume", ...place, snapshotUuid, sizeBytes: 2 * 1024 ** 2 });
        await carryOut({ do: "deleteSnapshot", uuid, ...place, snapshotUuid });
      }
      const bare = { uuid: null, path: pathOf(1), snapshotUuid };
      await refuses(carryOut({ do: "snapshotVolume", ...bare }), "HYPERVISOR.VOLUME_DIFFERS");
      await carryOut({ do: "resizeVolume", uuid: null, ...place, format: "qcow2", sizeBytes: 3 * 1024 ** 2 });
      const figures = await driver.volume({ ...place, format: "qcow2" }, never);
      assert.equal(figures.sizeBytes, 3 * 1024 ** 2);
      await start(1, { disks: [{ ...disk, backing }] });
      driver = await bed.reopen(driver);
      await refuses(carryOut({ do: "deleteCachedImage", path: image.path }), "HYPERVISOR.IMAGE_IN_USE");
      assert.deepEqual(await running(driver), [uuidOf(1)]);
      await carryOut({ do: "removeMachine", uuid: uuidOf(1) });
      await carryOut({ do: "deleteVolume", path: pathOf(1) });
      for (let twice = 0; twice < 2; twice++) await carryOut({ do: "deleteCachedImage", path: image.path });
      await refuses(overlay(1), "HYPERVISOR.IMAGE_ABSENT");
      await refuses(carryOut({ do: "deleteCachedImage", path: pathOf(3) }), "HYPERVISOR.BAD_PATH");
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

    storageConformance({ driver: () => driver, folder: () => bed.folder(), uuidOf, refuses });
    consoleConformance({ driver: () => driver, startNew, carryOut, uuidOf, refuses });

    it("keeps a machine's memory, frees what it had, and lets it go on, over a restart of the host too", async () => {
      const stateOf = async () => (await driver.machines(never)).map(({ state }) => state);
      const restore = () => carryOut({ do: "restoreMachine", machine: spec(1) });
      await refuses(carryOut({ do: "suspendMachine", uuid: uuidOf(1) }), "HYPERVISOR.NOT_RUNNING");
      await startNew(1);
      for (let twice = 0; twice < 2; twice++) await carryOut({ do: "suspendMachine", uuid: uuidOf(1) });
      assert.deepEqual(await stateOf(), ["suspended"]);
      await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
      assert.deepEqual(await stateOf(), ["suspended"], "there is nothing to stop");
      driver = await bed.restartHost(driver);
      assert.deepEqual(await stateOf(), ["suspended"]);
      for (let twice = 0; twice < 2; twice++) await restore();
      assert.deepEqual(await stateOf(), ["running"]);
      await carryOut({ do: "suspendMachine", uuid: uuidOf(1) });
      await start(1);
      await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
      assert.deepEqual(await stateOf(), ["stopped"], "a start drops what was kept");
      await refuses(restore(), "HYPERVISOR.NOT_SUSPENDED");
      await start(1);
      await carryOut({ do: "suspendMachine", uuid: uuidOf(1) });
      await carryOut({ do: "removeMachine", uuid: uuidOf(1) });
      assert.deepEqual(await stateOf(), []);
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

    const segment = () => ({ physicalInterface: bed.physicalInterface, vlan: null, mtu: 1500 });
    deviceConformance({
      ...{ spec, startNew, driver: () => driver, folder: () => bed.folder() },
      nic: (n, more) => nicOf(n, { segment: segment(), ...more }),
      reopen: async () => {
        driver = await bed.reopen(driver);
      },
    });

    it("starts a machine whose disk has limits, and gives it another one with limits", async () => {
      await makeVolume(1);
      await makeVolume(2);
      const [one, two] = [spec(1).disks[0], spec(2).disks[0]];
      assert.ok(one !== undefined && two !== undefined);
      const limits = { bytesPerSecond: 10_000_000, operationsPerSecond: 100 };
      await start(1, { disks: [{ ...one, limits }] });
      await carryOut({ do: "attachVolume", uuid: uuidOf(1), disk: { ...two, deviceId: 1, limits } });
      assert.deepEqual(await running(driver), [uuidOf(1)]);
    });

    firewallConformance({
      driver: () => driver,
      reopen: async () => {
        driver = await bed.reopen(driver);
      },
    });

    seedConformance({
      ...{ spec, startNew, driver: () => driver },
      seedOf: (uuid) => bed.seedOf(driver, uuid),
      seedsThere: () => bed.seedsThere(driver),
      reopen: async () => {
        driver = await bed.reopen(driver);
      },
      restartHost: async () => {
        driver = await bed.restartHost(driver);
      },
    });

    volumeConformance({
      ...{ pathOf, spec, startNew, makeVolume, driver: () => driver },
      makeThin: async (n) => {
        const image = sampleImage(bed.folder());
        await bring(driver, image);
        await carryOut({ do: "keepImage", ...image });
        const backing = { path: image.path, format: image.format };
        await carryOut({ do: "createVolumeFromImage", path: pathOf(n), sizeBytes: 2 * 1024 ** 2, backing });
        return backing;
      },
      reopen: async () => {
        driver = await bed.reopen(driver);
      },
    });
  });
}
