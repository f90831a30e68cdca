import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { NodeError } from "../../model/error.ts";
import { syncFolder } from "../durable.ts";
import type { Machine } from "../machine.ts";

/** tar tells after so many records of 10 KiB. */
const checkpoint = 200;
const recordBytes = 10_240;

export type PackOptions = {
  machine: Machine;
  /** Holds the folder `name`. */
  folder: string;
  name: string;
  /** Of all files, for the progress. */
  bytes: number;
  into: string;
  signal: AbortSignal;
  progress: (share: number) => void;
};

/**
 * Packs a folder as .tar.gz, which every Windows since 2018 unpacks by itself (`tar -xf`), and syncs it.
 *
 * @throws NodeError COLLECT.FAILED; the signal's reason
 */
export async function packFolder({ machine, folder, name, bytes, into, signal, progress }: PackOptions): Promise<void> {
  const complaints: string[] = [];
  const args = [
    "--create",
    "--gzip",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    `--checkpoint=${checkpoint}`,
    "--checkpoint-action=echo=%u",
    `--file=${into}`,
    `--directory=${folder}`,
    "--",
    name,
  ];
  const onLine = (line: string, from: "stdout" | "stderr") => {
    const records = /^tar: (\d+)$/.exec(line)?.[1];
    if (records !== undefined) progress(Math.min((Number(records) * recordBytes) / Math.max(bytes, 1), 1));
    else if (from === "stderr") complaints.push(line);
  };
  const { done } = machine.stream("tar", args, onLine, { reason: "Collect Logs", signal });
  const code = await done.catch((error: unknown) => {
    throw failed(error instanceof Error ? error.message : "tar could not be run.", error);
  });
  signal.throwIfAborted();
  if (code !== 0) throw failed(complaints.at(-1) ?? `tar ended with ${code}`);
  await syncFile(into);
  await syncFolder(dirname(into));
}

export async function syncFile(file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function failed(why: string, cause?: unknown): NodeError {
  return new NodeError("COLLECT.FAILED", `The archive could not be packed: ${why.replace(/\.$/, "")}.`, { cause });
}
