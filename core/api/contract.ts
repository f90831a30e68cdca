import * as z from "zod/mini";
import { archiveKinds, logCollections, logRanges, serving, storeBackups } from "../model/archives.ts";
import { consoleProxyState } from "../model/console-proxy.ts";
import { facts } from "../model/facts.ts";
import { histories } from "../model/history.ts";
import { localActions, localMachine, localMachines } from "../model/local-machines.ts";
import { managerPasswords, storeAccounts } from "../model/manager-passwords.ts";
import { networkConfiguration } from "../model/network/configuration.ts";
import { networkOperations } from "../model/network/operation.ts";
import {
  countdown,
  keepModes,
  networkPlan,
  networkTransaction,
  savedConfiguration,
} from "../model/network/transaction.ts";
import {
  auditEntry,
  consoleSettings,
  consoleSettingsChange,
  diagnosis,
  hardware,
  impact,
  job,
  jobLog,
  logLine,
  membership,
  nodeSettings,
  nodeSettingsChange,
  powerActions,
  process,
  publicViews,
} from "../model/records.ts";
import { serviceAccepts, serviceActions, serviceImpact, serviceState } from "../model/service.ts";
import { upgradeStatus, upgradeTargets } from "../model/upgrade.ts";

/**
 * Version of the protocol between the agent and its clients. A client that finds another one says so and goes on
 * asking, because an upgrade replaces the two one after the other.
 */
export const protocol = 1;

/** Header that names the console a call comes from: `tty1`, `ttyS0`, `pts/3`. */
export const consoleHeader = "x-binnacle-console";

/**
 * Who may make a call: anybody who can open the socket, or only a session (a console that gave the password).
 * A call without a session gets the public view of facts.
 */
type Access = "public" | "session";

type Call = {
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: `/v1/${string}`;
  access: Access;
  params: z.ZodMiniType;
  query: z.ZodMiniType;
  body: z.ZodMiniType;
  response: z.ZodMiniType;
};

const none = z.undefined();

/** A text of at most `most` UTF-16 units. */
function text(most: number) {
  return z.string().check(z.maxLength(most));
}

/** A whole number that comes as text, in a query. */
function whole(least: number, most: number) {
  return z.coerce.number().check(z.multipleOf(1), z.minimum(least), z.maximum(most));
}

function call<
  M extends Call["method"],
  R extends z.ZodMiniType,
  B extends z.ZodMiniType = typeof none,
  Q extends z.ZodMiniType = typeof none,
  P extends z.ZodMiniType = typeof none,
>(
  method: M,
  path: Call["path"],
  access: Access,
  response: R,
  more: { body?: B; query?: Q; params?: P } = {},
): { method: M; path: Call["path"]; access: Access; response: R; body: B; query: Q; params: P } {
  return {
    method,
    path,
    access,
    response,
    body: (more.body ?? none) as B,
    query: (more.query ?? none) as Q,
    params: (more.params ?? none) as P,
  };
}

/** Not `__proto__`: settings stored under that name would be lost. */
export const consoleName = z.string().check(z.regex(/^(?!__proto__$)[A-Za-z0-9/_.:-]{1,64}$/));
/** Upper bound of what is accepted as a password; far above what anybody types, below what could hurt. */
export const password = text(4096);
/** What callers on root's own socket are called, and nobody else. */
export const rootConsole = "root";
const nothing = z.object({});

export const agentStatus = z.object({
  product: z.string(),
  version: z.string(),
  protocol: z.number(),
  /** `preview`: what would change the machine is carried out on a private copy of its state. */
  mode: z.enum(["node", "preview"]),
  startedAt: z.number(),
  /** false only in a preview whose password nobody has chosen yet. */
  passwordSet: z.boolean(),
  publicView: z.enum(publicViews),
  lockMinutes: z.number(),
});
export type AgentStatus = z.infer<typeof agentStatus>;

export const session = z.object({
  token: z.string(),
  console: z.string(),
  openedAt: z.number(),
  idleMs: z.number(),
});
export type Session = z.infer<typeof session>;

export const logQuery = z.object({
  unit: z.optional(text(256)),
  /** Lines of this syslog priority and more important ones. */
  priority: z.optional(whole(0, 7)),
  since: z.optional(z.coerce.number()),
  until: z.optional(z.coerce.number()),
  match: z.optional(text(200)),
  /** Lines before this cursor. */
  before: z.optional(text(512)),
  limit: z._default(whole(1, 1000), 200),
});

/** The network as it is configured, and what is being done with it. */
export const networkState = z.object({
  configuration: networkConfiguration,
  /** What is configured by other means, which is shown and left alone: `eno3: Wi-Fi profile Guest`. */
  others: z.array(z.object({ link: z.string(), what: z.string() })),
  transaction: z.nullable(networkTransaction),
});
export type NetworkState = z.infer<typeof networkState>;
const interfaceName = text(15);
const machineUuid = z.string().check(z.regex(/^[\da-f]{32}$/));
const currentServing = z.object({ serving: z.nullable(serving) });
/** Most seconds that an interface blinks. */
const longestBlink = 300;

/** Every call of the agent. Server and client are made from this table, so they can't disagree. */
export const calls = {
  status: call("GET", "/v1/status", "public", agentStatus),
  facts: call("GET", "/v1/facts", "public", facts),
  history: call("GET", "/v1/history", "public", histories),

  openSession: call("POST", "/v1/sessions", "public", session, {
    body: z.object({ password }),
  }),
  /** Keeps the session from expiring: a key was pressed. */
  touchSession: call("POST", "/v1/sessions/current/touch", "session", nothing),
  closeSession: call("DELETE", "/v1/sessions/current", "session", nothing),

  nodeSettings: call("GET", "/v1/settings/node", "public", nodeSettings),
  setNodeSettings: call("PUT", "/v1/settings/node", "session", nodeSettings, {
    body: nodeSettingsChange,
  }),
  /** Language and profile are reachable without a password: a technician must be able to read the prompt. */
  consoleSettings: call("GET", "/v1/settings/console", "public", consoleSettings),
  setConsoleSettings: call("PUT", "/v1/settings/console", "public", consoleSettings, {
    body: consoleSettingsChange,
  }),

  /** Preview only, and only once: there is no password before. */
  choosePassword: call("POST", "/v1/passwords/preview", "public", nothing, {
    body: z.object({ password }),
  }),
  changeRootPassword: call("PUT", "/v1/passwords/root", "session", nothing, {
    body: z.object({ old: password, new: password }),
  }),

  /** The passwords of a management node beside root's, and why one can't be changed. */
  managerPasswords: call("GET", "/v1/passwords/manager", "session", managerPasswords),
  /** The cloud's account admin; `root` is the password of the system's root. */
  changeCloudPassword: call("PUT", "/v1/passwords/cloud", "session", nothing, {
    body: z.object({ root: password, new: password, mustChange: z._default(z.boolean(), false) }),
  }),
  /** An account of the store; `authority` is the password of the store's root. */
  startStorePasswordJob: call("POST", "/v1/jobs/store-password", "session", job, {
    body: z.object({ account: z.enum(storeAccounts), authority: password, new: password }),
  }),
  /** New keys and certificates between the manager and all hosts; `root` is the password of the system's root. */
  startChannelJob: call("POST", "/v1/jobs/agent-channel", "session", job, { body: z.object({ root: password }) }),

  jobs: call("GET", "/v1/jobs", "session", z.array(job)),
  job: call("GET", "/v1/jobs/:id", "session", job, { params: z.object({ id: z.string() }) }),
  jobLog: call("GET", "/v1/jobs/:id/log", "session", jobLog, {
    params: z.object({ id: z.string() }),
    query: z.object({ from: z._default(whole(0, Number.MAX_SAFE_INTEGER), 0) }),
  }),
  cancelJob: call("DELETE", "/v1/jobs/:id", "session", job, { params: z.object({ id: z.string() }) }),
  startPing: call("POST", "/v1/jobs/ping", "session", job, {
    body: z.object({
      target: text(253),
      /** Interface to send from; the routing table's choice when left out. */
      link: z.optional(text(15)),
      count: z.optional(z.int().check(z.minimum(1), z.maximum(100_000))),
    }),
  }),

  network: call("GET", "/v1/network", "session", networkState),
  /** What operations would do: problems, differences, what they cut off. Changes nothing. */
  planNetwork: call("POST", "/v1/network/plan", "session", networkPlan, {
    body: z.object({ operations: networkOperations }),
  }),
  /**
   * Carries operations out as one change. Answers when it is saved and begins; how it goes on comes as events, or from
   * `network`. NET.INVALID when a problem of the plan is an error, NET.NO_CHANGE, NET.BUSY.
   */
  changeNetwork: call("POST", "/v1/network/changes", "session", networkTransaction, {
    body: z.object({
      operations: networkOperations,
      keep: z._default(z.enum(keepModes), "confirm"),
      seconds: z._default(
        z.int().check(z.minimum(countdown.leastSeconds), z.maximum(countdown.mostSeconds)),
        countdown.defaultSeconds,
      ),
    }),
  }),
  networkChange: call("GET", "/v1/network/changes/:id", "session", networkTransaction, {
    params: z.object({ id: text(64) }),
  }),
  /** Keeps the change that waits. NET.NOT_WAITING when it does not, or not any more. */
  keepNetwork: call("POST", "/v1/network/changes/:id/keep", "session", networkTransaction, {
    params: z.object({ id: text(64) }),
  }),
  /** Takes the change back now. Answers at once; the way back comes as events. */
  rollBackNetwork: call("DELETE", "/v1/network/changes/:id", "session", networkTransaction, {
    params: z.object({ id: text(64) }),
  }),
  /** The last good configurations, the newest first. */
  networkHistory: call("GET", "/v1/network/history", "session", z.array(savedConfiguration)),
  /** Lets the LED beside a socket blink; 0 seconds ends it. */
  blinkLink: call("POST", "/v1/network/links/:link/blink", "session", nothing, {
    params: z.object({ link: interfaceName }),
    body: z.object({ seconds: z.int().check(z.minimum(0), z.maximum(longestBlink)) }),
  }),

  /** The versions of the system on this node, and which is started. */
  upgradeStatus: call("GET", "/v1/upgrade", "session", upgradeStatus),
  /** Gives up an upgrade that waits for a restart. */
  cancelUpgrade: call("DELETE", "/v1/upgrade", "session", upgradeStatus),
  startUpgrade: call("POST", "/v1/jobs/upgrade", "session", job, {
    body: z.object({
      /** Full path of an ISO on the node. */
      file: text(4096),
      target: z.enum(upgradeTargets),
    }),
  }),

  /** The ZStack service of a management node; on every other node, why there is none. */
  service: call("GET", "/v1/service", "session", serviceState),
  serviceImpact: call("GET", "/v1/service/impact", "session", serviceImpact, {
    query: z.object({ action: z.enum(serviceActions) }),
  }),
  startServiceJob: call("POST", "/v1/jobs/service", "session", job, {
    body: z.object({
      action: z.enum(serviceActions),
      phrase: text(64),
      accepts: z._default(serviceAccepts, () => serviceAccepts.parse({})),
    }),
  }),
  consoleProxy: call("GET", "/v1/console-proxy", "session", consoleProxyState),
  /** As they were typed; an empty one of the two stays as it is. */
  setConsoleProxy: call("PUT", "/v1/console-proxy", "session", consoleProxyState, {
    body: z.object({ address: text(64), port: text(16) }),
  }),
  /** The collected logs that are kept, and how much room new ones would take. */
  logCollections: call("GET", "/v1/archives/logs", "session", logCollections),
  startCollecting: call("POST", "/v1/jobs/collect-logs", "session", job, {
    body: z.object({ range: z.enum(logRanges) }),
  }),
  /** The store of this node, if it has one, and its backups. */
  storeBackups: call("GET", "/v1/archives/backup", "session", storeBackups),
  /** BACKUP.NO_STORE where there is none. */
  startBackup: call("POST", "/v1/jobs/backup", "session", job),
  deleteArchive: call("DELETE", "/v1/archives/:kind/:name", "session", nothing, {
    params: z.object({ kind: z.enum(archiveKinds), name: text(200) }),
  }),
  /** The archive that can be fetched over HTTP now, with its addresses: whoever has one can read it. */
  serving: call("GET", "/v1/serving", "session", currentServing),
  startServing: call("POST", "/v1/serving", "session", currentServing, {
    body: z.object({ kind: z.enum(archiveKinds), name: text(200) }),
  }),
  /** An hour more. SERVE.ENDED when nothing is handed out any more. */
  prolongServing: call("PUT", "/v1/serving", "session", currentServing),
  endServing: call("DELETE", "/v1/serving", "session", currentServing),

  /** The virtual machines that this node's hypervisor has, read now unless that was done a moment ago. */
  machines: call("GET", "/v1/machines", "session", localMachines),
  /** MACHINE.UNKNOWN when it is not there any more. Its serial line: see {@link serialPath}. */
  machine: call("GET", "/v1/machines/:uuid", "session", localMachine, { params: z.object({ uuid: machineUuid }) }),
  /** A refusal that `machine` gives is an error here; MACHINE.NOT_TOLD of a cloud's machine without `toldOfCloud`. */
  startMachineJob: call("POST", "/v1/jobs/machine", "session", job, {
    body: z.object({ uuid: machineUuid, action: z.enum(localActions), toldOfCloud: z._default(z.boolean(), false) }),
  }),

  powerImpact: call("GET", "/v1/power/impact", "session", impact),
  power: call("POST", "/v1/power", "session", nothing, {
    body: z.object({ action: z.enum(powerActions), phrase: text(64) }),
  }),

  /** Newest line first; `more` says that older ones fit, which `before` with the last cursor asks for. */
  logs: call("GET", "/v1/logs", "session", z.object({ lines: z.array(logLine), more: z.boolean() }), {
    query: logQuery,
  }),
  logUnits: call("GET", "/v1/logs/units", "session", z.array(z.string())),
  audit: call("GET", "/v1/audit", "session", z.object({ entries: z.array(auditEntry), damaged: z.number() }), {
    query: z.object({ limit: z._default(whole(1, 1000), 500) }),
  }),
  hardware: call("GET", "/v1/hardware", "session", hardware),
  membership: call("GET", "/v1/membership", "session", membership),
  processes: call("GET", "/v1/processes", "session", z.array(process), {
    query: z.object({
      by: z._default(z.enum(["cpu", "memory"]), "cpu"),
      limit: z._default(whole(1, 100), 20),
    }),
  }),
  diagnose: call("POST", "/v1/diagnostics", "session", diagnosis),
  fix: call("POST", "/v1/diagnostics/:id/fix", "session", nothing, { params: z.object({ id: z.string() }) }),
} as const;

export type Calls = typeof calls;
export type CallName = keyof Calls;

/** What comes over `GET /v1/events`, one server-sent event each, the event's name before its data. */
export const events = {
  /*
   * A stream begins with status, nodeSettings, consoleSettings, history, networkChange and, last, all facts: whoever has the first
   * `facts` has everything that a first frame needs, in one exchange.
   */
  status: agentStatus,
  nodeSettings,
  consoleSettings,
  history: histories,
  /** The facts that changed since the event before. */
  facts: z.partial(facts),
  /** A job began, went on or ended; only for a session. */
  job,
  /**
   * A change of the network began, went on or ended; null at a stream's start when there is none. Without a session it
   * comes without what is changed, probed and wrong.
   */
  networkChange: z.nullable(networkTransaction),
  /** The session of this stream has ended; the stream goes on with the public view. */
  locked: z.object({ why: z.enum(["idle", "closed", "revoked"]) }),
} as const;
export type EventName = keyof typeof events;
export type EventData<N extends EventName> = z.infer<(typeof events)[N]>;

/** What comes over `GET /v1/logs/follow` (query as for `logs`): one event `line` for each new line. */
export const followPath = "/v1/logs/follow";
export const eventsPath = "/v1/events";

/**
 * `GET` with `upgrade: binnacle-serial`, for a session: the serial line of a machine in place of an answer, from the last of
 * what it has printed on. It ends with the line, and with the session.
 */
export const serialProtocol = "binnacle-serial";
export function serialPath(uuid: string): string {
  return `/v1/machines/${uuid}/serial`;
}

/** The machine in a path of {@link serialPath}; undefined when it is none. */
export function serialIn(path: string): string | undefined {
  return /^\/v1\/machines\/([\da-f]{32})\/serial$/.exec(path)?.[1];
}
