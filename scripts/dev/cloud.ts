import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Client } from "../../core/api/client.ts";
import { bundle, describeBuildFailure, ensureBuilt, nodeFlags } from "./build.ts";
import { type CloudPlace, cloudPlace } from "./cloud-place.ts";
import { makePlace, PlaceError, privatePlace } from "./place.ts";
import { answers } from "./preview-agent.ts";

/*
 * npm run -s cloud: a whole cloud on this machine for trying out, in the private place of its user. The manager is the
 * real one; its hosts are real agents whose hypervisor is the simulated one. Ctrl-C ends all of it, and keeps what it holds.
 */

const usage = "usage: npm run -s cloud -- [--hosts 0..20] [--port PORT]\n";
const answerMs = 60_000;
const mostHosts = 20;

type Options = { hosts: number; port: number };

async function main(): Promise<void> {
  const { hosts, port } = readOptions();
  const home = privatePlace(process.env, os.homedir()).home;
  const place = cloudPlace(home);
  makePlace({ home: place.folder, socket: place.socket });
  if (await answers(place.socket)) throw new PlaceError(`A cloud runs in ${place.folder} already.`);
  await ensureBuilt();
  writeConfiguration(place, port);
  const passwords = { admin: keptPassword(place.adminPassword), root: keptPassword(place.rootPassword) };
  const children: ChildProcess[] = [];
  /** Hosts that came up. */
  const isUp = new Set<string>();
  let isEnding = false;
  const start = (name: string, args: readonly string[]) => {
    const log = fs.openSync(path.join(place.folder, `${name}.log`), "a", 0o600);
    const child = spawn(process.execPath, [...args], { stdio: ["ignore", log, log], cwd: "/" });
    fs.closeSync(log);
    child.once("exit", (code, signal) => {
      if (isEnding) return;
      const what = `${name} ended by itself (${signal ?? `status ${code}`}); see ${name}.log`;
      // A host that dies is what a cloud is for.
      if (isUp.has(name)) process.stdout.write(`${what}. Ctrl-C and npm run -s cloud start it again.\n`);
      else void end(1, what);
    });
    children.push(child);
  };
  const end = async (code: number, why: string) => {
    if (isEnding) return;
    isEnding = true;
    process.stdout.write(`\n${why}. What the cloud holds is kept in ${place.folder}\n`);
    const running = children.filter((child) => child.exitCode === null && child.signalCode === null);
    const gone = running.map((child) => once(child, "exit"));
    for (const child of running) child.kill("SIGTERM");
    await Promise.all(gone);
    process.exit(code);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void end(0, "Ended"));

  try {
    await startAll();
  } catch (error) {
    await end(1, error instanceof Error ? error.message : String(error));
  }

  async function startAll() {
    const manager = ["--configuration", place.configuration, "--socket", place.socket];
    start("manager", [...nodeFlags.manager, bundle("manager"), ...manager, "--admin-password", place.adminPassword]);
    await answering(place.socket);
    const addresses: string[] = [];
    for (let nth = 1; nth <= hosts; nth++) {
      const folder = path.join(place.folder, `host-${nth}`);
      const socket = path.join(folder, "agent.sock");
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
      const address = await keptAddress(path.join(folder, "address"), addresses);
      addresses.push(address);
      const channel = ["--host-address", address, "--host-port", "7070", "--hypervisor", "simulated"];
      const agent = [...nodeFlags.agent, bundle("agent"), "--preview", "--home", folder, "--socket", socket];
      start(`host-${nth}`, [...agent, ...channel]);
      await answering(socket);
      await choosePassword(socket, passwords.root);
      isUp.add(`host-${nth}`);
    }
    process.stdout.write(introduction(place, addresses));
  }
}

/** What a person does first. */
function introduction({ adminPassword, rootPassword, folder }: CloudPlace, addresses: readonly string[]): string {
  const cli = "npm run -s zstack-cli --";
  const adding = addresses.map((address, i) => {
    const arguments_ = `name=host-${i + 1} managementIp=${address} username=root clusterUuid=`;
    return `  ${cli} AddKVMHost -P ${rootPassword} ${arguments_}\n`;
  });
  return [
    "A cloud for trying out. Its hosts' hypervisor is SIMULATED: machines that run there do not run anywhere.\n\n",
    `  ${cli} LogInByAccount accountName=admin -P ${adminPassword}\n`,
    `  ${cli}\n\n`,
    ...(adding.length === 0 ? [] : ["Its hosts, to be added to a cluster:\n\n", ...adding, "\n"]),
    `Ctrl-C ends it. What it holds is kept in ${folder}\n`,
  ].join("");
}

function writeConfiguration(place: CloudPlace, port: number): void {
  const lines = [
    ...["api.address=127.0.0.1", `api.port=${port}`, "metrics.address=127.0.0.1", `metrics.port=${port + 1}`],
    ...[`tls.folder=${place.tls}`, `store.file=${path.join(place.folder, "store/store.db")}`],
    `backup.folder=${path.join(place.folder, "backups")}`,
  ];
  fs.writeFileSync(place.configuration, `${lines.join("\n")}\n`, { mode: 0o600 });
}

/** The host's own address on loopback: as the cloud knows it, or the first one that nobody listens on. */
async function keptAddress(file: string, taken: readonly string[]): Promise<string> {
  if (fs.existsSync(file)) return fs.readFileSync(file, "utf8").trim();
  const all = Array.from({ length: 254 }, (_, i) => `127.0.1.${i + 1}`);
  for (const address of all) {
    if (taken.includes(address) || (await answers({ host: address, port: 7070 }))) continue;
    fs.writeFileSync(file, `${address}\n`, { mode: 0o600 });
    return address;
  }
  throw new Error("Something listens on TCP 7070 of all addresses from 127.0.1.1 on.");
}

/** The password in a file, which is made with a random one where there is none. */
function keptPassword(file: string): string {
  if (!fs.existsSync(file)) fs.writeFileSync(file, `${randomBytes(12).toString("base64url")}-7x\n`, { mode: 0o600 });
  return fs.readFileSync(file, "utf8").trim();
}

async function choosePassword(socketPath: string, password: string): Promise<void> {
  const client = new Client({ socketPath, console: "cloud" });
  try {
    const { passwordSet } = await client.call("status", {});
    if (!passwordSet) await client.call("choosePassword", { body: { password } });
  } finally {
    client.close();
  }
}

async function answering(socket: string): Promise<void> {
  const deadline = performance.now() + answerMs;
  while (performance.now() < deadline) {
    if (await answers(socket)) return;
    await wait(20);
  }
  throw new Error(`Nothing answers on ${socket}; see the logs beside it.`);
}

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: { hosts: { type: "string", default: "2" }, port: { type: "string", default: "8080" } },
    });
    const [hosts, port] = [Number(values.hosts), Number(values.port)];
    if (!Number.isInteger(hosts) || hosts < 0 || hosts > mostHosts) throw new Error(`--hosts takes 0 to ${mostHosts}.`);
    if (!Number.isInteger(port) || port < 1 || port > 65_534) throw new Error("--port takes 1 to 65534.");
    return { hosts, port };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message.split("\n")[0] : error}\n${usage}`);
    process.exit(2);
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof PlaceError ? error.message : describeBuildFailure(error)}\n`);
  process.exit(1);
}
