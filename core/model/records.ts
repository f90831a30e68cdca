import * as z from "zod/mini";
import { missing } from "./reading.ts";

/* What an agent keeps and tells beside its facts: settings, jobs, audit, logs, diagnostics, power. */

export const languages = ["en", "zh"] as const;
export type Language = (typeof languages)[number];

/** What is on the home screen while nobody has given the password. */
export const publicViews = ["panels", "status", "nothing"] as const;
export type PublicView = (typeof publicViews)[number];

const nodeFields = {
  /** Idle minutes until a console locks itself. */
  lockMinutes: z.int().check(z.minimum(1), z.maximum(60)),
  publicView: z.enum(publicViews),
  /** Address that Test Network offers. */
  pingTarget: z.string().check(z.minLength(1), z.maxLength(253), z.regex(/^\P{Cc}*$/u)),
};

export const nodeSettings = z.object({
  lockMinutes: z._default(nodeFields.lockMinutes, 10),
  publicView: z._default(nodeFields.publicView, "panels"),
  pingTarget: z._default(nodeFields.pingTarget, "114.114.114.114"),
});
/** Some of the settings: those left out stay as they are. */
export const nodeSettingsChange = z.partial(z.object(nodeFields));
export type NodeSettings = z.infer<typeof nodeSettings>;

const consoleFields = {
  language: z.enum(languages),
  /** `auto`: as the terminal looks like. */
  profile: z.enum(["auto", "rich", "basic"]),
};

export const consoleSettings = z.object({
  language: z._default(consoleFields.language, "en"),
  profile: z._default(consoleFields.profile, "auto"),
});
export const consoleSettingsChange = z.partial(z.object(consoleFields));
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
  endedAt: z.nullable(z.number()),
  /** 0 to 1; null when nobody can say. */
  progress: z.nullable(z.number()),
  cancellable: z.boolean(),
  /** Why it failed, in a sentence. */
  error: z.nullable(z.object({ code: z.string(), description: z.string() })),
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
  before: z.nullable(z.string()),
  after: z.nullable(z.string()),
  detail: z.nullable(z.string()),
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
  since: z.nullable(z.number()),
  /** Set when the check could not run. */
  unable: z.nullable(missing),
  /** A safe remedy that the agent can carry out. */
  fix: z.nullable(z.string()),
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
  runningVirtualMachines: z.nullable(z.number()),
  haRole: z.nullable(z.string()),
  storageQuorum: z.nullable(z.string()),
  lastBackupAt: z.nullable(z.number()),
  runningJobs: z.number(),
  otherConsoles: z.array(z.string()),
  uptimeSeconds: z.nullable(z.number()),
});
export type Impact = z.infer<typeof impact>;

/** The node's end of the channel to a manager, and the cloud that it belongs to. */
export const membership = z.object({
  /** TCP port on which the agent listens to managers; null when it doesn't. */
  port: z.nullable(z.number()),
  /** SHA-256 of the certificate that it shows to whoever does not know it: `AB:CD:…`. */
  fingerprint: z.nullable(z.string()),
  /** SHA-256 of the authority of its cloud; null: it belongs to none. */
  cloud: z.nullable(z.string()),
  /** As its cloud knows it. */
  hostUuid: z.nullable(z.string()),
});
export type MembershipState = z.infer<typeof membership>;

/** What the machine is made of, as its firmware tells. `null`: it does not tell, or only a placeholder. */
export const hardware = z.object({
  vendor: z.nullable(z.string()),
  model: z.nullable(z.string()),
  serial: z.nullable(z.string()),
  board: z.nullable(z.string()),
  firmware: z.nullable(z.string()),
  firmwareDate: z.nullable(z.string()),
  cpu: z.object({
    model: z.string(),
    sockets: z.number(),
    cores: z.number(),
    threads: z.number(),
    maxGhz: z.nullable(z.number()),
    l3Bytes: z.nullable(z.number()),
  }),
  memory: z.array(
    z.object({
      slot: z.nullable(z.string()),
      sizeBytes: z.number(),
      type: z.nullable(z.string()),
      mhz: z.nullable(z.number()),
      vendor: z.nullable(z.string()),
      part: z.nullable(z.string()),
      ecc: z.nullable(z.boolean()),
    }),
  ),
});
export type Hardware = z.infer<typeof hardware>;
