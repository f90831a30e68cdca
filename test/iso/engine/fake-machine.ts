import { NodeError } from "../../../core/model/error.ts";
import type { Machine, RunResult } from "../../../core/node/machine.ts";

export type Ran = { line: string; input: string | undefined };

/**
 * A machine that only writes down what it is asked to run. Every command succeeds without a word, unless `answers` has
 * another result for the beginning of its line; every link is there, and nothing is mounted but the root.
 */
export function fakeMachine(answers: Record<string, Partial<RunResult>> = {}): { machine: Machine; ran: Ran[] } {
  const ran: Ran[] = [];
  const machine: Machine = {
    readFile: async (path) => {
      throw new NodeError("FILE.ABSENT", `There is no ${path}.`);
    },
    readDir: async () => [],
    readLink: async () => "../../sda1",
    async run(command, args, { input }) {
      const line = [command, ...args].join(" ");
      ran.push({ line, input });
      if (command === "findmnt") return { code: 0, stdout: '{"filesystems":[{"target":"/"}]}', stderr: "" };
      const found = Object.entries(answers).find(([start]) => line.startsWith(start))?.[1];
      return { code: 0, stdout: "", stderr: "", ...found };
    },
    stream: () => ({ stop() {}, done: Promise.resolve(0) }),
    now: () => Date.UTC(2026, 5, 1),
    monotonicMs: () => 0,
    after(_delayMs, action) {
      const timer = setImmediate(action);
      return () => clearImmediate(timer);
    },
  };
  return { machine, ran };
}
