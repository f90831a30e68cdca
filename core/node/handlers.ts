import type { AgentStatus } from "../api/contract.ts";
import { protocol } from "../api/contract.ts";
import type { Caller, Handlers } from "../api/server.ts";
import type { Sessions } from "../api/sessions.ts";
import { NodeError } from "../model/error.ts";
import { changeWords } from "../model/network/words.ts";
import {
  type Diagnosis,
  type Hardware,
  type MembershipState,
  type NodeSettings,
  type PowerAction,
  powerPhrase,
} from "../model/records.ts";
import { Secret } from "../model/secret.ts";
import { archiveHandlers } from "./archives/calls.ts";
import type { ArchiveWorld } from "./archives/world.ts";
import type { Audit } from "./audit.ts";
import type { Effects } from "./effects.ts";
import type { EventHub } from "./event-hub.ts";
import type { FactBoard } from "./facts/board.ts";
import { publicFacts, publicHistories } from "./facts/public.ts";
import type { Jobs } from "./jobs.ts";
import type { Logs } from "./logs.ts";
import type { Machine } from "./machine.ts";
import type { LocalDesk } from "./machines/desk.ts";
import type { ManagerPaths } from "./manager/configuration.ts";
import { managerPasswordHandlers } from "./manager/handlers.ts";
import type { ProxyHandover } from "./manager/proxy-handover.ts";
import { blink } from "./network/blink.ts";
import type { NetworkChanges } from "./network/changes.ts";
import { startPing } from "./ping.ts";
import { type ImpactView, impactOf } from "./power.ts";
import type { Processes } from "./processes.ts";
import type { ServingDesk } from "./serve/desk.ts";
import { serviceHandlers } from "./service/handlers.ts";
import type { ServiceWorld } from "./service/world.ts";
import type { Change, Settings } from "./settings.ts";
import { cancelUpgrade } from "./upgrade/cancel.ts";
import { startUpgrade } from "./upgrade/job.ts";
import { newestBackup } from "./upgrade/state.ts";
import { upgradeStatus } from "./upgrade/status.ts";
import type { UpgradeWorld } from "./upgrade/world.ts";

/** The parts of an agent that its calls are made of. */
export type Parts = {
  version: string;
  startedAt: number;
  machine: Machine;
  effects: Effects;
  board: FactBoard;
  sessions: Sessions;
  settings: Settings;
  jobs: Jobs;
  audit: Audit;
  logs: Logs;
  processes: Processes;
  hardware: () => Promise<Hardware>;
  membership: () => MembershipState;
  diagnostics: { run(): Promise<Diagnosis>; fix(id: string): Promise<void> };
  network: NetworkChanges;
  upgrade: UpgradeWorld;
  service: ServiceWorld;
  manager: { paths: ManagerPaths; handover: ProxyHandover };
  archives: ArchiveWorld;
  serving: ServingDesk;
  machines: LocalDesk;
  hub: () => EventHub;
};

export async function agentStatus(
  parts: Pick<Parts, "version" | "startedAt" | "effects" | "settings">,
): Promise<AgentStatus> {
  const { lockMinutes, publicView } = parts.settings.node;
  return {
    product: "Binnacle",
    version: parts.version,
    protocol,
    mode: parts.effects.mode,
    startedAt: parts.startedAt,
    passwordSet: await parts.effects.passwords.isSet(),
    publicView,
    lockMinutes,
  };
}

/** A handler for each call of the contract. Whatever changes the node, and every login, is in the audit log. */
export function agentHandlers(parts: Parts): Handlers {
  const { audit, board, diagnostics, effects, jobs, logs, machine, network, processes, sessions, settings } = parts;
  const { passwords, power } = effects;
  const isOpen = (caller: Caller) => sessions.find(caller) !== undefined;

  return {
    status: () => agentStatus(parts),
    facts: ({ caller }) => (isOpen(caller) ? board.facts() : publicFacts(board.facts(), settings.node.publicView)),
    history: ({ caller }) =>
      isOpen(caller) ? board.histories() : publicHistories(board.histories(), settings.node.publicView),

    openSession: ({ body, caller }) =>
      unlessTurnedAway(sessions.open(caller.console, new Secret(body.password)), (opening) =>
        audit.audited({ console: caller.console, action: "session.open" }, () => opening),
      ),
    touchSession: ({ caller }) => {
      sessions.touch(caller);
      return {};
    },
    closeSession: ({ caller }) =>
      audit.audited({ console: caller.console, action: "session.close" }, async () => {
        sessions.close(caller);
        return {};
      }),

    nodeSettings: () => settings.node,
    setNodeSettings: ({ body, caller }) => changeNodeSettings(parts, caller.console, body),
    consoleSettings: ({ caller }) => settings.console(caller.console),
    setConsoleSettings: async ({ body, caller }) => (await settings.setConsole(caller.console, body)).after,

    choosePassword: async ({ body, caller }) => {
      const choosing = passwords.choose(new Secret(body.password));
      await unlessTurnedAway(choosing, () =>
        audit.audited({ console: caller.console, action: "password.choose" }, () => choosing),
      );
      await parts.hub().settingsChanged();
      return {};
    },
    changeRootPassword: ({ body, caller }) =>
      audit.audited({ console: caller.console, action: "password.root" }, async () => {
        const old = new Secret(body.old);
        // Under the same counting as a login: this call must not be a way round it.
        await confirmOld(sessions, caller.console, old);
        await passwords.change(old, new Secret(body.new));
        sessions.revokeAll(caller.console);
        return {};
      }),

    jobs: () => jobs.list(),
    job: ({ params }) => jobs.get(params.id),
    jobLog: ({ params, query }) => jobs.log(params.id, query.from),
    cancelJob: ({ params, caller }) => {
      const { kind, subject } = jobs.get(params.id);
      return audit.audited({ console: caller.console, action: "job.cancel", detail: `${kind} ${subject}` }, async () =>
        jobs.cancel(params.id),
      );
    },
    startPing: ({ body, caller }) => startPing(jobs, machine, body, caller.console),

    network: () => network.state(),
    planNetwork: ({ body }) => network.plan(body.operations),
    changeNetwork: ({ body, caller }) =>
      audit.audited(
        { console: caller.console, action: "network.change" },
        () => network.start({ ...body, console: caller.console }),
        ({ id, changes }) => ({ detail: `${id}: ${changes.map(changeWords).join("; ")}` }),
      ),
    networkChange: ({ params }) => network.get(params.id),
    keepNetwork: ({ params, caller }) =>
      audit.audited({ console: caller.console, action: "network.keep", detail: params.id }, async () =>
        network.keep(params.id),
      ),
    rollBackNetwork: ({ params, caller }) =>
      audit.audited({ console: caller.console, action: "network.rollBack", detail: params.id }, async () =>
        network.rollBack(params.id),
      ),
    networkHistory: () => network.history(),
    blinkLink: async ({ params, body }) => {
      await blink(effects, params.link, body.seconds);
      return {};
    },

    upgradeStatus: () => upgradeStatus(parts.upgrade),
    cancelUpgrade: async ({ caller }) => {
      await audit.audited(
        { console: caller.console, action: "upgrade.cancel" },
        () => cancelUpgrade(jobs, parts.upgrade),
        ({ cancelled, starts }) => ({ before: cancelled, after: starts }),
      );
      return upgradeStatus(parts.upgrade);
    },
    startUpgrade: ({ body, caller }) =>
      audit.audited({ console: caller.console, action: "upgrade.start", detail: body.file }, async () =>
        startUpgrade({ jobs, audit, world: parts.upgrade }, body, caller.console),
      ),

    ...serviceHandlers({
      ...parts,
      handover: parts.manager.handover,
      impactView: (caller) => impactView(parts, caller),
    }),
    ...managerPasswordHandlers({ ...parts, accounts: { service: parts.service, paths: parts.manager.paths } }),

    machines: () => parts.machines.all(),
    machine: ({ params }) => parts.machines.one(params.uuid),
    startMachineJob: ({ body, caller }) =>
      audit.audited(
        { console: caller.console, action: `machine.${body.action}`, detail: body.uuid },
        () => parts.machines.start(body, caller.console),
        ({ subject }) => ({ detail: `${body.uuid} ${subject}` }),
      ),

    powerImpact: async ({ caller }) => impactOf(await impactView(parts, caller)),
    ...archiveHandlers(parts),
    power: async ({ body, caller }) => {
      const entry = { console: caller.console, action: `power.${body.action}` };
      if (body.phrase !== powerPhrase[body.action]) await audit.audited(entry, () => wrongPhrase(body.action));
      await audit.auditedFirst(entry, () => power.act(body.action, caller.console));
      return {};
    },

    logs: ({ query }) => logs.read(query),
    logUnits: () => logs.units(),
    audit: ({ query }) => audit.read(query.limit),
    hardware: () => parts.hardware(),
    membership: () => parts.membership(),
    processes: ({ query }) => processes.top(query.by, query.limit),
    diagnose: () => diagnostics.run(),
    fix: ({ params, caller }) =>
      audit.audited({ console: caller.console, action: "diagnostics.fix", detail: params.id }, async () => {
        await diagnostics.fix(params.id);
        return {};
      }),
  };
}

/** What an impact is made of. */
async function impactView({ board, jobs, sessions, upgrade }: Parts, caller: Caller): Promise<ImpactView> {
  return {
    facts: board.facts(),
    jobs: jobs.list(),
    consoles: sessions.list().map((session) => session.console),
    console: caller.console,
    lastBackupAt: (await newestBackup(upgrade.paths.backups)) ?? null,
  };
}

/** What is refused without a look at the password. */
const turnedAway: ReadonlySet<string> = new Set(["AUTH.SLOWED", "AUTH.BUSY", "PASSWORD.ALREADY_SET"]);

/**
 * Records how an action that needs no session ended, unless it was turned away: repeated a thousand times a second,
 * that would push everything else out of the audit log.
 */
async function unlessTurnedAway<T>(action: Promise<T>, record: (action: Promise<T>) => Promise<T>): Promise<T> {
  const error: unknown = await action.then(
    () => undefined,
    (why: unknown) => why,
  );
  if (error instanceof NodeError && turnedAway.has(error.code)) throw error;
  return record(action);
}

async function wrongPhrase(action: PowerAction): Promise<never> {
  throw new NodeError("POWER.WRONG_PHRASE", `${powerPhrase[action]} has to be typed, letter by letter.`);
}

async function changeNodeSettings(parts: Parts, console: string, change: Change<NodeSettings>): Promise<NodeSettings> {
  const { after } = await parts.audit.audited(
    { console, action: "settings.node" },
    () => parts.settings.setNode(change),
    (changed) => differenceOf(changed.before, changed.after),
  );
  await parts.hub().settingsChanged();
  return after;
}

/** Only the fields that changed, each side as `name=value name=value`. */
function differenceOf(before: NodeSettings, after: NodeSettings): { before: string; after: string } {
  const old = new Map(Object.entries(before));
  const changed = Object.entries(after).filter(([name, value]) => old.get(name) !== value);
  const shown = (pairs: (readonly [string, unknown])[]) => pairs.map(([name, value]) => `${name}=${value}`).join(" ");
  return { before: shown(changed.map(([name]) => [name, old.get(name)])), after: shown(changed) };
}

/** A wrong old password has its own code, so that the form can point at the field. */
async function confirmOld(sessions: Sessions, console: string, old: Secret): Promise<void> {
  try {
    await sessions.confirm(console, old);
  } catch (error) {
    if (!(error instanceof NodeError) || error.code !== "AUTH.WRONG_PASSWORD") throw error;
    throw new NodeError("PASSWORD.WRONG_OLD", "The old password is wrong; nothing was changed.", {
      values: error.values,
    });
  }
}
