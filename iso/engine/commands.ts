import { commandPath } from "../../core/node/command.ts";
import type { Machine } from "../../core/node/machine.ts";
import type { Job } from "./work.ts";

/** Commands that an installation of this kind needs. */
export function commandsFor({ layout, hardware }: Pick<Job, "layout" | "hardware">): string[] {
  const mirrored = layout.disks.length > 1;
  return [
    ...["blockdev", "findmnt", "lsblk", "mkfs.ext4", "mkswap", "mount", "sfdisk", "sync", "udevadm", "umount"],
    ...["wipefs"],
    ...(layout.group === null ? [] : ["pvcreate", "vgcreate", "lvcreate"]),
    ...(mirrored ? ["mdadm"] : []),
    ...(hardware.firmware === "uefi" ? ["mkfs.vfat"] : ["grub-install"]),
  ];
}

/** Those of them that this system does not have. */
export async function commandsMissing(machine: Machine, job: Pick<Job, "layout" | "hardware">): Promise<string[]> {
  const folders = await Promise.all(commandPath.split(":").map((folder) => machine.readDir(folder).catch(() => [])));
  const present = new Set(folders.flat());
  return commandsFor(job).filter((name) => !present.has(name));
}
