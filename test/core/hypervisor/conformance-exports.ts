import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { it } from "node:test";
import type { Backing, HostCommand } from "../../../core/hypervisor/driver.ts";
import { mostVolumePieceBytes } from "../../../core/hypervisor/export-commands.ts";
import type { VolumeBed } from "./conformance-volumes.ts";
import { refuses, uuidOf } from "./support.ts";

/* What every driver does with volumes that are taken away as images: part of the conformance suite. */

const never = new AbortController().signal;
const mebibyte = 1024 ** 2;

export function exportConformance({ driver, reopen, pathOf, startNew, makeVolume, makeThin }: VolumeBed): void {
  const carryOut = (command: HostCommand, signal = never) => driver().carryOut(command, signal);
  const flatten = (from: number, to: number, more: { backing?: Backing; sizeBytes?: number } = {}) =>
    ({ do: "flattenVolume", from: pathOf(from), path: pathOf(to), sizeBytes: mebibyte, ...more }) as const;
  const isAbsent = (n: number) =>
    refuses(driver().volume({ path: pathOf(n), format: "qcow2" }, never), "HYPERVISOR.NO_VOLUME");
  const piece = async (path: string, offset: number, length = mostVolumePieceBytes) => {
    const { volumePiece } = driver();
    assert.ok(volumePiece !== undefined);
    return await volumePiece(path, { offset, length }, never);
  };
  const contentOf = async (path: string): Promise<Buffer> => {
    const parts: Uint8Array[] = [];
    for (let at = 0; ; ) {
      const { totalBytes, content } = await piece(path, at, 10_000);
      parts.push(content);
      at += content.length;
      if (at >= totalBytes) return Buffer.concat(parts);
    }
  };

  it("makes a volume that stands on nothing of one that stands on an image, and gives its file away in pieces", async () => {
    const backing = await makeThin(1);
    await refuses(carryOut(flatten(1, 2, { sizeBytes: 2 * mebibyte })), "HYPERVISOR.VOLUME_DIFFERS");
    await isAbsent(2);
    for (let time = 0; time < 2; time++) {
      await carryOut(flatten(1, 2, { backing, sizeBytes: 2 * mebibyte }));
      await reopen();
    }
    const figures = await driver().volume({ path: pathOf(2), format: "qcow2" }, never);
    assert.equal(figures.sizeBytes, 2 * mebibyte);
    const content = await contentOf(pathOf(2));
    assert.equal(content.subarray(0, 4).toString("latin1"), "QFI\xfb");
    assert.deepEqual(await contentOf(pathOf(2)), content, "it stays as it is");
    assert.deepEqual(await piece(pathOf(2), content.length + 5), {
      totalBytes: content.length,
      content: Buffer.alloc(0),
    });
    const sha256 = createHash("sha256").update(content).digest("hex");
    for (let time = 0; time < 2; time++) await carryOut({ do: "verifyVolume", path: pathOf(2), sha256 });
    const other = createHash("sha256").update("another").digest("hex");
    await refuses(carryOut({ do: "verifyVolume", path: pathOf(2), sha256: other }), "HYPERVISOR.VOLUME_DIFFERS");
    // Nothing of it needs what the other one stands on.
    await carryOut({ do: "deleteVolume", path: pathOf(1) });
    await carryOut({ do: "deleteCachedImage", path: backing.path });
    await carryOut({ do: "verifyVolume", path: pathOf(2), sha256 });
  });

  it("gives nothing away that is in use, not there, something else, or beside the path", async () => {
    await startNew(1);
    await refuses(carryOut(flatten(1, 5)), "HYPERVISOR.VOLUME_IN_USE");
    await carryOut({ do: "stopMachine", uuid: uuidOf(1), graceMs: 0 });
    await refuses(carryOut(flatten(3, 5)), "HYPERVISOR.NO_VOLUME");
    await makeVolume(3);
    await refuses(carryOut(flatten(1, 3, { sizeBytes: 2 * mebibyte })), "HYPERVISOR.VOLUME_DIFFERS");
    const sha256 = "0".repeat(64);
    await refuses(carryOut({ do: "verifyVolume", path: pathOf(5), sha256 }), "HYPERVISOR.NO_VOLUME");
    await refuses(piece(pathOf(5), 0), "HYPERVISOR.NO_VOLUME");
    for (const wrong of ["volume", `${pathOf(2)}/../x`, "json:{}", "/a//b"]) {
      await refuses(carryOut({ ...flatten(1, 2), path: wrong }), "HYPERVISOR.BAD_PATH");
      await refuses(carryOut({ ...flatten(1, 2), from: wrong }), "HYPERVISOR.BAD_PATH");
      await refuses(carryOut({ do: "verifyVolume", path: wrong, sha256 }), "HYPERVISOR.BAD_PATH");
      await refuses(piece(wrong, 0), "HYPERVISOR.BAD_PATH");
    }
    const backing = await makeThin(4);
    await refuses(piece(pathOf(4), 0), "HYPERVISOR.VOLUME_DIFFERS");
    assert.ok(backing.path !== "");
    const stopped = new AbortController();
    stopped.abort();
    await refuses(carryOut(flatten(1, 2), stopped.signal), "HYPERVISOR.ABORTED");
    await isAbsent(2);
    await carryOut(flatten(1, 2));
  });
}
