import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cachedImagePath } from "../../../../core/hypervisor/driver.ts";
import { ImageFiles } from "../../../../core/hypervisor/libvirt/image-files.ts";
import { mostPieceBytes } from "../../../../core/orchestrator/host-link.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { undoAfter } from "../../../support/undo.ts";
import { cloudBed, hostBed } from "./bed.ts";

test("an image comes to a host in pieces over the channel, also when the agent is restarted in between", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const host = await hostBed(t);
  host.node.work = { ...host.node.work, images: new ImageFiles() };
  const cloud = await cloudBed(t, host);
  await cloud.add(host);
  const content = Buffer.alloc(2 * mostPieceBytes + 1000, "an image of some size. ");
  const sha256 = createHash("sha256").update(content).digest("hex");
  const path = cachedImagePath(join(folder.path, 'Größe "1"\u4e2d'), { sha256, format: "raw" });
  const image = { path, format: "raw" as const, sha256, sizeBytes: content.length, bringer: host.uuid };
  const piece = (offset: number, length = mostPieceBytes) => ({
    image,
    offset,
    content: content.subarray(offset, offset + length),
  });
  assert.deepEqual(await cloud.link.imageProgress(host.host, image), { isWhole: false, offset: 0 });
  assert.equal((await cloud.link.imagePiece(host.host, piece(0))).offset, mostPieceBytes);
  await host.restart();
  assert.equal((await cloud.link.imagePiece(host.host, piece(mostPieceBytes))).offset, 2 * mostPieceBytes);
  // Not the next one: it is told where to go on.
  assert.equal((await cloud.link.imagePiece(host.host, piece(0))).offset, 2 * mostPieceBytes);
  await cloud.link.imagePiece(host.host, piece(2 * mostPieceBytes));
  assert.ok(readFileSync(`${path}.${host.uuid}.part`).equals(content));
  await assert.rejects(cloud.link.imagePiece(host.host, piece(0, mostPieceBytes + 1)), { code: "HOST.1012" });
  const outside = { ...image, path: "/etc/cron.d/imagecache" };
  await assert.rejects(cloud.link.imagePiece(host.host, { ...piece(0), image: outside }), {
    code: "HOST.1012",
    message: /not in a cache of images/,
  });
  cloud.pins.delete(host.uuid);
  await assert.rejects(cloud.link.imagePiece(host.host, piece(0)), { code: "HOST.1011" });
});
