import type { FactValue, VirtualMachine } from "../../model/facts.ts";
import type { Machine } from "../machine.ts";
import { commandFailed, FactMissing, type Source } from "./source.ts";

/** Read-only, so that no mistake here can touch a virtual machine. */
const connection = ["-c", "qemu:///system", "-r"];
const timeoutMs = 8000;

/** The virtual machines that libvirt knows on this node. */
export function virtualMachinesSource(): Source<"virtualMachines"> {
  return {
    name: "virtualMachines",
    everyMs: 15_000,
    idleEveryMs: 60_000,
    budgetMs: 20_000,
    async read(machine, signal) {
      const list = await virsh(machine, ["list", "--all", "--uuid", "--name"], signal);
      // `--nowait`: a machine whose lock somebody holds answers without the figures instead of not at all.
      const stats = await virsh(machine, ["domstats", "--raw", "--state", "--vcpu", "--balloon", "--nowait"], signal);
      return countMachines(parseMachines(list, stats));
    },
  };
}

/** The counts of console.md's VM INFO. Paused and suspended machines count in the total only. */
export function countMachines(list: VirtualMachine[]): FactValue<"virtualMachines"> {
  const count = (...states: VirtualMachine["state"][]) => list.filter(({ state }) => states.includes(state)).length;
  return {
    total: list.length,
    running: count("running"),
    stopped: count("stopped", "crashed"),
    unknown: count("unknown"),
    list,
  };
}

/** virDomainState of libvirt, by number. Blocked on a resource and shutting down are still running. */
const states: Record<string, VirtualMachine["state"]> = {
  "1": "running",
  "2": "running",
  "3": "paused",
  "4": "running",
  "5": "stopped",
  "6": "crashed",
  "7": "suspended",
};

/**
 * `virsh list --uuid --name` (a UUID, a blank, a name that may hold blanks) joined with `virsh domstats --raw`
 * (blocks that begin with `Domain: 'name'`). Names are unique on a host.
 */
export function parseMachines(list: string, stats: string): VirtualMachine[] {
  const byName = parseDomstats(stats);
  const machines: VirtualMachine[] = [];
  for (const line of list.split("\n")) {
    if (line.trim() === "") continue;
    const [, uuid, name] = /^([0-9a-f-]{36}) (.*?) *$/.exec(line) ?? [];
    if (uuid === undefined || name === undefined) throw new FactMissing("nonsense", "virsh list");
    const of = byName.get(name);
    const kibibytes = figure(of?.get("balloon.maximum"));
    machines.push({
      uuid,
      name,
      cpus: figure(of?.get("vcpu.current")),
      memoryBytes: kibibytes === null ? null : kibibytes * 1024,
      state: states[of?.get("state.state") ?? ""] ?? "unknown",
    });
  }
  return machines;
}

function parseDomstats(text: string): Map<string, Map<string, string>> {
  const byName = new Map<string, Map<string, string>>();
  let current: Map<string, string> | undefined;
  for (const line of text.split("\n")) {
    const name = /^Domain: '(.*)'$/.exec(line)?.[1];
    if (name !== undefined) {
      current = new Map();
      byName.set(name, current);
      continue;
    }
    const cut = line.indexOf("=");
    if (cut > 0) current?.set(line.slice(0, cut).trim(), line.slice(cut + 1));
  }
  return byName;
}

/** Null for one that was not given; no machine is without CPU and memory, so 0 is none either. */
function figure(text: string | undefined): number | null {
  const value = Number(text);
  return Number.isFinite(value) && value > 0 ? value : null;
}

async function virsh(machine: Machine, args: string[], signal: AbortSignal): Promise<string> {
  const { code, stdout, stderr } = await machine.run("virsh", [...connection, ...args], { timeoutMs, signal });
  if (/failed to connect to the hypervisor/.test(stderr)) {
    throw new FactMissing(/permission denied|authentication/i.test(stderr) ? "denied" : "notRunning", "libvirt");
  }
  if (code !== 0) throw commandFailed("virsh", stderr);
  return stdout;
}
