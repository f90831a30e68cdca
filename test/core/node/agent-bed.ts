import { once } from "node:events";
import http from "node:http";
import { join } from "node:path";
import { createParser } from "eventsource-parser";
import type { FastifyInstance } from "fastify";
import { consoleHeader } from "../../../core/api/contract.ts";
import { createServer } from "../../../core/api/server.ts";
import { Sessions } from "../../../core/api/sessions.ts";
import { emptySeries } from "../../../core/model/history.ts";
import { Secret } from "../../../core/model/secret.ts";
import { archivePaths, freeBytesAt } from "../../../core/node/archives/world.ts";
import { Audit } from "../../../core/node/audit.ts";
import { effects } from "../../../core/node/effects.ts";
import { EventHub } from "../../../core/node/event-hub.ts";
import { FactBoard } from "../../../core/node/facts/board.ts";
import { agentHandlers, agentStatus, type Parts } from "../../../core/node/handlers.ts";
import { noChannel } from "../../../core/node/host/channel.ts";
import { Jobs } from "../../../core/node/jobs.ts";
import { createLog } from "../../../core/node/log.ts";
import { Logs } from "../../../core/node/logs.ts";
import { LocalDesk } from "../../../core/node/machines/desk.ts";
import { managerPaths } from "../../../core/node/manager/configuration.ts";
import { ProxyHandover } from "../../../core/node/manager/proxy-handover.ts";
import { networkActivity } from "../../../core/node/network/activity.ts";
import { NetworkChanges } from "../../../core/node/network/changes.ts";
import { networkWorld } from "../../../core/node/network/world.ts";
import { Processes } from "../../../core/node/processes.ts";
import { ServingDesk } from "../../../core/node/serve/desk.ts";
import { firewallOf } from "../../../core/node/serve/firewall.ts";
import { serviceWorld } from "../../../core/node/service/world.ts";
import { Settings } from "../../../core/node/settings.ts";
import { upgradeWorld } from "../../../core/node/upgrade/world.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { handMachine } from "./facts/hand-machine.ts";

export const rightPassword = "Correct-Horse-9";

export type AgentBed = Awaited<ReturnType<typeof agentBed>>;

/** An agent's server and parts in this process: a preview, on a machine that answers nothing, not listening. */
export async function agentBed(replaced: Partial<Parts> = {}) {
  const folder = temporaryFolder();
  const home = folder.path;
  const { machine } = handMachine();
  const log = createLog({ level: "silent" });
  const time = { monotonicMs: 1_000_000 };
  const settings = await Settings.open({ home });
  const jobs = await Jobs.open({ folder: home, now: () => machine.now() });
  const filled = { ...emptySeries(), bucket: 3, values: [0.1, 0.2, 0.3], samples: 1 };
  const audit = new Audit({ file: join(home, "audit.jsonl"), now: () => machine.now(), log });
  const paths = archivePaths(join(home, "machine"));
  const service = replaced.service ?? serviceWorld(machine, effects("preview", machine, home), join(home, "machine"));
  const parts: Parts = {
    version: "0.0.0",
    startedAt: machine.now(),
    machine,
    effects: effects("preview", machine, home),
    board: new FactBoard(machine, {}, { histories: { cpu: filled, memory: filled } }),
    sessions: new Sessions({
      checkPassword: async (password) => password.reveal() === rightPassword,
      monotonicMs: () => time.monotonicMs,
      now: () => machine.now(),
      idleMs: () => settings.node.lockMinutes * 60_000,
    }),
    settings,
    jobs,
    audit,
    archives: {
      machine,
      paths,
      freeBytes: freeBytesAt,
      sources: {
        version: "0.0.0",
        facts: () => parts.board.facts(),
        hardware: () => parts.hardware(),
        diagnose: () => parts.diagnostics.run(),
        audit,
        jobs,
      },
    },
    serving: new ServingDesk({
      machine,
      paths,
      firewall: firewallOf(effects("preview", machine, home).change),
      audit,
      facts: () => parts.board.facts(),
      local: true,
      onTrouble: () => undefined,
    }),
    network: await NetworkChanges.open(
      networkWorld(
        {
          machine,
          root: join(home, "machine"),
          folder: join(home, "network"),
          change: effects("preview", machine, home).change,
          resolver: async () => undefined,
          activity: () => networkActivity(machine, parts.board.facts()),
          onTrouble: () => undefined,
        },
        false,
      ),
      () => undefined,
    ),
    upgrade: upgradeWorld(machine, join(home, "machine")),
    service,
    manager: {
      paths: managerPaths(join(home, "machine")),
      handover: new ProxyHandover({ manager: service.manager, settings, machine, onTrouble: () => undefined }),
    },
    logs: new Logs(machine),
    processes: new Processes(machine),
    hardware: async () => {
      throw new Error("PLANTED-DETAIL");
    },
    diagnostics: { run: async () => ({ at: machine.now(), findings: [] }), fix: async () => undefined },
    membership: () => noChannel,
    machines: new LocalDesk({ machine, jobs, facts: () => parts.board.facts() }),
    hub: () => hub,
    ...replaced,
  };
  const hub: EventHub = new EventHub(
    {
      status: () => agentStatus(parts),
      nodeSettings: () => settings.node,
      consoleSettings: (console) => settings.console(console),
      histories: () => parts.board.histories(),
      facts: () => parts.board.facts(),
      jobs: () => jobs.list(),
      networkChange: () => parts.network.transaction,
    },
    () => undefined,
  );
  const server = createServer({
    handlers: agentHandlers(parts),
    requireSession: (caller) => void parts.sessions.require(caller),
    log,
  });
  return {
    parts,
    server,
    time,
    socketPath: join(home, "s"),
    /** Opens a session and gives its token. */
    async login(console: string): Promise<string> {
      return (await parts.sessions.open(console, new Secret(rightPassword))).token;
    },
    async dispose() {
      server.server.closeAllConnections();
      await server.close();
      await parts.serving.close();
      await jobs.close();
      folder.dispose();
    },
  };
}

export type Who = { console?: string; token?: string | undefined };

export function headersOf({ console = "tty1", token }: Who): Record<string, string> {
  return { [consoleHeader]: console, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
}

export type ReadStream = {
  status: number;
  /** All events so far: name and data. */
  seen: { name: string; data: unknown }[];
  /** Waits for the next event that fits, from the one behind the last that was waited for. */
  next(name: string): Promise<unknown>;
  ended: Promise<void>;
  close(): void;
};

/** Reads a stream of server-sent events of a server that listens on `socketPath`. */
export async function readStream(socketPath: string, path: string, who: Who): Promise<ReadStream> {
  const request = http.request({ socketPath, path, headers: headersOf(who) });
  request.on("error", () => undefined);
  request.end();
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const seen: ReadStream["seen"] = [];
  let looked = 0;
  let wake = () => {};
  const parser = createParser({
    onEvent: ({ event = "", data }) => {
      seen.push({ name: event, data: JSON.parse(data) });
      wake();
    },
  });
  response.setEncoding("utf8").on("data", (text: string) => parser.feed(text));
  response.on("error", () => undefined);
  return {
    status: response.statusCode ?? 0,
    seen,
    async next(name) {
      for (;;) {
        for (const event of seen.slice(looked)) {
          looked += 1;
          if (event.name === name) return event.data;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    ended: new Promise<void>((resolve) => response.once("close", resolve)),
    close: () => request.destroy(),
  };
}

/** Lets a bed's server listen, with more routes. */
export async function listening(bed: AgentBed, routes: (server: FastifyInstance) => void): Promise<string> {
  routes(bed.server);
  await bed.server.listen({ path: bed.socketPath });
  return bed.socketPath;
}
