import { writeFile } from "node:fs/promises";
import { NodeError } from "../../../core/model/error.ts";
import { sha256Of } from "../hash.ts";
import { systemFiles } from "../manifest.ts";
import { mountTarget } from "../mounts.ts";
import { runStep, type StepContext } from "../work.ts";
import { copiedFile } from "./copy.ts";

/**
 * Reads the copied files back from the disk and compares them with the medium's list: what the memory still holds of
 * them is dropped first.
 * @throws NodeError VERIFY.DIFFERS
 */
export async function verify(context: StepContext): Promise<void> {
  const { job, places, log } = context;
  await mountTarget(context);
  await runStep(context, "sync", [], { reason: "nothing is left to be written", timeoutMs: 600_000 });
  await dropCaches(log);
  const total = systemFiles.reduce((sum, name) => sum + job.manifest.files[name].sizeBytes, 0);
  let before = 0;
  for (const name of systemFiles) {
    const { sha256, sizeBytes } = job.manifest.files[name];
    const file = copiedFile(job, places, name);
    const found = await sha256Of(file, (bytes) => context.share((before + bytes) / total), context.signal);
    if (found !== sha256)
      throw new NodeError("VERIFY.DIFFERS", `${name} on the disk is not what the medium's list says.`, {
        remedy: "Try again. If it stays so, the medium, the disk or the memory is faulty: check the medium first.",
      });
    log(`verified ${name}: ${found}`);
    before += sizeBytes;
  }
}

/** Source: the kernel's Documentation/admin-guide/sysctl/vm.rst. */
async function dropCaches(log: (line: string) => void): Promise<void> {
  try {
    await writeFile("/proc/sys/vm/drop_caches", "3\n");
  } catch {
    log("the caches could not be dropped: what is verified may come from the memory");
  }
}
