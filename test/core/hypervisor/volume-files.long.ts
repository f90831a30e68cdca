import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { VolumeFiles } from "../../../core/hypervisor/libvirt/volume-files.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";
import { refuses } from "./conformance.ts";

const mebibyte = 1024 ** 2;
const volumes = new VolumeFiles(realMachine());

function freshFolder(t: TestContext): string {
  const { path, dispose } = temporaryFolder();
  undoAfter(t, dispose);
  return path;
}

function qemuImg(...args: string[]): void {
  const { status, stderr } = spawnSync("qemu-img", args, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

describe("volumes with the real qemu-img", () => {
  const qcow2 = (path: string) => ({ do: "createVolume", path, sizeBytes: 10 * mebibyte, format: "qcow2" }) as const;

  it("refuses one that stands on another file, which a guest would have the host read for it", async (t) => {
    const folder = freshFolder(t);
    const secret = join(folder, "shadow");
    writeFileSync(secret, "root:secret".padEnd(mebibyte));
    const path = join(folder, "volume.qcow2");
    qemuImg("create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", path);
    const backed = await refuses(volumes.require({ path, format: "qcow2" }), "HYPERVISOR.VOLUME_DIFFERS");
    assert.match(backed.message, /stands on another file/);
    assert.doesNotMatch(JSON.stringify(backed), /secret/);
    const external = join(folder, "external.qcow2");
    qemuImg("create", "-q", "-f", "qcow2", "-o", `data_file=${secret},data_file_raw=on`, external, "1M");
    await refuses(volumes.require({ path: external, format: "qcow2" }), "HYPERVISOR.VOLUME_DIFFERS");
  });

  it("takes one on the image that it was made of, by the name and format on record, and on nothing else", async (t) => {
    const folder = freshFolder(t);
    const cached = (digit: string, format: "raw" | "qcow2") => ({
      path: join(folder, "imagecache", `${digit.repeat(64)}.${format}`),
      format,
    });
    const [image, other, chained] = [cached("a", "raw"), cached("b", "raw"), cached("c", "qcow2")];
    mkdirSync(join(folder, "imagecache"));
    for (const { path } of [image, other]) writeFileSync(path, Buffer.alloc(mebibyte, 7));
    const path = join(folder, "volumes/1/1.qcow2");
    const made = (backing: typeof image) =>
      volumes.createFromImage({ do: "createVolumeFromImage", path, sizeBytes: 2 * mebibyte, backing });
    await made(image);
    await made(image);
    await volumes.require({ path, format: "qcow2", backing: image });
    const refused = (backing?: typeof image) =>
      refuses(volumes.require({ path, format: "qcow2", ...(backing && { backing }) }), "HYPERVISOR.VOLUME_DIFFERS");
    await refused();
    await refused(other);
    await refuses(made(other), "HYPERVISOR.VOLUME_DIFFERS");

    const rewritten = (...args: string[]) => qemuImg("create", "-q", "-f", "qcow2", ...args, path, "2M");
    const secret = join(folder, "shadow");
    writeFileSync(secret, "root:secret".padEnd(mebibyte));
    rewritten("-b", secret, "-F", "raw");
    await refused(image);
    // The right file by another name, by another format, and with data beside it.
    rewritten("-b", `${folder}/volumes/../imagecache/${"a".repeat(64)}.raw`, "-F", "raw");
    await refused(image);
    rewritten("-u", "-b", image.path, "-F", "qcow2");
    await refused(image);
    qemuImg(
      "create",
      "-q",
      "-f",
      "qcow2",
      "-b",
      image.path,
      "-F",
      "raw",
      "-o",
      `data_file=${join(folder, "data")}`,
      path,
    );
    await refused(image);

    // An image that stands on a file itself, or is not what its name says, is no image.
    qemuImg("create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", chained.path);
    rewritten("-b", chained.path, "-F", "qcow2");
    await refused(chained);
    rewritten("-b", image.path, "-F", "raw");
    await volumes.require({ path, format: "qcow2", backing: image });
    writeFileSync(image.path, Buffer.concat([Buffer.from("QFI\xfb", "latin1"), Buffer.alloc(mebibyte)]));
    await refused(image);
    rmSync(image.path);
    await refuses(volumes.require({ path, format: "qcow2", backing: image }), "HYPERVISOR.IMAGE_ABSENT");
  });

  it("does not guess: a raw volume into which a guest has written the head of a qcow2 file is refused", async (t) => {
    const folder = freshFolder(t);
    const path = join(folder, "volume.raw");
    await volumes.create({ do: "createVolume", path, sizeBytes: mebibyte, format: "raw" });
    await volumes.require({ path, format: "raw" });
    writeFileSync(path, Buffer.concat([Buffer.from("QFI\xfb", "latin1"), Buffer.alloc(mebibyte)]));
    await refuses(volumes.require({ path, format: "raw" }), "HYPERVISOR.VOLUME_DIFFERS");
    await refuses(volumes.require({ path, format: "qcow2" }), "HYPERVISOR.VOLUME_DIFFERS");
  });

  it("makes one whole or not at all, whatever a killed attempt has left", async (t) => {
    const folder = freshFolder(t);
    const own = join(folder, "abc");
    const path = join(own, "abc.qcow2");
    mkdirSync(own);
    writeFileSync(`${path}.new`, "half of it");
    await volumes.create(qcow2(path));
    await volumes.create(qcow2(path));
    await volumes.require({ path, format: "qcow2" });
    assert.deepEqual(readdirSync(own), ["abc.qcow2"]);
    await volumes.delete(path);
    assert.equal(existsSync(own), false, "the folder that it had for itself goes with it");
    const taken = join(folder, "taken");
    writeFileSync(taken, "something else");
    await refuses(volumes.create(qcow2(taken)), "HYPERVISOR.VOLUME_DIFFERS");
    assert.equal(readFileSync(taken, "utf8"), "something else");
  });

  it("takes names with commas, blanks and options in them as names", async (t) => {
    const folder = freshFolder(t);
    const path = join(folder, "a b,file.locking=off,--help;$(id).qcow2");
    await volumes.create(qcow2(path));
    await volumes.require({ path, format: "qcow2" });
    await volumes.delete(path);
    assert.deepEqual(readdirSync(folder), []);
  });
});
