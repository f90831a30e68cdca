import * as z from "zod/mini";

/** The versions of the system on a node's disk, and which of them is started. */
export const upgradeStatus = z.object({
  /** false: not started from an installed image, so nothing can be upgraded. */
  imageBased: z.boolean(),
  running: z.nullable(z.string()),
  /** Known to work: what is started when no trial is on. */
  default: z.nullable(z.string()),
  /** On trial: it becomes the default when its role check passes. `left`: starts that it still has. */
  trial: z.nullable(z.object({ version: z.string(), left: z.number(), isRunning: z.boolean() })),
  /** The version whose trial failed last. */
  failed: z.nullable(z.string()),
  /** Newest first; each of them can be chosen in the boot menu. */
  installed: z.array(z.object({ version: z.string(), sizeBytes: z.number() })),
  /** Images that other nodes can be upgraded from, newest first. */
  repository: z.array(z.object({ version: z.string(), file: z.string(), sizeBytes: z.number() })),
});
export type UpgradeStatus = z.infer<typeof upgradeStatus>;

/** What an upgrade does: `system` adds a new system beside the running one, `repository` only keeps the image for other nodes. */
export const upgradeTargets = ["system", "repository"] as const;
export type UpgradeTarget = (typeof upgradeTargets)[number];

/** The kind of its job, in the list of jobs. */
export const upgradeJob = "upgrade";
