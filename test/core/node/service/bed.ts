import { join } from "node:path";
import { type ManagerCalls, ManagerDoor } from "../../../../core/api/manager-door.ts";
import { NodeError } from "../../../../core/model/error.ts";
import type { Job } from "../../../../core/model/records.ts";
import type { ServiceAccepts, ServiceAction, StoreLook } from "../../../../core/model/service.ts";
import { serviceAccepts, servicePhrase } from "../../../../core/model/service.ts";
import { Audit } from "../../../../core/node/audit.ts";
import type { RunResult } from "../../../../core/node/command.ts";
import type { Mode } from "../../../../core/node/effects.ts";
import { Jobs } from "../../../../core/node/jobs.ts";
import { createLog } from "../../../../core/node/log.ts";
import type { Machine } from "../../../../core/node/machine.ts";
import { startServiceJob } from "../../../../core/node/service/job.ts";
import type { ServiceWorld } from "../../../../core/node/service/world.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { handMachine } from "../facts/hand-machine.ts";

export const manager = "binnacle-manager.service";
export const proxy = "binnacle-console-proxy.service";
export const ui = "binnacle-ui.service";

type Active = "active" | "inactive" | "failed" | "activating" | "deactivating";
type Change = (args: readonly string[], signal: AbortSignal | undefined) => Promise<RunResult>;

export type ServiceBed = Awaited<ReturnType<typeof serviceBed>>;

const fine: RunResult = { code: 0, stdout: "", stderr: "" };

/**
 * A management node whose systemd is a map of units. Starting and stopping does what it should unless `on` says
 * otherwise; time passes only when it is told to.
 */
export async function serviceBed(options: { role?: string | null; mode?: Mode; library?: string[] } = {}) {
  const folder = temporaryFolder();
  const { role = "management", mode = "node", library = ["agent.js", "manager.js"] } = options;
  const hand = handMachine();
  const units = new Map<string, Active>([
    [manager, "active"],
    [proxy, "active"],
    [ui, "active"],
  ]);
  const files = new Map<string, string>(role === null ? [] : [["/etc/binnacle/node.json", JSON.stringify({ role })]]);
  /** What each command that changes the machine was, and those asked of the journal. */
  const commands: string[] = [];
  const journal = new Map<string, string>();
  /** What the manager is asked, and its answers. */
  const asked: string[] = [];
  const state = {
    answers: true,
    cloud: { hosts: 0, machines: 0, running: 0, tasks: [] as string[] },
    settings: new Map([
      ["address", "auto"],
      ["port", "4900"],
    ]),
    emptied: 0,
    hasSystemd: true,
    store: { state: "none" } as StoreLook,
    empty: async (_mayDelete: boolean): Promise<string | null> => "/var/lib/binnacle/kept-stores/2026-11-21T140307Z",
  };
  const on: Record<"start" | "stop" | "restart" | "systemd-run", Change> = {
    start: async (args) => set(args, "active"),
    restart: async (args) => set(args, "active"),
    stop: async (args) => set(args, "inactive"),
    "systemd-run": async () => fine,
  };
  function set(args: readonly string[], active: Active): RunResult {
    for (const unit of args.slice(args.indexOf("--") + 1)) units.set(unit, active);
    return fine;
  }

  const machine: Machine = {
    ...hand.machine,
    async readFile(path) {
      const text = files.get(path);
      if (text !== undefined) return text;
      throw new NodeError("FILE.ABSENT", `There is no ${path}.`);
    },
    readDir: async () => library,
    async run(command, args) {
      if (command === "journalctl") {
        const unit = args.find((arg) => arg.startsWith("--unit="))?.slice("--unit=".length) ?? "";
        return { ...fine, stdout: journal.get(unit) ?? "" };
      }
      if (!state.hasSystemd) return { code: 1, stdout: "", stderr: "System has not been booted with systemd" };
      const blocks = args.slice(args.indexOf("--") + 1).map((unit) => {
        const active = units.get(unit);
        const load = active === undefined ? "not-found" : "loaded";
        return `Id=${unit}\nLoadState=${load}\nActiveState=${active ?? "inactive"}\nSubState=x\nMainPID=0\n`;
      });
      return { ...fine, stdout: blocks.join("\n") };
    },
  };
  const onEmptied = async () => {
    state.emptied += 1;
  };
  const answerOf = (name: string, input: Record<string, unknown>): object => {
    const { hosts, machines, running, tasks } = state.cloud;
    if (name === "IsReady") return { ready: true };
    if (name === "QueryTask") return { inventories: tasks.map((task) => ({ name: task })), total: tasks.length };
    if (name === "QueryGlobalConfig")
      return { inventories: [...state.settings].map(([setting, value]) => ({ name: setting, value })) };
    if (name === "UpdateGlobalConfig") {
      state.settings.set(String(input["name"]), String(input["value"]));
      return {};
    }
    return {
      hosts: { total: hosts, byState: {}, byStatus: { Connected: hosts } },
      virtualMachines: { total: machines, byState: { Running: running } },
      tasks: { running: tasks.length, waiting: 0 },
    };
  };
  const calls = {
    async call(name: string, input: Record<string, unknown>) {
      asked.push(name);
      const runs = units.get(manager) === "active" || units.get(manager) === "activating";
      if (!runs) throw new NodeError("CLOUD.ABSENT", "The manager of this node is not reached.");
      if (!state.answers) throw new NodeError("CLOUD.TIMEOUT", "The manager did not answer.");
      return answerOf(name, input);
    },
    follow: async () => {
      throw new Error("This manager has no tasks.");
    },
  } as unknown as ManagerCalls;
  const world: ServiceWorld = {
    machine,
    effects: {
      mode,
      async change(command, args, { signal }) {
        commands.push([command, ...args].join(" "));
        if (mode === "preview") return fine;
        const verb = command === "systemctl" ? args[0] : command;
        if (verb === "start" || verb === "stop" || verb === "restart" || verb === "systemd-run")
          return on[verb](args, signal);
        throw new NodeError("RUN.NOT_FOUND", `The command ${command} is not installed.`);
      },
    },
    store: {
      look: async () => state.store,
      empty: (mayDelete) => {
        commands.push("empty the store");
        return state.empty(mayDelete);
      },
    },
    library: "/usr/lib/binnacle",
    record: "/etc/binnacle/role.json",
    manager: Object.assign(new ManagerDoor(), {
      calls: <T>(_ms: number, act: (all: ManagerCalls) => Promise<T>) => act(calls),
    }),
  };
  const log = createLog({ level: "silent" });
  const audit = new Audit({ file: join(folder.path, "audit.jsonl"), now: () => machine.now(), log });
  let jobs = await Jobs.open({ folder: folder.path, now: () => machine.now() });
  const ended = (id: string): Promise<Job> =>
    new Promise((resolve) => {
      const look = () => {
        const job = jobs.get(id);
        if (job.state !== "running") resolve(job);
        return job.state !== "running";
      };
      if (!look()) jobs.subscribe(look);
    });

  return {
    world,
    audit,
    units,
    files,
    commands,
    asked,
    journal,
    state,
    on,
    pass: hand.pass,
    get jobs() {
      return jobs;
    },
    begin(action: ServiceAction, { phrase = servicePhrase[action], accepts = {} as Partial<ServiceAccepts> } = {}) {
      const all = { ...serviceAccepts.parse({}), ...accepts };
      return startServiceJob({ jobs, audit, world, onEmptied }, { action, phrase, accepts: all }, "tty1");
    },
    ended,
    /** Begins, and lets as much time pass as it takes. */
    async done(action: ServiceAction, accepts: Partial<ServiceAccepts> = {}): Promise<Job> {
      const job = await this.begin(action, { accepts });
      const end = ended(job.id);
      let isOver = false;
      void end.then(() => {
        isOver = true;
      });
      for (let turn = 0; !isOver && turn < 1_000; turn++) {
        await hand.pass(500);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return end;
    },
    async lines(id: string): Promise<string[]> {
      return (await jobs.log(id, 0)).lines;
    },
    async audited(): Promise<string[]> {
      const { entries } = await audit.read(100);
      return entries
        .reverse()
        .map((e) => [e.action, e.result, e.before, e.after, e.detail].map((v) => v ?? "-").join(" | "));
    },
    /** The agent ends and another one starts. */
    async restartAgent(): Promise<void> {
      await jobs.close();
      jobs = await Jobs.open({ folder: folder.path, now: () => machine.now() });
    },
    async dispose() {
      await jobs.close();
      folder.dispose();
    },
  };
}
