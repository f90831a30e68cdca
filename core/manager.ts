import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import type { Server } from "node:http";
import { Server as HttpsServer } from "node:https";
import { hostname, networkInterfaces } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { HttpsHostDoor } from "./api/host/door.ts";
import { HttpsHostLink } from "./api/host/link.ts";
import { claimSocket, listenOn } from "./api/listen.ts";
import { Backups } from "./backup/backups.ts";
import { finishReplacement } from "./backup/replace.ts";
import { readPages } from "./console/pages.ts";
import { proxyPlace } from "./console/place.ts";
import { ConsoleProxy } from "./console/proxy.ts";
import { LocalImageStore } from "./images/local-image-store.ts";
import { ServerCertificate, serverNames } from "./manager/certificate.ts";
import { openCloud } from "./manager/cloud.ts";
import { checkCrypt } from "./manager/crypt.ts";
import { Metrics } from "./manager/metrics.ts";
import { keepAlive, notify } from "./manager/notify.ts";
import { openStore } from "./manager/open-store.ts";
import { pkiFiles } from "./manager/pki-files.ts";
import { createCloudServer } from "./manager/server.ts";
import { standInFor, whenReached } from "./manager/waiting.ts";
import { consoleProxyPort } from "./model/console-proxy.ts";
import { NodeError } from "./model/error.ts";
import { type ManagerConfiguration, parseManagerConfiguration } from "./model/manager-configuration.ts";
import { Secret } from "./model/secret.ts";
import { textOrNothing } from "./node/durable.ts";
import { createLog, type Log } from "./node/log.ts";
import { sinceBootMs } from "./node/machine.ts";
import { cloudUuid } from "./orchestrator/calls/handler.ts";
import type { FirstPassword } from "./orchestrator/identity/index.ts";
import type { LiveSettings } from "./orchestrator/settings.ts";
import { Authority } from "./pki/authority.ts";
import { version } from "./version.ts";

/** How the manager ends: 0 asked to, 1 anything else (systemd starts it again), 2 wrong usage or configuration. */
const exitCodes = { asked: 0, failed: 1, usage: 2 } as const;

/** A manager that has lost its place or its store answers what it was asked, and waits no longer than this for it. */
const lastAnswersMs = 30_000;

const flags = readFlags();

async function main(): Promise<void> {
  process.umask(0o077);
  const log = createLog({ level: "info", ...(flags.log === undefined ? {} : { file: flags.log }) });
  const configuration = await readConfiguration();
  const tls = configuration["tls.folder"];
  mkdirSync(dirname(configuration["store.file"]), { recursive: true, mode: 0o700 });
  await claimSocket(flags.socket);
  if (await finishReplacement(dirname(configuration["store.file"]))) log.warn("a restore that was cut off is finished");

  const authority = await Authority.open({ ...pkiFiles(), folder: tls, now: Date.now });
  // Also before any host is connected to: zstack-ctl uses it, too.
  await authority.manager();
  let settings: LiveSettings | undefined;
  /** The console proxy's address may be another machine's, which passes connections on. */
  const proxyNames = () => {
    const address = settings?.choice("consoleProxy.address") ?? "auto";
    return address === "auto" ? [] : [`IP:${address}`];
  };
  const certificate = await ServerCertificate.open({
    server: (names) => authority.server(names),
    names: () => {
      const managementIp = configuration["management.ip"];
      const own = serverNames({ hostname: hostname(), interfaces: networkInterfaces(), managementIp });
      return [...new Set([...own, ...proxyNames()])];
    },
    everyMs: 10_000,
    onError: (error) => log.error({ err: error }, "the certificate of the API can't be renewed"),
  });
  const stopKeepingAlive = keepAlive();
  const [host, apiPort] = [configuration["api.address"], Number(configuration["api.port"])];
  const { store, isAlone, copied } = await whenReached({
    open: () => openStore(configuration),
    standIn: async () => {
      const { api, end } = await standInFor({ tls: certificate.tls, host, port: apiPort, socketPath: flags.socket });
      certificate.follow(api, { minVersion: "TLSv1.2" });
      return () => {
        certificate.close();
        return end();
      };
    },
    onWait: (error) => {
      log.error({ err: error }, "etcd can't be reached: calls are refused until it can");
      notify("READY=1", "STATUS=Waits for etcd, and refuses calls.");
    },
  });
  const metrics = new Metrics();
  const port = Number(flags["host-port"]);
  const link = new HttpsHostLink({ credentials: () => authority.manager(), pinned: (uuid) => pinned(uuid), port });
  const images = new LocalImageStore();
  const cloud = await openCloud({
    store,
    isAlone,
    hostname: hostname(),
    version,
    link,
    images,
    door: new HttpsHostDoor({ authority, link, port }),
    now: Date.now,
    monotonicMs: sinceBootMs,
    newUuid: () => cloudUuid(randomUUID()),
    log,
    passwords: { checkCrypt },
    ...(await firstPassword()),
    backups: new Backups({
      configuration,
      configurationFile: flags.configuration,
      store: copied,
      hostname: hostname(),
      version,
      now: Date.now,
    }),
    onCallEnd: (name, durationMs, error) => metrics.callEnded(name, durationMs, error),
    findProxy: () => proxy.place,
  });
  settings = cloud.settings;
  const pinned = (uuid: string) => {
    const fingerprint = cloud.mirror.get("HostCertificate", uuid)?.value["fingerprint"];
    return typeof fingerprint === "string" ? fingerprint : undefined;
  };
  metrics.watch(cloud.mirror);

  const proxy = new ConsoleProxy({
    tokens: cloud.consoleTokens,
    mirror: cloud.mirror,
    link,
    sessionLives: (uuid) => cloud.identity.lives(uuid),
    noteUse: (uuid) => cloud.identity.noteUse(uuid),
    place: () => {
      const { settings } = cloud;
      const set = settings.number("consoleProxy.port");
      const port = set === consoleProxyPort ? Number(flags["console-port"]) : set;
      const given = { address: settings.choice("consoleProxy.address"), port };
      const own = { managementIp: configuration["management.ip"], apiAddress: configuration["api.address"] };
      return proxyPlace({ ...given, ...own, present: presentAddresses() });
    },
    pages: await readPages(join(import.meta.dirname, "console-pages")).catch((error: unknown) => {
      log.error({ err: error }, "the console proxy has no pages");
      return new Map();
    }),
    certificate,
    onTrouble: (what, error) => log.error({ err: error }, what),
    onNote: (what, values) => log.info(values, what),
  });
  cloud.settings.subscribe((id) => {
    // Address and port are set one after the other.
    if (id.startsWith("consoleProxy.")) setTimeout(() => void proxy.move(), 100);
  });
  await proxy.move();
  const { server, rootDoor } = createCloudServer({
    dispatcher: cloud.dispatcher,
    mirror: cloud.mirror,
    authenticate: (token, isUse) => cloud.identity.authenticate(token, isUse),
    log,
    images: {
      images,
      settings: cloud.settings,
      audit: cloud.dispatching.audit,
      identify: (token) => cloud.dispatching.authenticate(token, "GetImage"),
    },
    tls: certificate.tls,
  });
  if (server.server instanceof HttpsServer) certificate.follow(server.server, { minVersion: "TLSv1.2" });
  await server.listen({ host, port: apiPort });
  const release = await listenOn(rootDoor, flags.socket, 0o600);
  const figures = metrics.server();
  await listening(figures, configuration["metrics.address"], Number(configuration["metrics.port"]));
  notify("READY=1", `STATUS=Serves calls on port ${apiPort}.`);
  log.info({ port: apiPort, store: configuration["store.type"], version }, "manager started");

  let isEnding = false;
  const end = async (why: string, code: number) => {
    if (isEnding) return;
    isEnding = true;
    notify("STOPPING=1");
    log.info({ why }, "manager ends");
    stopKeepingAlive();
    certificate.close();
    release();
    figures.close();
    figures.closeAllConnections();
    await proxy.close();
    await server.close();
    await cloud.close();
    await store.close();
    process.exit(code);
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
    process.on(signal, () => void end(signal, exitCodes.asked).catch((error: unknown) => crash(log, error)));
  // Another manager may be doing our work by now: nothing more is to be written. This process ends, and systemd starts
  // another one, which waits for etcd and takes a place of its own (manager/waiting.ts). To take a new place here would
  // leave alive what was begun in the old one: steps that are on their way to hosts, decisions from a mirror that missed
  // changes. Of a process that has ended, nothing goes on.
  cloud.lost.addEventListener("abort", () => {
    // Its place was given up in order.
    if (isEnding) return;
    isEnding = true;
    log.fatal({ err: cloud.lost.reason }, "the manager has lost its place or its store: it ends, to be started anew");
    notify("STOPPING=1", "STATUS=Has lost its place or its store, and ends.");
    // Calls that wait for the store are told of its error, which comes within the store's own time.
    const answered = Promise.all([server.close(), new Promise((resolve) => rootDoor.close(resolve))]);
    setTimeout(() => process.exit(exitCodes.failed), lastAnswersMs);
    void answered.finally(() => process.exit(exitCodes.failed));
  });
  process.on("uncaughtException", (error) => crash(log, error));
  process.on("unhandledRejection", (error) => crash(log, error));
}

function crash(log: Log, error: unknown): never {
  log.fatal({ err: error }, "manager failed");
  process.exit(exitCodes.failed);
}

/** The presets hold when there is no file. @throws MANAGER.CONFIGURATION */
async function readConfiguration(): Promise<ManagerConfiguration> {
  return parseManagerConfiguration((await textOrNothing(flags.configuration)) ?? "");
}

/** admin's first password: a hash of crypt(3), which the installer has left, or a word for tests and training. */
async function firstPassword(): Promise<{ adminPassword?: FirstPassword }> {
  const kept = (await textOrNothing(flags["admin-password"]))?.trim() ?? "";
  if (kept === "") return {};
  return { adminPassword: kept.startsWith("$") ? { cryptHash: new Secret(kept) } : new Secret(kept) };
}

function presentAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address));
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => resolve());
  });
}

/** The arguments; what is wrong with them ends the program here. */
function readFlags() {
  try {
    const { values } = parseArgs({
      options: {
        configuration: { type: "string", default: "/etc/binnacle/manager.conf" },
        /** For root's own commands and the node's agent: no session is needed there. */
        socket: { type: "string", default: "/run/binnacle/manager.sock" },
        "admin-password": { type: "string", default: "/etc/binnacle/admin-password" },
        /** Where the agents of hosts listen; another one for tests only. */
        "host-port": { type: "string", default: "7070" },
        /** The console proxy's, while none is set; another one for tests only. */
        "console-port": { type: "string", default: String(consoleProxyPort) },
        log: { type: "string" },
      },
    });
    return values;
  } catch (error) {
    const [sentence] = (error instanceof Error ? error.message : String(error)).split("\n");
    process.stderr.write(`binnacle-manager: ${sentence}\n`);
    process.exit(exitCodes.usage);
  }
}

try {
  await main();
} catch (error) {
  const remedy = error instanceof NodeError && error.remedy !== undefined ? ` ${error.remedy}` : "";
  process.stderr.write(`binnacle-manager: ${error instanceof Error ? error.message : String(error)}${remedy}\n`);
  process.exit(
    error instanceof NodeError && error.code === "MANAGER.CONFIGURATION" ? exitCodes.usage : exitCodes.failed,
  );
}
