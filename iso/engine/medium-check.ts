import { join } from "node:path";
import * as z from "zod";
import type { InstallerState } from "../../core/model/installation/protocol.ts";
import type { Machine } from "../../core/node/machine.ts";
import { type Manifest, systemFolder } from "./manifest.ts";

type MediumCheck = InstallerState["medium"];

const hashLine = z.union([z.object({ bytes: z.number() }), z.object({ sha256: z.string() })]);

/**
 * Reads every file of the medium's list and compares its checksum, in a process that gives way to all others. `hasher`
 * is the command that prints the progress of one file; it gets the file's path.
 */
export async function checkMedium(
  { machine, hasher, signal }: { machine: Machine; hasher: readonly string[]; signal: AbortSignal },
  medium: string,
  { files }: Manifest,
  onChange: (check: MediumCheck) => void,
): Promise<void> {
  const total = Object.values(files).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let before = 0;
  for (const [name, { sha256, sizeBytes }] of Object.entries(files)) {
    const share = (bytes: number) => onChange({ check: "running", share: (before + bytes) / total, file: name });
    share(0);
    const found = await hashOf(machine, hasher, join(systemFolder(medium), name), share, signal);
    if (signal.aborted) return onChange({ check: "skipped", share: 0, file: null });
    if (found !== sha256) return onChange({ check: "fail", share: (before + sizeBytes) / total, file: name });
    before += sizeBytes;
  }
  onChange({ check: "pass", share: 1, file: null });
}

/** Undefined: it could not be read to its end. */
async function hashOf(
  machine: Machine,
  hasher: readonly string[],
  file: string,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<string | undefined> {
  // The lowest priority for the disk and the processor: whoever waits at the questions must not notice.
  const args = ["-c", "3", "nice", "-n", "19", ...hasher, file];
  let sum: string | undefined;
  const onLine = (line: string, from: "stdout" | "stderr") => {
    const said = from === "stdout" ? parsed(line) : undefined;
    if (said === undefined) return;
    if ("sha256" in said) sum = said.sha256;
    else onBytes(said.bytes);
  };
  const code = await machine
    .stream("ionice", args, onLine, { signal, reason: "check the medium" })
    .done.catch(() => null);
  return code === 0 ? sum : undefined;
}

function parsed(line: string): z.infer<typeof hashLine> | undefined {
  try {
    return hashLine.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
