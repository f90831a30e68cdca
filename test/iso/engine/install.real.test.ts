import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as z from "zod";
import { Secret } from "../../../core/model/secret.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { sha256Of } from "../../../iso/engine/hash.ts";
import { sfdiskScript } from "../../../iso/engine/layout.ts";
import { hashPassword } from "../../../iso/engine/passwords.ts";
import { needsPrivateMounts, runWithPrivateMounts } from "../../support/private-mounts.ts";
import { aJob, aMachine } from "./samples.ts";

const machine = realMachine();
const child = join(import.meta.dirname, "install.real-child.ts");

async function inFolder<T>(action: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "install-"));
  try {
    return await action(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What the child saw on the target of an installation. */
async function installed(folder: string, role: string): Promise<object> {
  const { code, stdout, stderr } = await runWithPrivateMounts(child, [folder, role]);
  assert.equal(code, 0, stderr);
  return z.looseObject({}).parse(JSON.parse(stdout));
}

const everywhere = {
  system: "Binnacle 1.2.3",
  versions: ["manifest.json", "system.squashfs"],
  boot: ["initrd.img", "vmlinuz"],
  grub: [1024, true],
  efi: ["BOOTX64.EFI", "grubx64.efi", "mmx64.efi"],
  shim: "shim",
  shadow: [true, "640"],
  modes: ["755", "755", "644", "755"],
  machineId: 0,
  localtime: "/usr/share/zoneinfo/Asia/Shanghai",
  connection: ["700", "600"],
  marker: "1.2.3",
  uuids: [true, true, true, true],
  damaged: "VERIFY.DIFFERS",
  left: [],
  leaked: false,
  share: 1,
};

test(
  "a management node is formatted, copied, verified and configured, and nothing stays mounted",
  needsPrivateMounts(),
  () =>
    inFolder(async (folder) => {
      assert.deepEqual(await installed(folder, "management"), {
        ...everywhere,
        state: ["etc", "etc.work", "installed.json"],
        node: { role: "management", managementLink: "eno1" },
        overlay: 0,
      });
    }),
);

test("an expert node gets one upper folder for its whole root", needsPrivateMounts(), () =>
  inFolder(async (folder) => {
    assert.deepEqual(await installed(folder, "expert"), {
      ...everywhere,
      state: ["installed.json", "upper", "work"],
      node: { role: "expert", managementLink: "eno1" },
      overlay: 2,
    });
  }),
);

const table = z.object({
  partitiontable: z.object({
    label: z.string(),
    partitions: z.array(z.object({ start: z.number(), size: z.number(), uuid: z.string(), name: z.string() })),
  }),
});

test("sfdisk makes of the script the very partitions that were planned", () =>
  inFolder(async (folder) => {
    const [disk] = aJob(aMachine({ firmware: "uefi" })).layout.disks;
    assert.ok(disk);
    const image = join(folder, "disk.img");
    writeFileSync(image, "");
    truncateSync(image, 64e9);
    const made = await machine.run("sfdisk", [image], { timeoutMs: 20_000, input: sfdiskScript(disk, false) });
    assert.equal(made.code, 0, made.stderr);
    const { stdout } = await machine.run("sfdisk", ["--json", image], { timeoutMs: 20_000 });
    const { label, partitions } = table.parse(JSON.parse(stdout)).partitiontable;
    assert.equal(label, "gpt");
    assert.deepEqual(
      partitions.map(({ start, size, uuid, name }) => ({ start: start * 512, size: size * 512, uuid, name })),
      disk.slices.map(({ startBytes, sizeBytes, uuid, type }) => ({
        start: startBytes,
        size: sizeBytes,
        uuid,
        name: `binnacle-${type}`,
      })),
    );
  }));

test(
  "a file system is looked into without a byte of it being written, and nobody else sees the mount",
  needsPrivateMounts(),
  () =>
    inFolder(async (folder) => {
      const run = async (command: string, args: readonly string[]) => {
        const { code, stdout, stderr } = await machine.run(command, args, { timeoutMs: 30_000 });
        assert.equal(code, 0, stderr);
        return stdout.trim();
      };
      const [tree, image] = [join(folder, "tree"), join(folder, "disk.img")];
      mkdirSync(join(tree, "etc"), { recursive: true });
      writeFileSync(join(tree, "etc/os-release"), 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n');
      await run("mkfs.ext4", ["-q", "-d", tree, image, "16M"]);
      const before = await sha256Of(image);
      const loop = await run("losetup", ["--find", "--show", image]);
      try {
        const main = join(import.meta.dirname, "../../../iso/engine/main.ts");
        const inNamespace = ["--mount", "--propagation", "private", "--", process.execPath, main];
        const look: unknown = JSON.parse(await run("unshare", [...inNamespace, "--peek", loop, "ext4"]));
        assert.partialDeepStrictEqual(look, { system: "Debian GNU/Linux 12 (bookworm)" });
        const release = await run("unshare", [...inNamespace, "--peek-file", loop, "ext4", "etc/os-release"]);
        assert.match(release, /bookworm/);
        assert.doesNotMatch(await run("findmnt", ["--json", "--list"]), new RegExp(loop));
      } finally {
        await run("losetup", ["--detach", loop]);
      }
      assert.equal(await sha256Of(image), before);
    }),
);

test("a password becomes a yescrypt hash, each time another one, and leaves nothing behind", needsPrivateMounts(), () =>
  inFolder(async (folder) => {
    const password = new Secret("colon: ünd Blank");
    const [first, second] = [
      await hashPassword(machine, password, folder),
      await hashPassword(machine, password, folder),
    ];
    assert.match(first, /^\$y\$/);
    assert.notEqual(first, second);
    const { stdout } = await machine.run("find", [folder], { timeoutMs: 10_000 });
    assert.equal(stdout.trim(), folder);
  }),
);
