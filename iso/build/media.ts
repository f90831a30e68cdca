import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { pipeline } from "node:stream/promises";
import { menu } from "./menu.ts";
import { run } from "./run.ts";
import { chroot, type System } from "./system.ts";

/** Modules of GRUB that the BIOS start needs before it can read more from the medium. */
const biosModules = ["biosdisk", "iso9660", "part_gpt", "part_msdos", "normal", "search", "configfile"];
/** Modules that the menu uses; loaded from the medium. */
const menuModules = /\.mod$|\.lst$/;
const efiImageBytes = 16 * 1024 * 1024;

export type MediaOptions = { system: System; work: string; epoch: number; version: string; out: string };

/**
 * The ISO: for CD, for a USB stick written byte by byte, for BIOS and UEFI with Secure Boot; kernel, initial RAM disk and
 * squashfs are files in it that iPXE can fetch.
 */
export async function buildMedia({ system, work, epoch, version, out }: MediaOptions): Promise<void> {
  const disc = path.join(work, "disc");
  const label = volumeLabel(version);
  const place = (name: string) => {
    const target = path.join(disc, name);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    return target;
  };
  for (const file of [system.kernel, system.initrd, system.squashfs])
    fs.renameSync(file, place(`binnacle/${path.basename(file)}`));
  fs.writeFileSync(place("binnacle/manifest.json"), await manifest(path.join(disc, "binnacle"), version));
  // Debian's signed GRUB looks for this file to find the medium.
  fs.writeFileSync(place(".disk/info"), `Binnacle ${version}\n`);
  fs.writeFileSync(place("boot/grub/grub.cfg"), menu(label));
  copyModules(path.join(system.tree, "usr/lib/grub/i386-pc"), path.join(disc, "boot/grub/i386-pc"));
  await biosImage(system.tree, place("boot/grub/i386-pc/eltorito.img"));
  const efi = path.join(work, "efi.img");
  await efiImage(system.tree, efi, disc, epoch);
  setTimes(disc, epoch);
  await run(
    "xorriso",
    [
      ...["-as", "mkisofs", "-quiet", "-iso-level", "3", "-R", "-V", label, "-o", out],
      ...["--sort-weight", "0", "/", "--sort-weight", "1", "/boot"],
      ...["-b", "boot/grub/i386-pc/eltorito.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table"],
      ...["--grub2-boot-info", "--grub2-mbr", path.join(system.tree, "usr/lib/grub/i386-pc/boot_hybrid.img")],
      ...["-append_partition", "2", "0xef", efi, "-appended_part_as_gpt"],
      ...["-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot"],
      disc,
    ],
    { env: { SOURCE_DATE_EPOCH: String(epoch) } },
  );
}

/** An ISO 9660 label: capitals, digits and underscores, 32 at most. */
export function volumeLabel(version: string): string {
  return `BINNACLE_${version.toUpperCase().replace(/[^A-Z0-9]/g, "_")}`.slice(0, 32);
}

/** What is on the medium, with sizes and checksums: the check of the medium, the installation and the upgrade go by it. */
async function manifest(folder: string, version: string): Promise<string> {
  const files: Record<string, { sha256: string; sizeBytes: number }> = {};
  for (const name of fs.readdirSync(folder).sort()) {
    const file = path.join(folder, name);
    files[name] = { sha256: await checksum(file), sizeBytes: fs.statSync(file).size };
  }
  return `${JSON.stringify({ product: "Binnacle", version, files }, null, 2)}\n`;
}

/** SHA-256 of a file, in hexadecimal. */
export async function checksum(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(fs.createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

function copyModules(from: string, to: string): void {
  fs.mkdirSync(to, { recursive: true });
  for (const name of fs.readdirSync(from).filter((file) => menuModules.test(file)))
    fs.copyFileSync(path.join(from, name), path.join(to, name));
}

async function biosImage(tree: string, image: string): Promise<void> {
  const made = "/tmp/eltorito.img";
  const options = ["-O", "i386-pc-eltorito", "-p", "/boot/grub", "-o", made];
  await chroot(tree, ["grub-mkimage", ...options, ...biosModules]);
  fs.copyFileSync(path.join(tree, made), image);
  fs.rmSync(path.join(tree, made));
}

/** A FAT file system with Debian's signed shim and GRUB, and the same files on the disc for those who copy it by hand. */
async function efiImage(tree: string, image: string, disc: string, epoch: number): Promise<void> {
  const files = [
    ["usr/lib/shim/shimx64.efi.signed", "BOOTX64.EFI"],
    ["usr/lib/shim/mmx64.efi.signed", "mmx64.efi"],
    // The CD's variant takes its configuration from /boot/grub of the medium that holds /.disk/info.
    ["usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed", "grubx64.efi"],
  ] as const;
  const folder = path.join(disc, "EFI/BOOT");
  fs.mkdirSync(folder, { recursive: true });
  for (const [from, to] of files) fs.copyFileSync(path.join(tree, from), path.join(folder, to));
  setTimes(path.join(disc, "EFI"), epoch);
  const env = { SOURCE_DATE_EPOCH: String(epoch), MTOOLS_SKIP_CHECK: "1" };
  fs.rmSync(image, { force: true });
  await run(
    "mkfs.vfat",
    ["-C", image, "-n", "BINNACLE", "-i", "b1aac1e0", "--invariant", String(efiImageBytes / 1024)],
    { env },
  );
  await run("mcopy", ["-s", "-m", "-i", image, path.join(disc, "EFI"), "::/"], { env });
}

/** Sets the time of everything in a folder, contents first. */
function setTimes(folder: string, epoch: number): void {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) setTimes(place, epoch);
    else fs.utimesSync(place, epoch, epoch);
  }
  fs.utimesSync(folder, epoch, epoch);
}
