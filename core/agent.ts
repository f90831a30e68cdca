import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { eventsPath, followPath } from "./api/contract.ts";
import { hostProtocol } from "./api/host/contract.ts";
import { claimSocket, listenOn } from "./api/listen.ts";
import { ManagerDoor } from "./api/manager-door.ts";
import { callerOf, createServer, rootDoor } from "./api/server.ts";
import { Sessions } from "./api/sessions.ts";
import { noWay } from "./hypervisor/migration/refusals.ts";
import type { Dial } from "./hypervisor/migration/way.ts";
import { driverChoices, openDriver } from "./hypervisor/open-driver.ts";
import { NodeError } from "./model/error.ts";
import { hasEnded } from "./model/network/transaction.ts";
import { listed } from "./model/quote.ts";
import { logsForManager } from "./node/archives/for-manager.ts";
import { archivePaths, freeBytesAt } from "./node/archives/world.ts";
import { Audit } from "./node/audit.ts";
import { DoorFeed } from "./node/cloud/feed.ts";
import { commandPath } from "./node/command.ts";
import { askThrough } from "./node/diagnostics/check.ts";
import { runDiagnostics } from "./node/diagnostics/diagnose.ts";
import { applyFix } from "./node/diagnostics/fixes.ts";
import { networkResolver } from "./node/diagnostics/resolver.ts";
import { effects } from "./node/effects.ts";
import { EventHub } from "./node/event-hub.ts";
import { FactBoard } from "./node/facts/board.ts";
import { allSources } from "./node/facts/sources.ts";
import {
  fixtureMachine,
  type Recording,
  recordedCloud,
  recordedHardware,
  recordedHistories,
  recording,
} from "./node/fixture.ts";
import { agentHandlers, agentStatus } from "./node/handlers.ts";
import { hardwareReader } from "./node/hardware.ts";
import { HostChanges } from "./node/host/changes.ts";
import { noChannel, openHostChannel } from "./node/host/channel.ts";
import { HostCommands } from "./node/host/commands.ts";
import { hostWork } from "./node/host/work.ts";
import { agentEnding, Jobs } from "./node/jobs.ts";
import { createLog, type Log } from "./node/log.ts";
import { followLogs } from "./node/log-stream.ts";
import { Logs } from "./node/logs.ts";
import { type Machine, realMachine, sinceBootMs } from "./node/machine.ts";
import { LocalDesk } from "./node/machines/desk.ts";
import { SerialDoor } from "./node/machines/serial-door.ts";
import { managerPaths } from "./node/manager/configuration.ts";
import { ProxyHandover } from "./node/manager/proxy-handover.ts";
import { recoverPasswords } from "./node/manager/recover-passwords.ts";
import { networkActivity } from "./node/network/activity.ts";
import { endOfChange } from "./node/network/audit.ts";
import { NetworkChanges } from "./node/network/changes.ts";
import { networkWorld } from "./node/network/world.ts";
import { Processes } from "./node/processes.ts";
import { ServingDesk } from "./node/serve/desk.ts";
import { firewallOf } from "./node/serve/firewall.ts";
import { serviceWorld } from "./node/service/world.ts";
import { Settings } from "./node/settings.ts";
import { upgradeWorld } from "./node/upgrade/world.ts";
import { version } from "./version.ts";

/** How the agent ends: 0 asked to, 2 wrong usage, 3 another agent listens there, 1 anything else. */
const exitCodes = { asked: 0, failed: 1, usage: 2, taken: 3 } as const;

/** How long commands of the manager may take to come to an end when the agent ends. */
const closingMs = 3_000;

const flags = readFlags();

async function main(): Promise<void> {
  // Nothing that the agent writes is for other users, unless it says so.
  process.umask(0o077);
  // For the library that reads the hardware: it starts commands by itself, and looks for them where we are told to.
  process.env["PATH"] = commandPath;
  mkdirSync(flags.home, { recursive: true, mode: 0o700 });
  const log = createLog({ level: "info", ...(flags.log === undefined ? {} : { file: flags.log }) });
  const recorded = flags.fixture === undefined ? undefined : readFixture(flags.fixture);
  const machine = recorded === undefined ? realMachine() : fixtureMachine(recorded);
  const mode = flags.preview ? "preview" : "node";
  const rootSocket = flags["root-socket"];
  await claimSocket(flags.socket);
  if (rootSocket !== undefined) await claimSocket(rootSocket);

  const parts = await assemble(log, machine, mode, recorded);
  const { board, sessions, jobs, network, serving, settings, logs } = parts;
  const hub = new EventHub(
    {
      status: () => agentStatus(parts),
      nodeSettings: () => settings.node,
      consoleSettings: (console) => settings.console(console),
      histories: () => board.histories(),
      facts: () => board.facts(),
      jobs: () => jobs.list(),
      networkChange: () => network.transaction,
    },
    (count) => board.setWatched(count > 0),
  );
  parts.connect(hub);
  sessions.onEnd((session, why) => {
    hub.sessionEnded(session, why);
    if (why === "closed") return;
    const entry = {
      console: session.console,
      action: "session.end",
      result: "ok",
      before: null,
      after: null,
      detail: why,
    } as const;
    // What can't be written is in the log then; a session ends all the same.
    void parts.audit.append(entry).catch(() => undefined);
  });
  jobs.subscribe((job) => hub.jobChanged(job));
  network.subscribe((transaction) => {
    hub.networkChanged(transaction);
    if (hasEnded(transaction)) void parts.audit.append(endOfChange(transaction)).catch(() => undefined);
  });
  const sweeping = setInterval(() => sessions.sweep(), 1_000);

  let channel: Awaited<ReturnType<typeof openChannel>>;
  const server = createServer({
    handlers: agentHandlers({ ...parts, hub: () => hub, membership: () => channel?.state() ?? noChannel }),
    requireSession: (caller) => void sessions.require(caller),
    log,
  });
  let ending = false;
  // The socket stays until the end: an agent that were started meanwhile would write the same files.
  server.addHook("onRequest", async () => {
    if (ending) throw agentEnding();
  });
  server.get(eventsPath, async (request, reply) => {
    const caller = callerOf(request);
    await hub.open(request, reply, caller, () => sessions.find(caller));
  });
  server.get(followPath, (request, reply) => followLogs({ logs, sessions }, request, reply));

  const serialDoor = new SerialDoor({ ...parts, desk: parts.machines });
  server.server.on("upgrade", (...asked) => void serialDoor.take(...asked));
  await server.ready();
  const release = await listenOn(server.server, flags.socket, mode === "node" ? 0o660 : 0o600);
  const releaseRoot = rootSocket === undefined ? undefined : await listenOn(rootDoor(server), rootSocket, 0o600);
  channel = flags.hostPort === undefined ? undefined : await openChannel(flags.hostPort, parts, mode, log);
  board.start();
  // Consoles can look on: what was interrupted may take a while to be taken back.
  void network.recover().catch((error: unknown) => log.error({ err: error }, "the network was not recovered"));
  void serving.recover();
  parts.manager.handover.start();
  if (mode === "node") void recoverPasswords({ machine, paths: parts.manager.paths, log });
  log.info({ socket: flags.socket, mode, version }, "agent started");

  const end = async (why: string, code: number) => {
    if (ending) return;
    ending = true;
    log.info({ why }, "agent ends");
    clearInterval(sweeping);
    board.stop();
    parts.manager.handover.close();
    hub.closeAll();
    serialDoor.close();
    await jobs.close();
    await serving.close();
    await channel?.close();
    release();
    releaseRoot?.();
    process.exit(code);
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
    process.on(signal, () => void end(signal, exitCodes.asked));
  endWhenIdle(
    () => hub.count > 0 || jobs.running > 0 || serving.current !== null,
    () => void end("idle", exitCodes.asked),
  );

  const crash = (error: unknown) => {
    log.fatal({ err: error }, "agent failed");
    process.exit(exitCodes.failed);
  };
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
}

/** What goes wrong with it is in the log: the node's own console must come up all the same. */
async function openChannel(port: number, parts: Parts, mode: "node" | "preview", log: Log) {
  const {
    machine,
    board,
    effects: { passwords },
  } = parts;
  const root = mode === "node" ? "" : join(flags.home, "machine");
  const trouble = (what: string, error: unknown) => log.error({ err: error }, what);
  try {
    let way: Dial | undefined;
    const dial: Dial = async (to, ask, signal) => {
      if (way === undefined) throw noWay();
      return way(to, ask, signal);
    };
    const driver = await openDriver({ name: flags.hypervisor, machine, home: flags.home, log, dial });
    const commands = await HostCommands.open({
      folder: join(flags.home, "commands"),
      driver,
      now: () => machine.now(),
      onDamage: (damage) => log.warn(damage, "the journal of commands was damaged"),
      onTrouble: trouble,
    });
    parts.machines.use(driver.local, (uuid, act) => commands.holding(uuid, act));
    const { jobs, audit, archives, serving } = parts;
    const logs = logsForManager({ jobs, audit, world: archives, inUse: () => serving.current?.name });
    const sources = { machine, facts: () => board.facts(), driver, version, protocol: hostProtocol };
    const changes = new HostChanges({ driver, after: (delayMs, action) => machine.after(delayMs, action) });
    const work = hostWork(sources, commands, logs, changes);
    const server = await openHostChannel({ address: flags["host-address"], port, root, passwords, work, version, log });
    way = server.dial;
    return {
      state: () => server.state(),
      async close() {
        changes.close();
        await server.close();
        await commands.close(closingMs);
      },
    };
  } catch (error) {
    trouble("the agent does not listen to the manager", error);
    return undefined;
  }
}

type Parts = Awaited<ReturnType<typeof assemble>>;

/** The parts of an agent on this machine, or on a recorded one. */
async function assemble(log: Log, machine: Machine, mode: "node" | "preview", recorded: Recording | undefined) {
  const { home } = flags;
  // What a preview would change is in its own folder, where nothing is installed.
  const root = mode === "node" ? "" : join(home, "machine");
  const onDamage = (damage: object) => log.warn(damage, "a damaged document was repaired or set aside");
  const settings = await Settings.open({ home, onDamage });
  const jobs = await Jobs.open({
    folder: home,
    now: () => machine.now(),
    onDamage,
    onTrouble: (what, error) => log.error({ err: error }, what),
  });
  const audit = new Audit({ file: join(home, "audit.jsonl"), now: () => machine.now(), log });
  const effect = effects(mode, machine, home);
  const sessions = new Sessions({
    checkPassword: (password) => effect.passwords.check(password),
    // A node that has slept for an hour comes back locked.
    monotonicMs: sinceBootMs,
    now: () => Date.now(),
    idleMs: () => settings.node.lockMinutes * 60_000,
  });
  let hub: EventHub | undefined;
  const door = new ManagerDoor(flags["manager-socket"] ?? `${root}/run/binnacle/manager.sock`);
  const cloud = recorded?.cloud === undefined ? new DoorFeed(door) : recordedCloud(recorded);
  const machines = new LocalDesk({ machine, jobs, facts: () => board.facts() });
  const board: FactBoard = new FactBoard(machine, allSources(cloud, machines), {
    ...(recorded === undefined ? {} : { histories: recordedHistories(recorded) }),
    onChange: (changed) => hub?.factsChanged(changed),
  });
  const world = networkWorld(
    {
      machine,
      root,
      folder: join(home, "network"),
      change: effect.change,
      resolver: networkResolver,
      activity: () => networkActivity(machine, board.facts()),
      onTrouble: (what, error) => log.error({ err: error }, what),
    },
    mode === "node",
  );
  const hardware = recorded === undefined ? hardwareReader() : recordedHardware(recorded);
  const resolver = recorded === undefined ? networkResolver : null;
  const manager = recorded?.cloud === undefined ? askThrough(door) : null;
  const diagnose = () => runDiagnostics({ machine, facts: board.facts(), resolver, manager });
  const paths = archivePaths(root);
  const facts = () => board.facts();
  const service = serviceWorld(machine, effect, root);
  const onTrouble = (what: string, error: unknown) => log.error({ err: error }, what);
  return {
    version,
    network: await NetworkChanges.open(world, onDamage),
    startedAt: machine.now(),
    machine,
    effects: effect,
    settings,
    jobs,
    audit,
    sessions,
    board,
    machines,
    upgrade: upgradeWorld(machine, root),
    service,
    manager: {
      paths: managerPaths(root),
      handover: new ProxyHandover({ manager: service.manager, settings, machine, onTrouble }),
    },
    logs: new Logs(machine),
    processes: new Processes(machine),
    hardware,
    archives: { machine, paths, freeBytes: freeBytesAt, sources: { version, facts, hardware, diagnose, audit, jobs } },
    serving: new ServingDesk({
      machine,
      paths,
      firewall: firewallOf(effect.change),
      audit,
      facts,
      local: mode === "preview",
      onTrouble: (what, error) => log.error({ err: error }, what),
    }),
    diagnostics: {
      run: diagnose,
      fix: (id: string) => applyFix(id, { machine, manager, allowChanges: mode === "node" }),
    },
    connect: (made: EventHub) => {
      hub = made;
    },
  };
}

function readFixture(file: string): Recording {
  return recording.parse(JSON.parse(readFileSync(file, "utf8")));
}

function endWhenIdle(isBusy: () => boolean, end: () => void): void {
  const seconds = flags.exitWhenIdleSeconds;
  if (seconds === undefined) return;
  let idleSince = performance.now();
  setInterval(() => {
    if (isBusy()) idleSince = performance.now();
    else if (performance.now() - idleSince > seconds * 1000) end();
  }, 1_000);
}

/** The arguments; what is wrong with them ends the program here. */
function readFlags() {
  try {
    const { values } = parseArgs({
      options: {
        socket: { type: "string", default: "/run/binnacle/agent.sock" },
        /** A second socket, for root's own commands: they need no password there. */
        "root-socket": { type: "string" },
        home: { type: "string", default: "/var/lib/binnacle/agent" },
        /** Carry out what would change the machine on a private copy of its state. */
        preview: { type: "boolean", default: false },
        /** End after so many seconds without a console and without a running job. */
        "exit-when-idle": { type: "string" },
        /** Root's door of this node's manager; a preview looks below its own folder unless told. */
        "manager-socket": { type: "string" },
        /** A recorded machine instead of this one; previews only. */
        fixture: { type: "string" },
        log: { type: "string" },
        /** Listen to the manager on this TCP port, 7070 on a node; without it not at all. */
        "host-port": { type: "string" },
        /** All addresses unless told. */
        "host-address": { type: "string" },
        /** `installed`: libvirt where it is; `libvirt`; or `simulated`: machines that only exist on paper, for tests. */
        hypervisor: { type: "string" },
      },
    });
    const { "exit-when-idle": idle, "host-port": hostPort, ...others } = values;
    if (idle !== undefined && !/^\d{1,9}$/.test(idle))
      throw new NodeError("AGENT.USAGE", `--exit-when-idle takes a number of seconds, not "${idle}".`);
    if (others.fixture !== undefined && !others.preview)
      throw new NodeError("AGENT.USAGE", "A recorded machine can only be shown with --preview.");
    if (others.hypervisor !== undefined && !driverChoices.some((choice) => choice === others.hypervisor))
      throw new NodeError("AGENT.USAGE", `--hypervisor takes ${listed(driverChoices, 3)}, not "${others.hypervisor}".`);
    if (hostPort !== undefined && !(/^\d{1,5}$/.test(hostPort) && Number(hostPort) < 65_536))
      throw new NodeError("AGENT.USAGE", `--host-port takes a TCP port, not "${hostPort}".`);
    return {
      ...others,
      hostPort: hostPort === undefined ? undefined : Number(hostPort),
      exitWhenIdleSeconds: idle === undefined ? undefined : Number(idle),
    };
  } catch (error) {
    // parseArgs may add an advice of several lines.
    const [sentence] = (error instanceof Error ? error.message : String(error)).split("\n");
    process.stderr.write(`binnacle-agent: ${sentence}\n`);
    process.exit(exitCodes.usage);
  }
}

try {
  await main();
} catch (error) {
  const isTaken = error instanceof NodeError && error.code === "AGENT.ALREADY_RUNNING";
  const remedy = error instanceof NodeError && error.remedy !== undefined ? ` ${error.remedy}` : "";
  process.stderr.write(`binnacle-agent: ${error instanceof Error ? error.message : String(error)}${remedy}\n`);
  process.exit(isTaken ? exitCodes.taken : exitCodes.failed);
}
