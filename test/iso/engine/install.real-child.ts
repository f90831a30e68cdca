import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Draft } from "../../../core/model/installation/draft.ts";
import { type Machine, realMachine } from "../../../core/node/machine.ts";
import { devicePath, layoutOf, slicePath } from "../../../iso/engine/layout.ts";
import { readManifest } from "../../../iso/engine/manifest.ts";
import { mountTarget, targetPlaces, unmountTarget } from "../../../iso/engine/mounts.ts";
import { systemIn } from "../../../iso/engine/peek.ts";
import { failureOf, runSteps, type Step } from "../../../iso/engine/run-steps.ts";
import { bootloader } from "../../../iso/engine/steps/bootloader.ts";
import { configure } from "../../../iso/engine/steps/configure.ts";
import { copiedFile, copy } from "../../../iso/engine/steps/copy.ts";
import { finish } from "../../../iso/engine/steps/finish.ts";
import { format } from "../../../iso/engine/steps/format.ts";
import { verify } from "../../../iso/engine/steps/verify.ts";
import type { StepContext } from "../../../iso/engine/work.ts";
import { aDraft, aMachine, countedUuids, someHash } from "./samples.ts";

/*
 * Installs on image files: all steps but those that need a disk with partitions. Prints what the target then holds, as
 * JSON. Loop devices stand for the partitions.
 */

const mib = 1024 * 1024;
const nowhere: Step = async () => {};
const table = { check: nowhere, partition: nowhere, format, copy, verify, configure, bootloader, finish };

const machine = realMachine();

async function run(command: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await machine.run(command, args, { timeoutMs: 60_000 });
  assert.equal(code, 0, `${command}: ${stderr}`);
  return stdout.trim();
}

function write(root: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
}

/** A medium with a system of a few files. */
async function makeMedium(folder: string): Promise<string> {
  const tree = join(folder, "tree");
  write(tree, {
    "etc/shadow": "root:*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\n",
    "etc/NetworkManager/system-connections/.keep": "",
    "etc/hostname": "binnacle\n",
    "usr/lib/os-release": 'PRETTY_NAME="Binnacle 1.2.3"\n',
    "usr/lib/shim/shimx64.efi.signed": "shim",
    "usr/lib/shim/mmx64.efi.signed": "mm",
    "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed": "grub",
    "var/lib/dpkg/status": "Package: base\n",
    "root/.profile": "# root\n",
    "home/.keep": "",
  });
  chmodSync(join(tree, "etc/NetworkManager/system-connections"), 0o700);
  chmodSync(join(tree, "etc/shadow"), 0o640);
  const medium = join(folder, "medium");
  mkdirSync(join(medium, "binnacle"), { recursive: true });
  await run("mksquashfs", [tree, join(medium, "binnacle/system.squashfs"), "-quiet", "-no-progress"]);
  write(join(medium, "binnacle"), { vmlinuz: "kernel".repeat(1000), "initrd.img": "initrd".repeat(1000) });
  const files = Object.fromEntries(
    ["vmlinuz", "initrd.img", "system.squashfs"].map((name) => {
      const bytes = readFileSync(join(medium, "binnacle", name));
      return [name, { sha256: createHash("sha256").update(bytes).digest("hex"), sizeBytes: bytes.length }];
    }),
  );
  write(join(medium, "binnacle"), {
    "manifest.json": JSON.stringify({ product: "Binnacle", version: "1.2.3", files }),
  });
  return medium;
}

async function main(folder: string, role: Draft["role"]): Promise<void> {
  const medium = await makeMedium(folder);
  const hardware = aMachine({ firmware: "uefi" });
  const draft = aDraft(hardware, { role });
  const plan = (["efi", "boot", "swap", "root"] as const).map((purpose, nth) => ({
    disk: "sda",
    number: nth + 1,
    purpose,
    startBytes: (1 + nth * 1000) * mib,
    sizeBytes: 1000 * mib,
  }));
  const layout = layoutOf(plan, draft, hardware, countedUuids());
  const sizes = { efi: 64, boot: 64, swap: 8, root: 128 } as const;
  mkdirSync(join(folder, "esp"));
  const loops = new Map<string, string>();
  try {
    for (const slice of layout.disks[0]?.slices ?? []) {
      if (slice.type === "bios" || slice.type === "data" || slice.type === "lvm") continue;
      const image = join(folder, `${slice.type}.img`);
      writeFileSync(image, "");
      truncateSync(image, sizes[slice.type] * mib);
      loops.set(slicePath(slice.uuid), await run("losetup", ["--find", "--show", image]));
    }
    const log: string[] = [];
    const shares: number[] = [];
    const context: StepContext = {
      job: { draft, hardware, manifest: await readManifest(medium), layout, consoles: ["tty0", "ttyS0,115200n8"] },
      machine: withLoops(loops, join(folder, "esp")),
      places: { medium, work: join(folder, "work") },
      signal: new AbortController().signal,
      log: (line) => log.push(line),
      share: (share) => shares.push(share),
      newUuid: countedUuids(),
    };
    const failure = await runSteps("check", context, () => {}, table);
    assert.equal(failure, undefined, JSON.stringify(failure));
    // A retry from any step that can be run again comes to the same end.
    assert.equal(await runSteps("configure", context, () => {}, table), undefined);
    const share = shares.at(-1);
    const left = readdirSync(join(folder, "work")).filter((name) => readdirSync(join(folder, "work", name)).length > 0);
    await mountTarget(context);
    const seen = look(join(folder, "work"), role);
    const damaged = await tamper(context);
    await unmountTarget(context);
    const uuids = await Promise.all(
      layout.volumes.map(async ({ uuid, device }) => {
        const loop = loops.get(devicePath(device)) ?? "";
        return (await run("blkid", ["-p", "-o", "value", "-s", "UUID", loop])) === uuid;
      }),
    );
    const leaked = log.some((line) => line.includes(someHash));
    process.stdout.write(JSON.stringify({ ...seen, uuids, damaged, left, leaked, share }));
  } finally {
    for (const loop of loops.values()) await run("losetup", ["--detach", loop]);
  }
}

/** No kernel partitions here: what a step calls a partition is a loop device. The firmware keeps its entries. */
function withLoops(loops: ReadonlyMap<string, string>, esp: string): Machine {
  return {
    ...machine,
    run(command, args, options) {
      if (command === "udevadm" || command === "efibootmgr" || command === "blockdev")
        return Promise.resolve({ code: 0, stdout: "", stderr: "" });
      // Not every kernel that tests run on has FAT: the file system is made, and a folder is filled in its place.
      if (command === "mount" && args[1] === "vfat")
        return machine.run("mount", ["--bind", esp, args.at(-1) ?? ""], options);
      const mapped = args.map((word) => loops.get(word) ?? word);
      return machine.run(command, mapped, options);
    },
  };
}

function look(work: string, role: Draft["role"]) {
  const { root, boot, efi } = targetPlaces(work);
  const etc = join(root, role === "expert" ? "state/upper/etc" : "state/etc");
  const mode = (path: string) => (statSync(path).mode & 0o7777).toString(8);
  const connections = join(etc, "NetworkManager/system-connections");
  return {
    system: systemIn(root),
    state: readdirSync(join(root, "state")).toSorted(),
    versions: readdirSync(join(root, "systems/1.2.3")).toSorted(),
    boot: readdirSync(join(boot, "1.2.3")).toSorted(),
    grub: [statSync(join(boot, "grub/grubenv")).size, existsSync(join(boot, "grub/grub.cfg"))],
    efi: readdirSync(join(efi(0), "EFI/BOOT")).toSorted(),
    shim: readFileSync(join(efi(0), "EFI/debian/shimx64.efi"), "utf8"),
    shadow: [readFileSync(join(etc, "shadow"), "utf8").split(":")[1] === someHash, mode(join(etc, "shadow"))],
    machineId: lstatSync(join(etc, "machine-id")).size,
    localtime: readlinkSync(join(etc, "localtime")),
    node: JSON.parse(readFileSync(join(etc, "binnacle/node.json"), "utf8")),
    connection: [mode(connections), mode(join(connections, "management.nmconnection"))],
    modes: [mode(etc), mode(dirname(etc)), mode(join(etc, "hostname")), mode(join(etc, "binnacle"))],
    overlay: readFileSync(join(boot, "grub/grub.cfg"), "utf8").match(/ binnacle\.overlay=root /g)?.length ?? 0,
    marker: JSON.parse(readFileSync(join(root, "state/installed.json"), "utf8")).version,
  };
}

/** A copy that differs by one byte must not pass. */
async function tamper(context: StepContext): Promise<string> {
  const file = copiedFile(context.job, context.places, "vmlinuz");
  const bytes = readFileSync(file);
  bytes[10] = 0;
  writeFileSync(file, bytes);
  return verify(context).then(
    () => "passed",
    (error: unknown) => failureOf("verify", error).code,
  );
}

// The unit of the engine sets this one; what is installed must not take it over.
process.umask(0o077);
const [folder = "", role = ""] = process.argv.slice(2);
await main(folder, role === "expert" ? "expert" : "management");
