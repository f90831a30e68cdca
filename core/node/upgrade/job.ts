import { isAbsolute } from "node:path";
import { NodeError } from "../../model/error.ts";
import type { Job } from "../../model/records.ts";
import { type UpgradeTarget, upgradeJob } from "../../model/upgrade.ts";
import type { Audit } from "../audit.ts";
import type { JobContext, Jobs } from "../jobs.ts";
import type { CopyOptions } from "./disk.ts";
import { checkImage, type Image, publishedChecksum, withImage } from "./image.ts";
import { install } from "./install.ts";
import { bootParts, systemParts } from "./manifest.ts";
import { planUpgrade } from "./plan.ts";
import { problem } from "./problem.ts";
import { keepImage, requireRepositoryRoom } from "./repository.ts";
import { findSystems } from "./state.ts";
import type { UpgradeWorld } from "./world.ts";

export type UpgradeRequest = { file: string; target: UpgradeTarget };
type Tools = { jobs: Jobs; audit: Audit; world: UpgradeWorld };

/**
 * Starts the job that upgrades this node to the image in `file`, or keeps the image for other nodes. Its log says each
 * step, and at a failure what to do. It can be cancelled; whatever ends it before its last step leaves the node as it
 * was. How it ended is in the audit log, with the versions before and after.
 *
 * @throws NodeError UPGRADE.BAD_FILE, UPGRADE.RUNNING, and those of `Jobs.start`
 */
export function startUpgrade({ jobs, audit, world }: Tools, request: UpgradeRequest, console: string): Job {
  const { file, target } = request;
  if (!isAbsolute(file) || file.includes("\0"))
    throw problem("UPGRADE.BAD_FILE", "This is not the full path of an image.", "Give a path that begins with /.");
  requireNoneRunning(jobs);
  return jobs.start({ kind: upgradeJob, subject: file, console, cancellable: true }, (context) =>
    telling(context, async () => {
      await audit.audited(
        { console, action: `upgrade.${target}`, detail: file },
        () => (target === "system" ? upgradeSystem(world, file, context) : refreshRepository(world, file, context)),
        (versions) => versions,
      );
    }),
  );
}

/** @throws NodeError UPGRADE.RUNNING */
export function requireNoneRunning(jobs: Jobs): void {
  const other = jobs.list().find(({ kind, state }) => kind === upgradeJob && state === "running");
  if (other === undefined) return;
  throw problem(
    "UPGRADE.RUNNING",
    `An upgrade runs already, with ${other.subject}.`,
    "Wait until it ends, or stop it: F2, Jobs.",
    { job: other.id },
  );
}

/** The list of jobs has a sentence for what went wrong; the log has the remedy as well. */
async function telling(context: JobContext, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (context.signal.aborted) context.log("Called off. The running system is untouched.");
    else if (error instanceof NodeError) context.log(`${error.code}: ${error.message}\n${error.remedy ?? ""}`.trim());
    throw error;
  }
}

type Versions = { before?: string; after: string };

/** Throws the codes of `withImage`, `findSystems`, `planUpgrade`, `checkImage` and `install`. */
async function upgradeSystem(world: UpgradeWorld, file: string, context: JobContext): Promise<Versions> {
  const { machine } = world;
  context.log("Checking this node");
  await findSystems(world);
  return withImage(
    world,
    file,
    async (image) => {
      const { systems, menu } = await findSystems(world);
      const { version, files } = image.manifest;
      const bytes = (names: readonly (keyof typeof files & string)[]) =>
        names.reduce((sum, name) => sum + (files[name]?.sizeBytes ?? 0), 0);
      const needed = { version, systemBytes: bytes(systemParts), bootBytes: bytes(bootParts) };
      const plan = planUpgrade(systems, needed, machine.now());
      context.log(`Running version ${systems.running}, the image has ${version}`);
      context.log(systems.backup === undefined ? "No store here: no backup needed" : "The store has a fresh backup");

      const published = await publishedChecksum(file);
      const parts = needed.systemBytes + needed.bootBytes;
      const options = shown(context, 2 * parts + (published === undefined ? 0 : image.sizeBytes));
      await check(image, published, options, context);
      await install({ world, plan, menu, image, options, log: context.log });
      context.log(`${version} is installed beside ${plan.former}. Restart the node to start it.`);
      context.log(`If its role check fails, ${plan.former} is started again.`);
      return { before: systems.running, after: version };
    },
    context.signal,
  );
}

/** Throws the codes of `withImage`, `checkImage`, `requireRepositoryRoom` and `keepImage`. */
function refreshRepository(world: UpgradeWorld, file: string, context: JobContext): Promise<Versions> {
  return withImage(
    world,
    file,
    async (image) => {
      const { version, files } = image.manifest;
      await requireRepositoryRoom(world, image);
      const published = await publishedChecksum(file);
      const parts = [...systemParts, ...bootParts].reduce((sum, name) => sum + files[name].sizeBytes, 0);
      const options = shown(context, parts + image.sizeBytes);
      // The image's own checksum is compared while it is copied.
      await check(image, undefined, options, context);
      context.log(`Copying the image of ${version} to ${world.paths.repository}`);
      await keepImage(world, image, published, options);
      context.log(`The repository has ${version}. Nothing was started.`);
      return { after: version };
    },
    context.signal,
  );
}

async function check(
  image: Image,
  published: string | undefined,
  options: CopyOptions,
  context: JobContext,
): Promise<void> {
  context.log(published === undefined ? "Checking the image's files" : "Checking the image and its files");
  await checkImage(image, published, options);
}

/** Shows how much of `totalBytes` was read. */
function shown(context: JobContext, totalBytes: number): CopyOptions {
  let done = 0;
  return {
    signal: context.signal,
    onBytes: (bytes) => {
      done += bytes;
      // The last writes are small, and the job is not done before them.
      context.progress(Math.min(done / totalBytes, 1) * 0.99);
    },
  };
}
