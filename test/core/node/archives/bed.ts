import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { NodeError } from "../../../../core/model/error.ts";
import { missingFacts } from "../../../../core/model/facts.ts";
import type { Job } from "../../../../core/model/records.ts";
import { type ArchiveWorld, archivePaths, freeBytesAt } from "../../../../core/node/archives/world.ts";
import { Audit } from "../../../../core/node/audit.ts";
import { Jobs } from "../../../../core/node/jobs.ts";
import { createLog } from "../../../../core/node/log.ts";
import { type Machine, type RunOptions, type RunResult, realMachine } from "../../../../core/node/machine.ts";
import { temporaryFolder } from "../../../support/programs.ts";

export type Planted = {
  files?: Record<string, string>;
  /** By command line; a function may take its time. */
  commands?: Record<string, string | ((options: RunOptions) => Promise<RunResult>)>;
  /** Entries of the journal, oldest first. */
  journal?: readonly { message: string; unit?: string; name?: string; at?: number }[];
};

export const journalNow = Date.UTC(2026, 10, 21, 14, 3, 7);

/** A machine that has what a test plants and nothing else; tar is the real one. */
export function plantedMachine({ files = {}, commands = {}, journal = [] }: Planted): Machine {
  const real = realMachine();
  const entries = journal.map((entry, nth) => journalEntry(entry, nth));
  const absent = (path: string) => new NodeError("FILE.ABSENT", `There is no ${path}.`);
  return {
    ...real,
    now: () => journalNow,
    async readFile(path) {
      const text = files[path];
      if (text === undefined) throw absent(path);
      return text;
    },
    async readDir(folder) {
      const names = Object.keys(files)
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1));
      if (names.length === 0) throw absent(folder);
      return names.sort();
    },
    async run(command, args, options) {
      const line = [command, ...args].join(" ");
      if (command === "journalctl" && args.includes("--output=json"))
        return { code: 0, stdout: journalPage(entries, args).join("\n"), stderr: "" };
      const answer = commands[line];
      if (answer === undefined) throw new NodeError("RUN.NOT_FOUND", `The command ${command} is not installed.`);
      return typeof answer === "string" ? { code: 0, stdout: answer, stderr: "" } : answer(options);
    },
    stream(command, args, onLine, limits) {
      if (command !== "journalctl") return real.stream(command, args, onLine, limits);
      const done = Promise.resolve().then(() => {
        for (const line of journalPage(entries, args)) onLine(line, "stdout");
        return 0;
      });
      return { stop() {}, done };
    },
  };
}

function journalEntry(entry: { message: string; unit?: string; name?: string; at?: number }, nth: number): string {
  const { message, unit = "test.service", name = "test", at = journalNow - 60_000 + nth } = entry;
  return JSON.stringify({
    __CURSOR: `s=abc;i=${(nth + 1).toString(16)}`,
    __REALTIME_TIMESTAMP: String(at * 1000),
    MESSAGE: message,
    _SYSTEMD_UNIT: unit,
    SYSLOG_IDENTIFIER: name,
    _PID: "12",
    PRIORITY: "6",
  });
}

function journalPage(entries: readonly string[], args: readonly string[]): string[] {
  const cursor = args.find((arg) => arg.startsWith("--after-cursor="))?.slice("--after-cursor=".length);
  const from = cursor === undefined ? 0 : entries.findIndex((entry) => entry.includes(`"${cursor}"`)) + 1;
  return args.includes("--lines=1") ? entries.slice(-1) : entries.slice(from);
}

export type ArchiveBed = Awaited<ReturnType<typeof archiveBed>>;

export async function archiveBed(machine: Machine, more: Partial<Pick<ArchiveWorld, "freeBytes">> = {}) {
  const folder = temporaryFolder();
  const home = join(folder.path, "agent");
  mkdirSync(home);
  const log = createLog({ level: "silent" });
  const troubles: unknown[] = [];
  const jobs = await Jobs.open({ folder: home, now: machine.now, onTrouble: (_what, error) => troubles.push(error) });
  const audit = new Audit({ file: join(home, "audit.jsonl"), now: machine.now, log });
  const facts = () => missingFacts({ code: "pending", detail: "" }, journalNow);
  const paths = archivePaths(folder.path);
  const world: ArchiveWorld = {
    machine,
    paths,
    freeBytes: freeBytesAt,
    sources: {
      version: "1.2.3",
      facts,
      hardware: async () => {
        throw new NodeError("HARDWARE.UNKNOWN", "The firmware tells nothing.");
      },
      diagnose: async () => ({ at: journalNow, findings: [] }),
      audit,
      jobs,
    },
    ...more,
  };
  const served: string[] = [];
  return {
    root: folder.path,
    world,
    paths,
    jobs,
    audit,
    served,
    troubles,
    tools: {
      jobs,
      audit,
      world,
      serve: async (name: string) => void served.push(name),
      inUse: () => undefined,
    },
    /** Waits until the job has ended. */
    async ended(job: Job): Promise<Job> {
      for (;;) {
        const now = jobs.get(job.id);
        if (now.state !== "running") return now;
        await new Promise<void>((resolve) => {
          const stop = jobs.subscribe(() => {
            stop();
            resolve();
          });
        });
      }
    },
    async log(job: Job): Promise<string> {
      return (await jobs.log(job.id, 0)).lines.join("\n");
    },
    async dispose() {
      await jobs.close();
      folder.dispose();
    },
  };
}
