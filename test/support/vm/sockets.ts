import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

/** Waits for the sockets that a program makes in its own time. @throws with its complaint when it ends before */
export async function untilThere(program: string, child: ChildProcess, sockets: readonly string[]): Promise<void> {
  let errors = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  const deadline = performance.now() + 30_000;
  while (!sockets.every((name) => fs.existsSync(name))) {
    if (ended()) throw new Error(`${program} ended with ${child.exitCode ?? child.signalCode}: ${errors}`);
    if (performance.now() > deadline) throw new Error(`${program} made no sockets: ${errors}`);
    await wait(50);
  }
}
