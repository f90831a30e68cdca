import * as z from "zod";
import { missing } from "./reading.ts";

/* What an agent keeps and tells beside its facts: settings, jobs, audit, logs, diagnostics, power. */

export const languages = ["en", "zh"] as const;
export type Language = (typeof languages)[number];

/** What is on the home screen while nobody has given the password. */
export const publicViews = ["panels", "status", "nothing"] as const;
export type PublicView = (typeof publicViews)[number];

export const nodeSettings = z.object({
  /** Idle minutes until a console locks itself. */
  lockMinutes: z.number().int().min(1).max(60).default(10),
  publicView: z.enum(publicViews).default("panels"),
  /** Address that Test Network offers. */
  pingTarget: z.string().min(1).max(253).default("114.114.114.114"),
});
export type NodeSettings = z.infer<typeof nodeSettings>;

export const consoleSettings = z.object({
  language: z.enum(languages).default("en"),
  /** `auto`: as the terminal looks like. */
  profile: z.enum(["auto", "rich", "basic"]).default("auto"),
});
export type ConsoleSettings = z.infer<typeof consoleSettings>;

export const jobStates = ["running", "done", "failed", "cancelled", "interrupted"] as const;
export const job = z.object({
  id: z.string(),
  kind: z.string(),
  /** What the job works on, as data: an address, a unit. */
  subject: z.string(),
  console: z.string(),
  state: z.enum(jobStates),
  startedAt: z.number(),
  endedAt: z.number().nullable(),
  /** 0 to 1; null when nobody can say. */
  progress: z.number().nullable(),
  cancellable: z.boolean(),
  /** Why it failed, in a sentence. */
  error: z.object({ code: z.string(), description: z.string() }).nullable(),
  /** Lines in its log so far, those beyond the kept ones included. */
  lines: z.number(),
});
export type Job = z.infer<typeof job>;

export const jobLog = z.object({ first: z.number(), lines: z.array(z.string()) });

export const auditEntry = z.object({
  at: z.number(),
  console: z.string(),
  action: z.string(),
  result: z.enum(["ok", "refused", "failed"]),
  before: z.string().nullable(),
  after: z.string().nullable(),
  detail: z.string().nullable(),
});
export type AuditEntry = z.infer<typeof auditEntry>;

export const logLine = z.object({
  cursor: z.string(),
  at: z.number(),
  /** syslog priority, 0 (emergency) to 7 (debug). */
  priority: z.number(),
  unit: z.string(),
  message: z.string(),
});
export type LogLine = z.infer<typeof logLine>;

export const process = z.object({
  pid: z.number(),
  user: z.string(),
  name: z.string(),
  /** Share of one core over the last interval. */
  cpu: z.number(),
  memoryBytes: z.number(),
});
export type Process = z.infer<typeof process>;

export const findingAreas = ["hardware", "node", "network", "hypervisor", "storage", "management"] as const;

/**
 * The outcome of one check. `code` names the sentence in the catalogue (`diagnosis.CODE.what`, `.why`, `.remedy`),
 * `values` fill it in: the measured value, the limit, the place.
 */
export const finding = z.object({
  id: z.string(),
  area: z.enum(findingAreas),
  outcome: z.enum(["passed", "warning", "failed", "unable"]),
  code: z.string(),
  values: z.record(z.string(), z.string()),
  since: z.number().nullable(),
  /** Set when the check could not run. */
  unable: missing.nullable(),
  /** A safe remedy that the agent can carry out. */
  fix: z.string().nullable(),
});
export type Finding = z.infer<typeof finding>;
export const diagnosis = z.object({ at: z.number(), findings: z.array(finding) });
export type Diagnosis = z.infer<typeof diagnosis>;

export const powerActions = ["reboot", "poweroff"] as const;
export type PowerAction = (typeof powerActions)[number];
/** What has to be typed, letter by letter. Source: console.md, "Reboot / power off". */
export const powerPhrase: Record<PowerAction, string> = { reboot: "REBOOT", poweroff: "POWEROFF" };

/** What a reboot or power-off would hit. `null`: not known, and the screen says so. */
export const impact = z.object({
  runningVirtualMachines: z.number().nullable(),
  haRole: z.string().nullable(),
  storageQuorum: z.string().nullable(),
  lastBackupAt: z.number().nullable(),
  runningJobs: z.number(),
  otherConsoles: z.array(z.string()),
  uptimeSeconds: z.number().nullable(),
});
export type Impact = z.infer<typeof impact>;
