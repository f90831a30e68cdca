import { join } from "node:path";
import type { RunOptions, RunResult } from "./command.ts";
import type { Machine } from "./machine.ts";
import type { Passwords } from "./passwords.ts";
import { type Power, powerOf } from "./power.ts";
import { previewPasswords } from "./preview-passwords.ts";
import { appendLine } from "./record-file.ts";
import { systemPasswords } from "./system-passwords.ts";

export type Mode = "node" | "preview";

/** Everything by which the agent changes the machine, beside its own files. */
export type Effects = {
  mode: Mode;
  passwords: Passwords;
  power: Power;
  /**
   * Runs a command that changes the machine. A preview only writes down that it would have been run, and answers as if
   * it had succeeded without a word; its input, which may be a secret, is not written down.
   */
  change: (command: string, args: readonly string[], options: RunOptions) => Promise<RunResult>;
};

/**
 * The one place where a node and a preview differ. A preview has the same facts and carries every change out on a
 * private copy of the state, in its own folder `home`.
 */
export function effects(mode: Mode, machine: Machine, home: string): Effects {
  const change = mode === "node" ? machine.run : writtenDown(machine, join(home, "preview-changes.jsonl"));
  const passwords = mode === "node" ? systemPasswords(machine) : previewPasswords(join(home, "password.json"));
  return { mode, passwords, power: powerOf(change), change };
}

function writtenDown(machine: Machine, file: string): Effects["change"] {
  return async (command, args, options) => {
    await appendLine(file, { at: machine.now(), command, args, reason: options.reason ?? null });
    return { code: 0, stdout: "", stderr: "" };
  };
}
