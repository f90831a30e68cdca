import * as z from "zod";
import type { Filesystem } from "../../model/facts.ts";
import type { Machine } from "../machine.ts";
import { commandFailed, FactMissing, parseJson, type Source } from "./source.ts";

const places: [Filesystem["purpose"], string][] = [
  ["install", "/"],
  ["data", "/var/lib/binnacle"],
  ["logs", "/var/log"],
];

/** Where an image-based node's root partition is mounted: the systems and what the node keeps lie on it. */
const imageDisk = "/run/binnacle-image/disk";
/** A root that is never anything but full, or that shows the figures of what lies below it. */
const imageTypes = new Set(["squashfs", "overlay"]);

const columns = "TARGET,SOURCE,FSTYPE,OPTIONS,SIZE,AVAIL";
const timeoutMs = 5000;

const findmnt = z.object({
  filesystems: z
    .array(
      z.object({
        target: z.string(),
        source: z.string().nullable(),
        fstype: z.string(),
        options: z.string(),
        size: z.coerce.number().nonnegative(),
        avail: z.coerce.number().nonnegative(),
      }),
    )
    .min(1),
});

/**
 * The file systems that the node lives on. findmnt looks at them in a process of its own, for a file system whose
 * server is gone stops whoever looks at it. One that does not answer is left out; the others are shown.
 */
export function filesystemsSource(): Source<"filesystems"> {
  return {
    name: "filesystems",
    everyMs: 30_000,
    idleEveryMs: 120_000,
    budgetMs: 12_000,
    async read(machine, signal) {
      const found = await Promise.allSettled(
        places.map(async ([purpose, path]) => ({ purpose, ...(await readPlace(machine, path, signal)) })),
      );
      const list = found.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      const failed = found.find((one) => one.status === "rejected");
      if (list.length === 0 && failed !== undefined) throw failed.reason;
      return list;
    },
  };
}

/** One file system from `findmnt --json --bytes`. Sizes are as `df` counts them. */
export function parseFindmnt(text: string): Omit<Filesystem, "purpose"> {
  // Of file systems mounted one over the other only the last can be seen.
  const top = parseJson(findmnt, text, "findmnt").filesystems.at(-1);
  if (top === undefined || top.avail > top.size) throw new FactMissing("nonsense", "findmnt");
  return {
    mount: top.target,
    device: top.source ?? "",
    type: top.fstype,
    sizeBytes: top.size,
    freeBytes: top.avail,
    readOnly: top.options.split(",").includes("ro"),
  };
}

/** Of an image, the disk that it lies on: that is where room is needed and can be made. */
async function readPlace(machine: Machine, path: string, signal: AbortSignal) {
  const found = await readNearest(machine, path, signal);
  if (path !== "/" || !imageTypes.has(found.type)) return found;
  const below = await readNearest(machine, imageDisk, signal).catch(() => undefined);
  return below?.mount === imageDisk ? below : found;
}

/** The file system of the path, or of the nearest folder above it that is there. */
async function readNearest(machine: Machine, path: string, signal: AbortSignal) {
  for (let at = path; ; at = at.slice(0, at.lastIndexOf("/")) || "/") {
    const args = ["--json", "--bytes", "--output", columns, "--target", at];
    const { code, stdout, stderr } = await machine.run("findmnt", args, { timeoutMs, signal });
    if (code === 0 && stdout !== "") return parseFindmnt(stdout);
    if (at === "/") throw commandFailed("findmnt", stderr);
  }
}
