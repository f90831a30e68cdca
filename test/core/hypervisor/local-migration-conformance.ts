import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type CachedImage, cachedImagePath, type HypervisorDriver } from "../../../core/hypervisor/driver.ts";
import { hashOfToken } from "../../../core/hypervisor/migration/expected.ts";
import type { Wire } from "../../support/cloud/wire.ts";
import { refuses, running, uuidOf } from "./conformance.ts";
import { destinationUuid, type MigrationBed, sourceUuid } from "./migration-conformance.ts";

/* How machines move with volumes on their host's own disks: the same tests for every driver. */

export type LocalMigrationBed = Pick<MigrationBed, "open" | "end" | "memorySize"> & {
  /** Of the storage that each host has for itself; another one for each where they share a file system. */
  folders(): { here: string; there: string };
  /** Writes into a volume that no machine has open. */
  fill(path: string): Promise<void>;
  /** What a guest sees of one; whatever stands for it where there is no content. */
  content(path: string): Promise<string>;
  exists(driver: HypervisorDriver, path: string): Promise<boolean>;
};

const never = new AbortController().signal;
const mebibyte = 1024 ** 2;
const [rootBytes, dataBytes] = [8 * mebibyte, 4 * mebibyte];
const uuid = uuidOf(1);

export function localMigrationConformance(name: string, bed: LocalMigrationBed): void {
  describe(`${name}: a move between two hosts with volumes on their own disks`, () => {
    let [source, destination, wire] = [{}, {}, {}] as [HypervisorDriver, HypervisorDriver, Wire];
    beforeEach(async () => {
      ({ source, destination, wire } = await bed.open());
    });
    afterEach(() => bed.end());

    const content = Buffer.alloc(64 * 1024, "base");
    const sha256 = createHash("sha256").update(content).digest("hex");
    const partsIn = (folder: string) => ({
      image: cachedImagePath(folder, { sha256, format: "raw" }),
      root: `${folder}/volumes/root/root.qcow2`,
      data: `${folder}/volumes/data/data.qcow2`,
    });
    const parts = () => ({ here: partsIn(bed.folders().here), there: partsIn(bed.folders().there) });
    const keep = async (driver: HypervisorDriver, path: string) => {
      const image: CachedImage = { path, format: "raw", sha256, sizeBytes: content.length, bringer: sourceUuid };
      await driver.images?.write(image, 0, content);
      await driver.carryOut({ do: "keepImage", ...image }, never);
    };
    const specOf = ({ image, root, data }: ReturnType<typeof partsIn>) => ({
      ...{ uuid, name: "web", cpuNum: 1, memorySize: bed.memorySize, nics: [] },
      disks: [
        {
          volumeUuid: uuidOf(0x1001),
          path: root,
          format: "qcow2" as const,
          backing: { path: image, format: "raw" as const },
        },
        { volumeUuid: uuidOf(0x1002), path: data, format: "qcow2" as const },
      ],
    });
    const backingOf = (path: string) => ({ backing: { path, format: "raw" as const } });
    /** A machine that runs with what is in its two volumes. */
    const started = async () => {
      const { here, there } = parts();
      await keep(source, here.image);
      await source.carryOut(
        { do: "createVolumeFromImage", path: here.root, sizeBytes: rootBytes, ...backingOf(here.image) },
        never,
      );
      await source.carryOut({ do: "createVolume", path: here.data, sizeBytes: dataBytes, format: "qcow2" }, never);
      for (const path of [here.root, here.data]) await bed.fill(path);
      const before = [await bed.content(here.root), await bed.content(here.data)];
      await source.carryOut({ do: "startMachine", machine: specOf(here) }, never);
      return { here, there, before };
    };
    const expect = (secret: string) => {
      const { there } = parts();
      const copies = [
        { path: there.root, sizeBytes: rootBytes },
        { path: there.data, sizeBytes: dataBytes },
      ];
      const given = { machine: specOf(there), sourceUuid, tokenHash: hashOfToken(secret), aliveMs: 600_000, copies };
      return destination.carryOut({ do: "expectMachine", ...given }, never);
    };
    const migrate = (secret: string) => {
      const { here, there } = parts();
      const to = { hostUuid: destinationUuid, address: "192.0.2.2" };
      const copies = [
        { from: here.root, to: there.root, backing: { from: here.image, to: there.image } },
        { from: here.data, to: there.data },
      ];
      const given = { uuid, destination: to, token: secret, bandwidth: 0, copies };
      return source.carryOut({ do: "migrateMachine", ...given }, never);
    };
    const token = () => randomBytes(32).toString("base64url");
    const tell = (driver: HypervisorDriver, what: "unexpectMachine" | "cancelMigration" | "dropMachine") =>
      driver.carryOut({ do: what, uuid }, never);

    it("takes their content along, above the image that is there, and leaves its own files for the manager to remove", async () => {
      const { here, there, before } = await started();
      const secret = token();
      await refuses(expect(secret), "HYPERVISOR.IMAGE_ABSENT");
      // No file but a disk of the machine, in the form that paths of volumes have.
      for (const path of [`${there.root}/../other.qcow2`, `${there.image}`]) {
        const disks = path === there.image ? [] : [{ volumeUuid: uuidOf(0x1003), path, format: "qcow2" as const }];
        const hostile = { machine: { ...specOf(there), disks }, copies: [{ path, sizeBytes: dataBytes }] };
        const told = { do: "expectMachine", sourceUuid, tokenHash: hashOfToken(secret), aliveMs: 600_000 } as const;
        const code = disks.length === 0 ? "HYPERVISOR.NO_VOLUME" : "HYPERVISOR.BAD_PATH";
        await refuses(destination.carryOut({ ...told, ...hostile }, never), code);
      }
      await keep(destination, there.image);
      for (let twice = 0; twice < 2; twice++) await expect(secret);
      await migrate(secret);
      assert.deepEqual([await source.machines(never), await running(destination)], [[], [uuid]]);
      await tell(destination, "unexpectMachine");
      await tell(source, "dropMachine");
      // It has come: what is there is nobody's to make anew.
      await refuses(expect(token()), "HYPERVISOR.MIGRATION_RUNS");
      await destination.carryOut({ do: "stopMachine", uuid, graceMs: 0 }, never);
      await refuses(expect(token()), "HYPERVISOR.VOLUME_DIFFERS");
      assert.deepEqual([await bed.content(there.root), await bed.content(there.data)], before);
      for (const path of [here.root, here.data]) {
        assert.ok(await bed.exists(source, path));
        for (let twice = 0; twice < 2; twice++) await source.carryOut({ do: "deleteVolume", path }, never);
        assert.ok(!(await bed.exists(source, path)));
      }
      await destination.carryOut({ do: "startMachine", machine: specOf(there) }, never);
      assert.deepEqual(await running(destination), [uuid]);
      assert.ok([...wire.streams].every(({ destroyed }) => destroyed));
    });

    it("has the machine go on where it was when the move is cancelled, and what came of its volumes is made anew or removed; moved, it waits for the word", async () => {
      const { there, before, here } = await started();
      await keep(destination, there.image);
      for (let nth = 0; nth < 2; nth++) {
        const secret = token();
        await expect(secret);
        const moving = refuses(migrate(secret), "HYPERVISOR.MIGRATION_CANCELLED");
        while (!(await source.machines(never)).some(({ migration }) => migration?.way === "out"));
        await tell(source, "cancelMigration");
        await moving;
        await tell(destination, "unexpectMachine");
        await tell(destination, "dropMachine");
        assert.deepEqual([await running(source), await destination.machines(never)], [[uuid], []]);
      }
      for (const path of [there.root, there.data]) {
        for (let twice = 0; twice < 2; twice++) await destination.carryOut({ do: "deleteVolume", path }, never);
        assert.ok(!(await bed.exists(destination, path)));
      }
      // Something else has the place: nobody's copy.
      await destination.carryOut(
        { do: "createVolume", path: there.data, sizeBytes: dataBytes, format: "qcow2" },
        never,
      );
      await refuses(expect(token()), "HYPERVISOR.VOLUME_DIFFERS");
      assert.ok(await bed.exists(destination, there.data));
      await destination.carryOut({ do: "deleteVolume", path: there.data }, never);
      // The source's last word gets lost: it has the machine no more, which stands still there until somebody says so.
      const secret = token();
      await expect(secret);
      wire.distort = (visit) => (visit.channel === "go" ? { ...visit, sourceUuid: uuidOf(0xc) } : visit);
      await migrate(secret);
      const states = (await destination.machines(never)).map(({ state }) => state);
      assert.deepEqual([await source.machines(never), states], [[], ["paused"]]);
      await tell(destination, "unexpectMachine");
      await destination.carryOut({ do: "resumeMachine", uuid }, never);
      assert.deepEqual(await running(destination), [uuid]);
      await destination.carryOut({ do: "stopMachine", uuid, graceMs: 0 }, never);
      assert.deepEqual([await bed.content(there.root), await bed.content(there.data)], before);
      for (const path of [here.root, here.data]) assert.ok(await bed.exists(source, path));
    });
  });
}
