import { statfs } from "node:fs/promises";
import type { Facts } from "../../model/facts.ts";
import type { Diagnosis, Hardware } from "../../model/records.ts";
import type { Audit } from "../audit.ts";
import { errnoOf } from "../durable.ts";
import type { Jobs } from "../jobs.ts";
import type { Machine } from "../machine.ts";

/** Where archives lie, below `root`: nothing on a node, a folder for previews and tests. The data file system. */
export function archivePaths(root = "") {
  return {
    /** Empty on a node. */
    root,
    /** Settings of the manager, and where it listens for root. */
    configuration: `${root}/etc/binnacle/manager.conf`,
    managerSocket: `${root}/run/binnacle/manager.sock`,
    logs: `${root}/var/lib/binnacle/logs`,
    backups: `${root}/var/lib/binnacle/backups`,
  };
}
export type ArchivePaths = ReturnType<typeof archivePaths>;

/** What the agent itself knows and an archive holds. */
export type AgentSources = {
  version: string;
  facts: () => Facts;
  hardware: () => Promise<Hardware>;
  diagnose: () => Promise<Diagnosis>;
  audit: Audit;
  jobs: Jobs;
};

export type ArchiveWorld = {
  machine: Machine;
  paths: ArchivePaths;
  sources: AgentSources;
  /** Bytes free where `folder` is, or will be. */
  freeBytes: (folder: string) => Promise<number>;
};

/** Left free beside an archive, so that no archive fills the disk that the node lives on. */
export const reserveBytes = 256 * 1024 * 1024;

/** Free bytes of the file system of a folder, or of the nearest one above that is there. Local file systems only. */
export async function freeBytesAt(folder: string): Promise<number> {
  for (let at = folder; ; at = at.slice(0, at.lastIndexOf("/")) || "/") {
    try {
      const { bavail, bsize } = await statfs(at);
      return bavail * bsize;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT" || at === "/") throw error;
    }
  }
}

/** A size for a person: `12.3 M`, as the console writes it. */
export function inWords(bytes: number): string {
  const units = ["B", "K", "M", "G", "T"];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}
