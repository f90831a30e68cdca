import { copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { NodeError } from "../../../core/model/error.ts";
import { efiStub, grubConfig } from "../../../core/model/grub-config.ts";
import { syncFolder } from "../../../core/node/durable.ts";
import { linkOrNothing } from "../../../core/node/machine.ts";
import { formatBootEnvironment } from "../../../core/node/role/boot-trial.ts";
import type { Layout, Purpose, TargetDisk } from "../layout.ts";
import { mountSystem, mountTarget, targetPlaces } from "../mounts.ts";
import { runStep, type StepContext, tryStep } from "../work.ts";

const grubTimeoutMs = 300_000;

/** Debian's signed programs in the copied system, and their names on the EFI system partition. */
const efiPrograms = [
  { from: "usr/lib/shim/shimx64.efi.signed", name: "shimx64.efi", fallback: "BOOTX64.EFI" },
  { from: "usr/lib/shim/mmx64.efi.signed", name: "mmx64.efi", fallback: "mmx64.efi" },
  { from: "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", name: "grubx64.efi", fallback: "grubx64.efi" },
] as const;

/** Makes the disk bootable: GRUB's menu first, then what starts GRUB. @throws CommandFailure, BOOT.FILES */
export async function bootloader(context: StepContext): Promise<void> {
  await mountTarget(context);
  const system = await mountSystem(context);
  const { boot } = targetPlaces(context.places.work);
  await mkdir(join(boot, "grub"), { recursive: true, mode: 0o755 });
  await writeMenu(context, boot);
  context.share(0.3);
  const { disks } = context.job.layout;
  if (context.job.hardware.firmware === "uefi") await installEfi(context, system);
  else for (const disk of disks) await installBios(context, boot, disk);
  await runStep(context, "sync", ["-f", boot], { reason: "keep the boot loader" });
}

/** GRUB keeps its counter in place: one that is there already is replaced as a whole. */
async function writeMenu({ job, log }: StepContext, boot: string): Promise<void> {
  const { version } = job.manifest;
  const menu = {
    bootUuid: uuidOf(job.layout, "boot"),
    rootUuid: uuidOf(job.layout, "root"),
    versions: [version],
    consoles: job.consoles,
    canCount: job.layout.disks.length < 2,
    isExpert: job.draft.role === "expert",
  };
  log(`writing grub.cfg: version ${version}, consoles ${job.consoles.join(" ")}`);
  await writeWhole(join(boot, "grub/grubenv"), formatBootEnvironment(new Map([["default_version", version]])));
  await writeWhole(join(boot, "grub/grub.cfg"), grubConfig(menu));
}

function uuidOf({ volumes }: Layout, purpose: Purpose): string {
  return volumes.find((volume) => volume.purpose === purpose)?.uuid ?? "";
}

async function installBios(context: StepContext, boot: string, { path }: TargetDisk): Promise<void> {
  // What GRUB needs to read /boot lies in the BIOS boot partition: plain, or on RAID.
  const modules = "part_gpt ext2 mdraid1x search search_fs_uuid normal loadenv";
  const args = ["--target=i386-pc", `--boot-directory=${boot}`, `--modules=${modules}`, "--recheck", path];
  await runStep(context, "grub-install", args, { reason: "start from this disk", timeoutMs: grubTimeoutMs });
}

async function installEfi(context: StepContext, system: string): Promise<void> {
  const { job, places } = context;
  const { efi } = targetPlaces(places.work);
  const stub = efiStub(uuidOf(job.layout, "boot"));
  for (const nth of job.layout.disks.keys()) {
    const place = efi(nth);
    // GRUB's own configuration lies where Debian's signed GRUB looks for it, however it was started.
    await mkdir(join(place, "EFI/debian"), { recursive: true });
    await mkdir(join(place, "EFI/BOOT"), { recursive: true });
    await writeWhole(join(place, "EFI/debian/grub.cfg"), stub);
    for (const { from, name, fallback } of efiPrograms.toReversed()) {
      await copyWhole(join(system, from), join(place, "EFI/debian", name));
      await copyWhole(join(system, from), join(place, "EFI/BOOT", fallback));
    }
    context.log(`wrote the EFI system partition: ${(await readdir(join(place, "EFI/BOOT"))).join(" ")}`);
    await runStep(context, "sync", ["-f", place], { reason: "keep the EFI system partition" });
  }
  await registerEfi(context);
}

/**
 * An entry in the firmware's menu. Best effort: a firmware that keeps none starts EFI/BOOT/BOOTX64.EFI. Entries of
 * former installations go first, or the menu would grow with each.
 */
async function registerEfi(context: StepContext): Promise<void> {
  const { machine, signal } = context;
  const listed = await machine.run("efibootmgr", [], { timeoutMs: 20_000, signal }).catch(() => undefined);
  for (const found of (listed?.stdout ?? "").matchAll(/^Boot([0-9A-F]{4})\*? Binnacle(?: \d)?\t/gm))
    await tryStep(context, "efibootmgr", ["--quiet", "--delete-bootnum", "--bootnum", found[1] ?? ""], {
      reason: "an entry of a former installation",
    });
  for (const [nth, disk] of [...context.job.layout.disks.entries()].toReversed()) {
    const part = disk.slices.find(({ type }) => type === "efi")?.number ?? 1;
    const label = nth === 0 ? "Binnacle" : `Binnacle ${nth + 1}`;
    // efibootmgr wants the kernel's own name.
    const kernelName = (await linkOrNothing(machine, disk.path))?.split("/").at(-1);
    const device = kernelName === undefined ? disk.path : `/dev/${kernelName}`;
    const args = ["--quiet", "--create", "--disk", device, "--part", String(part), "--label", label];
    await tryStep(context, "efibootmgr", [...args, "--loader", "\\EFI\\debian\\shimx64.efi"], {
      reason: "an entry in the firmware's menu",
    });
  }
}

async function copyWhole(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, `${to}.new`);
    await rename(`${to}.new`, to);
  } catch (error) {
    throw new NodeError("BOOT.FILES", `${from} could not be copied to ${to}.`, {
      remedy: "The medium is incomplete, or the EFI system partition can't be written. Look at the log.",
      cause: error,
    });
  }
}

async function writeWhole(file: string, text: string): Promise<void> {
  await rm(`${file}.new`, { force: true });
  await writeFile(`${file}.new`, text, { mode: 0o644, flush: true });
  await rename(`${file}.new`, file);
  await syncFolder(dirname(file));
}
