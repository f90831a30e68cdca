import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, it } from "node:test";
import {
  cachedImagePath,
  type HostCommand,
  type HypervisorDriver,
  type MachineSpec,
} from "../../../core/hypervisor/driver.ts";
import { hashOfToken } from "../../../core/hypervisor/migration/expected.ts";
import type { Wire } from "../../support/cloud/wire.ts";
import { refuses, running, uuidOf } from "./conformance.ts";
import { hashOfSeed, someSeed } from "./conformance-seed.ts";

/* How machines move between two hosts: the same tests for every driver. */

export const [sourceUuid, destinationUuid] = [uuidOf(0xa), uuidOf(0xb)];

export type MigrationBed = {
  /** Two hosts without machines that share a storage, each on the wire by its uuid. */
  open(): Promise<{ source: HypervisorDriver; destination: HypervisorDriver; wire: Wire }>;
  end(): Promise<void>;
  /** Of the disks for cloud-init that are on a host: SHA-256 by the machine. */
  seedsOn(driver: HypervisorDriver): Promise<Record<string, string | undefined>>;
  /** Where both have volumes. */
  folder(): string;
  /** Of one machine; the destination has room for one and not for two. */
  memorySize: number;
};

const never = new AbortController().signal;
const mebibyte = 1024 ** 2;

export function migrationConformance(name: string, bed: MigrationBed): void {
  describe(`${name}: a move between two hosts`, () => {
    let [source, destination, wire] = [{}, {}, {}] as [HypervisorDriver, HypervisorDriver, Wire];
    beforeEach(async () => {
      ({ source, destination, wire } = await bed.open());
    });
    afterEach(() => bed.end());

    const token = () => randomBytes(32).toString("base64url");
    function spec(n: number, more: Partial<MachineSpec> = {}): MachineSpec {
      const disks = [{ volumeUuid: uuidOf(0x1000 + n), path: `${bed.folder()}/volume-${n}`, format: "qcow2" as const }];
      return { uuid: uuidOf(n), name: "web", cpuNum: 1, memorySize: bed.memorySize, disks, nics: [], ...more };
    }
    const volume = (n: number): HostCommand => ({
      do: "createVolume",
      path: `${bed.folder()}/volume-${n}`,
      sizeBytes: mebibyte,
      format: "qcow2",
    });
    async function startNew(driver: HypervisorDriver, n: number): Promise<void> {
      await driver.carryOut(volume(n), never);
      await driver.carryOut({ do: "startMachine", machine: spec(n) }, never);
    }
    const expect = (n: number, secret: string, aliveMs = 600_000, more: Partial<MachineSpec> = {}) =>
      destination.carryOut(
        { do: "expectMachine", machine: spec(n, more), sourceUuid, tokenHash: hashOfToken(secret), aliveMs },
        never,
      );
    const migrate = (n: number, secret: string, signal = never) =>
      source.carryOut(
        {
          do: "migrateMachine",
          uuid: uuidOf(n),
          destination: { hostUuid: destinationUuid, address: "192.0.2.2" },
          token: secret,
          bandwidth: 0,
        },
        signal,
      );
    const verb = (driver: HypervisorDriver, what: "unexpectMachine" | "cancelMigration" | "dropMachine", n: number) =>
      driver.carryOut({ do: what, uuid: uuidOf(n) }, never);

    it("moves a machine whole: it runs there, here nothing of it is left, and its volume is in use", async () => {
      await startNew(source, 1);
      const secret = token();
      await expect(1, secret);
      assert.deepEqual(await running(destination), []);
      await migrate(1, secret);
      assert.deepEqual(await source.machines(never), []);
      assert.deepEqual(await running(destination), [uuidOf(1)]);
      await refuses(source.carryOut({ do: "startMachine", machine: spec(1) }, never), "HYPERVISOR.VOLUME_IN_USE");
      for (let twice = 0; twice < 2; twice++) {
        await verb(destination, "unexpectMachine", 1);
        await verb(source, "cancelMigration", 1);
        await verb(source, "dropMachine", 1);
      }
      assert.deepEqual(await running(destination), [uuidOf(1)]);
      await refuses(migrate(1, secret), "HYPERVISOR.NOT_RUNNING");
      await refuses(verb(destination, "dropMachine", 1), "HYPERVISOR.MIGRATION_RUNS");
      await refuses(expect(1, secret), "HYPERVISOR.MIGRATION_RUNS");
      assert.ok([...wire.streams].every(({ destroyed }) => destroyed));
    });

    it("takes the images in its drives along, and goes to no host that has them not", async () => {
      await startNew(source, 1);
      const content = Buffer.alloc(64 * 1024, "disc");
      const sha256 = createHash("sha256").update(content).digest("hex");
      const path = cachedImagePath(bed.folder(), { sha256, format: "iso" });
      const image = { path, format: "iso" as const, sha256, sizeBytes: content.length, bringer: sourceUuid };
      await source.images?.write(image, 0, content);
      await source.carryOut({ do: "keepImage", ...image }, never);
      await source.carryOut({ do: "insertIso", uuid: uuidOf(1), path }, never);
      const other = path.replace(/[\da-f]{64}/, "0".repeat(64));
      await refuses(expect(1, token(), 600_000, { isos: [other] }), "HYPERVISOR.IMAGE_ABSENT");
      const secret = token();
      await expect(1, secret, 600_000, { isos: [path] });
      await migrate(1, secret);
      const remove = { do: "deleteCachedImage", path } as const;
      await refuses(destination.carryOut(remove, never), "HYPERVISOR.IMAGE_IN_USE");
      await destination.carryOut({ do: "ejectIso", uuid: uuidOf(1), path }, never);
      await destination.carryOut(remove, never);
      await verb(destination, "unexpectMachine", 1);
      assert.deepEqual(await running(destination), [uuidOf(1)]);
    });

    it("takes its disk for cloud-init along: it is on the host that has the machine, and on no other", async () => {
      const [more, seeds] = [{ seed: someSeed }, { [uuidOf(1)]: hashOfSeed(someSeed) }];
      await source.carryOut(volume(1), never);
      await source.carryOut({ do: "startMachine", machine: spec(1, more) }, never);
      for (let twice = 0; twice < 2; twice++) {
        await expect(1, token(), 600_000, more);
        await verb(destination, "unexpectMachine", 1);
      }
      assert.deepEqual([await bed.seedsOn(source), await bed.seedsOn(destination)], [seeds, {}]);
      const secret = token();
      await expect(1, secret, 600_000, more);
      await migrate(1, secret);
      await verb(destination, "unexpectMachine", 1);
      assert.deepEqual([await bed.seedsOn(source), await bed.seedsOn(destination)], [{}, seeds]);
      assert.deepEqual(await running(destination), [uuidOf(1)]);
    });

    it("lets nobody in but the announced host, for the announced machine, with its token, once, in time", async () => {
      await startNew(source, 1);
      const secret = token();
      await refuses(migrate(1, secret), "HYPERVISOR.MIGRATION_FAILED");
      await expect(1, secret);
      await refuses(migrate(1, token()), "HYPERVISOR.MIGRATION_FAILED");
      wire.distort = (visit) => ({ ...visit, sourceUuid: uuidOf(0xc) });
      await refuses(migrate(1, secret), "HYPERVISOR.MIGRATION_FAILED");
      wire.distort = (visit) => ({ ...visit, machineUuid: uuidOf(2) });
      await refuses(migrate(1, secret), "HYPERVISOR.MIGRATION_FAILED");
      wire.distort = (visit) => visit;
      await verb(destination, "unexpectMachine", 1);
      await refuses(migrate(1, secret), "HYPERVISOR.MIGRATION_FAILED");
      await expect(1, secret, 1);
      const ended = Promise.withResolvers<void>();
      setTimeout(ended.resolve, 50);
      await ended.promise;
      await refuses(migrate(1, secret), "HYPERVISOR.MIGRATION_FAILED");
      assert.deepEqual([await running(source), await destination.machines(never)], [[uuidOf(1)], []]);
    });

    it("keeps memory for a machine that is expected, and gives it back", async () => {
      for (const n of [1, 2]) await destination.carryOut(volume(n), never);
      await expect(1, token());
      const second = { do: "startMachine", machine: spec(2) } as const;
      await refuses(destination.carryOut(second, never), "HYPERVISOR.NO_MEMORY");
      await verb(destination, "unexpectMachine", 1);
      await destination.carryOut(second, never);
      await refuses(expect(1, token()), "HYPERVISOR.NO_MEMORY");
    });

    it("ends a move that is cancelled, and the machine goes on where it was", async () => {
      await startNew(source, 1);
      const secret = token();
      await expect(1, secret);
      const moving = refuses(migrate(1, secret), "HYPERVISOR.MIGRATION_CANCELLED");
      await marked(source);
      await verb(source, "cancelMigration", 1);
      await moving;
      await verb(destination, "unexpectMachine", 1);
      assert.deepEqual([await running(source), await destination.machines(never)], [[uuidOf(1)], []]);
      const again = token();
      await expect(1, again);
      const off = new AbortController();
      const calledOff = refuses(migrate(1, again, off.signal), "HYPERVISOR.ABORTED");
      await marked(source);
      off.abort();
      await calledOff;
      await verb(destination, "unexpectMachine", 1);
      assert.deepEqual([await running(source), await destination.machines(never)], [[uuidOf(1)], []]);
      assert.ok([...wire.streams].every(({ destroyed }) => destroyed));
    });

    it("ends a move that is cancelled as soon as it is asked for", async () => {
      await startNew(source, 1);
      for (let turns = 0; turns < 4; turns++) {
        const secret = token();
        await expect(1, secret);
        const moving = refuses(migrate(1, secret), "HYPERVISOR.MIGRATION_CANCELLED");
        for (let turn = 0; turn < turns ** 3; turn++) await new Promise((resolve) => setImmediate(resolve));
        await verb(source, "cancelMigration", 1);
        await moving;
        await verb(destination, "unexpectMachine", 1);
        assert.deepEqual([await running(source), await destination.machines(never)], [[uuidOf(1)], []]);
      }
    });

    it("moves nothing that stands still or is off; what a move has left is dropped", async () => {
      await startNew(source, 1);
      await source.carryOut({ do: "pauseMachine", uuid: uuidOf(1) }, never);
      await refuses(migrate(1, token()), "HYPERVISOR.NOT_RUNNING");
      await source.carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 }, never);
      await refuses(migrate(1, token()), "HYPERVISOR.NOT_RUNNING");
      await source.carryOut({ do: "startMachine", machine: spec(1) }, never);
      await source.carryOut({ do: "pauseMachine", uuid: uuidOf(1) }, never);
      for (let twice = 0; twice < 2; twice++) await verb(source, "dropMachine", 1);
      assert.deepEqual(await source.machines(never), []);
    });

    /** Resolves when a machine is being sent. */
    async function marked(driver: HypervisorDriver): Promise<void> {
      while (!(await driver.machines(never)).some(({ migration }) => migration?.way === "out"));
    }
  });
}
