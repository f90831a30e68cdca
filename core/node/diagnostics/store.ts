import * as z from "zod";
import { FactMissing, parseJson, whyOf } from "../facts/source.ts";
import { type CheckContext, defineCheck } from "./check.ts";
import { seconds } from "./format.ts";
import { managerConfiguration } from "./manager-configuration.ts";

/** Source: diagnostics.md, "slow disk (fsync over 10 ms)". */
const limitMs = 10;

/**
 * Looks at the store in a process of its own: a dead disk must hold up nothing here. Its arguments are the store's file,
 * and `read` where it may be opened: not while a manager starts, which needs it for itself. What is written to measure
 * the disk is a file of its own, which is gone again at the end.
 */
const probeProgram = `
const fs = require("node:fs");
const { DatabaseSync } = require("node:sqlite");
const [file, how] = process.argv.slice(1);
if (!fs.existsSync(file)) {
  process.stdout.write(JSON.stringify({ said: null, syncMs: null }));
  process.exit();
}
let said = "held";
if (how === "read") try {
  const database = new DatabaseSync(file, { readOnly: true });
  said = Object.values(database.prepare("PRAGMA quick_check(1)").get())[0];
} catch (error) {
  // SQLITE_BUSY
  said = error.errcode === 5 ? "held" : error.message;
}
const probe = require("node:path").join(require("node:path").dirname(file), ".probe-" + process.pid);
let syncMs = null;
try {
  const handle = fs.openSync(probe, "w", 0o600);
  const times = [];
  for (let i = 0; i < 7; i++) {
    fs.writeSync(handle, Buffer.alloc(4096, i), 0, 4096, i * 4096);
    const begin = performance.now();
    fs.fdatasyncSync(handle);
    times.push(performance.now() - begin);
  }
  fs.closeSync(handle);
  syncMs = times.sort((a, b) => a - b)[3];
} catch {}
fs.rmSync(probe, { force: true });
process.stdout.write(JSON.stringify({ said, syncMs }));
`;

const answer = z.object({
  /** `ok`, `held` by a program that has it for itself, or what is wrong; null: there is no such file. */
  said: z.string().nullable(),
  /** The middle of several times of fdatasync(2); null when nothing could be written. */
  syncMs: z.number().nullable(),
});

/** The cloud's store on this node: that it can be read, is sound, and lies on a disk that is quick enough. */
export const storeCheck = defineCheck({
  id: "store",
  area: "management",
  name: "STORE",
  codes: ["STORE.OK", "STORE.ABSENT", "STORE.HELD", "STORE.DAMAGED", "STORE.SLOW"],
  async run(context) {
    if (context.role !== "management") return [];
    const { "store.type": type, "store.file": file } = await managerConfiguration(context.machine);
    const { service, why } = context.fact("management");
    if (type === "etcd") {
      // A manager that has lost its members ends: one that answers has them.
      if (service === "running") return [{ outcome: "passed", code: "STORE.OK", values: { store: "etcd", sync: "" } }];
      return [{ outcome: "unable", why: { code: "notRunning", detail: "binnacle-manager" } }];
    }
    const isDown = service === "stopped" && why !== "restarting";
    const { said, syncMs } = await probe(context, file, isDown ? "read" : "leave");
    // The manager makes it at its first start.
    if (said === null)
      return service === "running" ? [{ outcome: "failed", code: "STORE.ABSENT", values: { file } }] : [];
    const isHeld = said === "held";
    if (isHeld && isDown) return [{ outcome: "failed", code: "STORE.HELD", values: { file } }];
    // A manager that runs has read all of it at its start.
    if (said !== "ok" && !isHeld) return [{ outcome: "failed", code: "STORE.DAMAGED", values: { file, said } }];
    const values = {
      store: file,
      sync: syncMs === null ? "" : seconds(syncMs / 1000),
      limit: seconds(limitMs / 1000),
    };
    if (syncMs !== null && syncMs > limitMs) return [{ outcome: "warning", code: "STORE.SLOW", values }];
    return [{ outcome: "passed", code: "STORE.OK", values }];
  },
});

async function probe(
  { machine, signal }: CheckContext,
  file: string,
  how: "read" | "leave",
): Promise<z.infer<typeof answer>> {
  const args = ["--no-warnings", "--eval", probeProgram, file, how];
  const limits = { timeoutMs: 7000, signal, reason: "Diagnostics" };
  const { stdout } = await machine.run(process.execPath, args, limits).catch((error: unknown) => {
    // By its name: where it lies is of no use to anybody.
    const { code } = whyOf(error);
    throw new FactMissing(code, "node");
  });
  return parseJson(answer, stdout, "sqlite");
}

const backups = "/var/lib/binnacle/backups";
const hourMs = 3_600_000;
/** Source: diagnostics.md, "no backup of the store for more than 24 h". */
const limitHours = 24;

/** How old the newest backup of the store is. */
export const backupCheck = defineCheck({
  id: "backup",
  area: "management",
  name: "BACKUP",
  codes: ["BACKUP.OK", "BACKUP.OLD", "BACKUP.NONE"],
  async run(context) {
    if (context.role !== "management") return [];
    const { machine, signal } = context;
    // Each backup is a file or a folder of its own; one that begins with a dot is still being made.
    const args = [backups, "-mindepth", "1", "-maxdepth", "1", "-not", "-name", ".*", "-printf", "%T@\n"];
    const { stdout } = await machine.run("find", args, { timeoutMs: 5000, signal, reason: "Diagnostics" });
    const times = [...stdout.matchAll(/^\d+(\.\d+)?$/gm)].map(([text]) => Number(text) * 1000);
    if (times.length === 0) return [{ outcome: "warning", code: "BACKUP.NONE", values: { folder: backups } }];
    const newest = Math.max(...times);
    const ageMs = Math.max(0, context.now() - newest);
    const values = { age: ageOf(ageMs), limit: `${limitHours} h` };
    if (ageMs > limitHours * hourMs) return [{ outcome: "warning", code: "BACKUP.OLD", values, since: newest }];
    return [{ outcome: "passed", code: "BACKUP.OK", values }];
  },
});

function ageOf(ms: number): string {
  if (ms >= 72 * hourMs) return `${Math.floor(ms / (24 * hourMs))} d`;
  return ms >= hourMs ? `${Math.floor(ms / hourMs)} h` : `${Math.floor(ms / 60_000)} min`;
}
