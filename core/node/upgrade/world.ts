import type { Machine } from "../machine.ts";
import { realDisk, type UpgradeDisk } from "./disk.ts";

/** Where an installed node keeps its systems, below `root`: nothing for this machine, a folder for previews and tests. */
export function upgradePaths(root = "") {
  return {
    /** The file system of the root partition. */
    disk: `${root}/run/binnacle-image/disk`,
    /** VERSION/{system.squashfs,manifest.json} */
    systems: `${root}/run/binnacle-image/disk/systems`,
    /** VERSION/{vmlinuz,initrd.img} */
    boot: `${root}/boot`,
    bootMenu: `${root}/boot/grub/grub.cfg`,
    bootEnvironment: `${root}/boot/grub/grubenv`,
    /** The image is mounted below. */
    work: `${root}/run/binnacle/upgrade`,
    manager: `${root}/var/lib/binnacle/manager`,
    backups: `${root}/var/lib/binnacle/backups`,
    repository: `${root}/var/lib/binnacle/repository`,
  };
}
export type UpgradePaths = ReturnType<typeof upgradePaths>;

/** Everything through which an upgrade sees and changes the machine. */
export type UpgradeWorld = { machine: Machine; paths: UpgradePaths; disk: UpgradeDisk };

/** This machine, or the file tree of another one below `root`. */
export function upgradeWorld(machine: Machine, root = ""): UpgradeWorld {
  return { machine, paths: upgradePaths(root), disk: realDisk };
}
