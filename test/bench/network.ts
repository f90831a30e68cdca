import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parseArgs } from "node:util";
import type { Client } from "../../core/api/client.ts";
import type { NetworkOperation } from "../../core/model/network/operation.ts";
import { networkProblems } from "../../core/model/network/problems.ts";
import { hasEnded, type KeepMode, type NetworkTransaction } from "../../core/model/network/transaction.ts";
import { buildFolder, ensureBuilt, nodeFlags } from "../../scripts/dev/build.ts";
import { installPackages } from "../../scripts/dev/test-packages.ts";
import { bond, bridge, ethernet, four, network, vlan } from "../core/model/network/networks.ts";
import { NetworkBed } from "../support/network/bed.ts";
import { type Document, type Figure, figure, machine } from "./figures.ts";
import { measureKeysMeanwhile } from "./keys.ts";
import { BenchScreen } from "./screen.ts";

/*
 * npm run -s bench:network [-- --quick]: how long a change of the network takes, beside nmcli doing the same on the
 * same NetworkManager; how soon the commands answer, and a console that looks on; how long a configuration takes to be looked through. As root.
 */

const { quick } = parseArgs({ options: { quick: { type: "boolean", default: false } } }).values;
const runs = quick ? 2 : 7;
const figures: Figure[] = [];

function add(...parts: Parameters<typeof figure>): void {
  const made = figure(...parts);
  figures.push(made);
  console.error(`  ${made.name}: ${made.value} ${made.unit}${made.goal === null ? "" : ` (${made.goal})`}`);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const spreadOf = (values: readonly number[]) => ({
  runs: values.length,
  min: Math.min(...values),
  median: median(values),
  max: Math.max(...values),
});

/** Fifty bonds of two legs, with a bridge and a VLAN each on them: 200 interfaces with settings. */
function validation(): void {
  const links = Array.from({ length: 50 }, (_, i) => {
    const legs = [`eno${2 * i}`, `eno${2 * i + 1}`];
    return [
      bond(`bond${i}`, legs),
      vlan(`bond${i}.10`, `bond${i}`, 10, four(`10.1.${i}.5/24`)),
      bridge(`br_bond${i}`, [`bond${i}`], four(`10.0.${i}.5/24`)),
      ethernet(`ens${i}`, four(`10.2.${i}.5/24`)),
    ];
  });
  const configuration = network(links.flat());
  const times = Array.from({ length: 400 }, () => {
    const from = performance.now();
    networkProblems(configuration, null);
    return performance.now() - from;
  });
  // The first ones run unoptimized, as the first of an agent's life does.
  const note = `the very first one ${(times[0] ?? 0).toFixed(1)} ms`;
  const warm = times.slice(100);
  add("validation200", median(warm), "ms", { goal: "<= 5", spread: spreadOf(warm), note });
}

const profile = (address: string) => `[connection]
id=management
uuid=11111111-1111-4111-8111-111111111111
type=ethernet
interface-name=eth0

[ipv4]
method=manual
address1=${address}/24,10.0.0.1

[ipv6]
method=disabled
`;
const profileFile = "/etc/NetworkManager/system-connections/management.nmconnection";

function move(address: string): NetworkOperation {
  const addresses = [{ address, prefix: 24 }];
  const ipv4 = { method: "static" as const, addresses, gateway: "10.0.0.1", routes: [], nameServers: [] };
  return { do: "address", link: "eth0", ipv4 };
}

class Changes {
  readonly #bed: NetworkBed;
  readonly #client: Client;

  constructor(bed: NetworkBed, client: Client) {
    this.#bed = bed;
    this.#client = client;
  }

  async measure(): Promise<void> {
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let i = 0; i < runs; i++) {
      theirs.push(await this.#byNmcli(i % 2 === 0 ? "10.0.0.6" : "10.0.0.5"));
      ours.push(await this.#byUs(i % 2 === 0 ? "10.0.0.8" : "10.0.0.9"));
    }
    const reference = { name: "nmcli connection modify and up, to the address", value: median(theirs) };
    add("applyAndCommit", median(ours), "ms", { reference, spread: spreadOf(ours) });
    const note = "what saving, probing and committing add to it";
    add("applyAndCommitOnTop", median(ours) - median(theirs), "ms", { goal: "<= 3000", note });
    const back = [];
    for (let i = 0; i < Math.min(runs, 3); i++) back.push(await this.#rollBack());
    const after = "after the end of the countdown, to the former network in force";
    add("rollBack", median(back), "ms", { goal: "<= 5000", spread: spreadOf(back), note: after });
  }

  /** Keys of a console that looks on while a change is applied, tested, waits and is taken back. */
  async keys(): Promise<void> {
    const program = path.join(buildFolder(), "tui.js");
    const tui = [...nodeFlags.tui, program, "--socket", this.#bed.agentSocket, "--console", "bench"];
    const screen = new BenchScreen({ command: [process.execPath, ...tui], term: "linux" });
    try {
      await screen.expect(/F12 Power/);
      const begun = await this.#begin("10.0.0.78", "confirm", 10);
      let isOver = false;
      const over = this.#until(begun, hasEnded).then(() => {
        isOver = true;
      });
      const made = await measureKeysMeanwhile("keyNetworkChange", screen, () => isOver);
      await over;
      for (const one of made) {
        figures.push(one);
        console.error(`  ${one.name}: ${one.value} ${one.unit} (${one.goal})`);
      }
    } finally {
      await screen.close();
    }
  }

  async #byNmcli(address: string): Promise<number> {
    const from = performance.now();
    this.#bed.run("nmcli", ["connection", "modify", "management", "ipv4.addresses", `${address}/24`]);
    this.#bed.run("nmcli", ["connection", "up", "management"]);
    await this.#has(address);
    return performance.now() - from;
  }

  async #byUs(address: string): Promise<number> {
    const from = performance.now();
    const begun = await this.#begin(address, "probes", 30);
    const ended = await this.#until(begun, hasEnded);
    if (ended.phase !== "committed") throw new Error(`It was not kept: ${JSON.stringify(ended)}`);
    await this.#has(address);
    return performance.now() - from;
  }

  async #rollBack(): Promise<number> {
    const seconds = 10;
    const begun = await this.#begin("10.0.0.77", "confirm", seconds);
    const { remainingMs } = await this.#until(begun, (change) => change.remainingMs !== null);
    const deadline = performance.now() + (remainingMs ?? 0);
    await this.#until(begun, hasEnded);
    return performance.now() - deadline;
  }

  #begin(address: string, keep: KeepMode, seconds: number): Promise<NetworkTransaction> {
    return this.#client.call("changeNetwork", { body: { operations: [move(address)], keep, seconds } });
  }

  async #until({ id }: NetworkTransaction, isSo: (change: NetworkTransaction) => boolean): Promise<NetworkTransaction> {
    for (;;) {
      const change = await this.#client.call("networkChange", { params: { id } });
      if (isSo(change)) return change;
      if (hasEnded(change)) throw new Error(`It ended too early: ${JSON.stringify(change)}`);
      await new Promise((done) => setTimeout(done, 10));
    }
  }

  async #has(address: string): Promise<void> {
    while (!this.#bed.addresses("eth0").includes(`${address}/24`)) await new Promise((done) => setTimeout(done, 10));
  }
}

/** Milliseconds from the start of a command to its first output. */
async function firstOutput(bed: NetworkBed, args: readonly string[]): Promise<number> {
  const program = path.join(import.meta.dirname, "../../build/zs-network.js");
  const [command = "", ...rest] = bed.commandLine(process.execPath, [program, ...args]);
  const from = performance.now();
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"] });
  const first = await new Promise<number>((resolve) => {
    const done = () => resolve(performance.now() - from);
    child.stdout.once("data", done);
    child.stderr.once("data", done);
    child.once("exit", done);
  });
  child.stdout.resume();
  child.stderr.resume();
  if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
  return first;
}

async function commands(bed: NetworkBed): Promise<void> {
  const lines = {
    "zs-show-network": [],
    "zs-network-setting": ["-i", "eth1", "10.9.0.5", "255.255.255.0"],
    "zs-vlan": ["-c", "eth9", "10"],
    "zs-change-nic": ["--help"],
  };
  for (const [name, args] of Object.entries(lines)) {
    const times = [];
    for (let i = 0; i < runs; i++) times.push(await firstOutput(bed, [name, ...args]));
    const note = `start to first output: ${[name, ...args].join(" ")}`;
    add(`firstOutput.${name}`, median(times), "ms", { goal: "<= 300", spread: spreadOf(times), note });
  }
}

const startedAt = performance.now();
const found = { bench: "network", quick, machine: machine() };
const absent = await installPackages("long");
if (process.getuid?.() !== 0 || absent.length > 0)
  throw new Error(`Networks can't be measured here: root and ${absent.map(({ name }) => name).join(", ")} are needed.`);
await ensureBuilt();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-bench-"));
const bed = new NetworkBed(folder);
try {
  validation();
  await bed.start({ [profileFile]: profile("10.0.0.5") });
  const client = await bed.startAgent();
  const changes = new Changes(bed, client);
  await changes.measure();
  await changes.keys();
  await commands(bed);
  client.close();
} finally {
  await bed.stop();
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
const document: Document = { ...found, seconds: Math.round((performance.now() - startedAt) / 1000), figures };
console.log(JSON.stringify(document, null, 2));
