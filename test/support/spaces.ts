import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";

/* What beds of namespaces do with their processes. */

/** The one child of a process; 0 while there is none. `program`: not before it has become the program of this name. */
export function childOf({ pid }: ChildProcess, program?: string): number {
  const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  const child = Number(children[0] ?? 0);
  if (child === 0 || program === undefined) return child;
  return fs.readFileSync(`/proc/${child}/cmdline`, "utf8").includes(program) ? child : 0;
}

/** Resolves when a child has printed this line. @throws when it ends before, with what it complained of */
export function line(child: ChildProcess, wanted: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    let complaints = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      complaints += chunk.toString();
    });
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.split("\n").includes(wanted)) resolve();
    });
    child.once("exit", (code) => reject(new Error(`It ended with ${code} instead of "${wanted}": ${complaints}`)));
  });
}

export async function until(what: string, isSo: () => boolean, timeoutMs = 20_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`Waited in vain for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
