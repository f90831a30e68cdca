import { join } from "node:path";
import { writeDurably } from "../../../core/node/durable.ts";
import { mountTarget, targetPlaces, unmountTarget } from "../mounts.ts";
import { runStep, type StepContext } from "../work.ts";

/** What the installation leaves on the root partition when it has come to its end. */
export const markerName = "state/installed.json";

/** Says on the disk that the installation is complete, and leaves the disk. @throws CommandFailure */
export async function finish(context: StepContext): Promise<void> {
  const { job, places, machine } = context;
  await mountTarget(context);
  const { root } = targetPlaces(places.work);
  const marker = {
    version: job.manifest.version,
    role: job.draft.role,
    installedAt: new Date(machine.now()).toISOString(),
  };
  await writeDurably(join(root, markerName), `${JSON.stringify(marker, null, 2)}\n`);
  await runStep(context, "sync", [], { reason: "everything is on the disk", timeoutMs: 600_000 });
  context.share(0.6);
  await unmountTarget(context);
  for (const disk of job.layout.disks) {
    await runStep(context, "blockdev", ["--flushbufs", disk.path], { reason: "everything is on the disk" });
  }
}
