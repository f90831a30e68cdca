import { linkOrNothing, type Machine, readOrNothing } from "../machine.ts";
import { plainLine } from "../plain-text.ts";
import { defineCheck, type Outcome } from "./check.ts";
import { managerConfiguration } from "./manager-configuration.ts";

type Port = { port: number; use: string };

/** What a management node needs beside what its manager is configured for. Source: management.md, "Ports". */
const managementPorts: readonly Port[] = [
  { port: 5000, use: "web" },
  { port: 4900, use: "console proxy" },
];
const nodePorts: readonly Port[] = [{ port: 7070, use: "agent" }];

async function managerPorts(machine: Machine): Promise<Port[]> {
  // What is wrong in its file is told by the check of the manager.
  const configuration = await managerConfiguration(machine).catch(() => undefined);
  return [
    { port: Number(configuration?.["api.port"] ?? 8080), use: "manager" },
    { port: Number(configuration?.["metrics.port"] ?? 9100), use: "metrics" },
  ];
}

type Code = "PORT.OK" | "PORT.TAKEN";

/** Ports that the cloud's programs need and another program holds. */
export const portsCheck = defineCheck({
  id: "ports",
  area: "management",
  name: "PORT",
  codes: ["PORT.OK", "PORT.TAKEN"],
  async run({ machine, role }) {
    if (role === "none" || role === "expert") return [];
    const management = role === "management" ? [...(await managerPorts(machine)), ...managementPorts] : [];
    const wanted = [...management, ...nodePorts];
    // Without IPv6 there is no second table.
    const tables = [await machine.readFile("/proc/net/tcp"), await readOrNothing(machine, "/proc/net/tcp6")];
    const listening = parseListening(tables.join("\n"));
    const taken = wanted.filter(({ port }) => listening.has(port));
    const holders = await findHolders(machine, new Set(taken.flatMap(({ port }) => listening.get(port) ?? [])));
    const found: Outcome<Code>[] = [];
    for (const { port, use } of taken) {
      const holder = (listening.get(port) ?? []).map((inode) => holders.get(inode)).find((one) => one !== undefined);
      const subject = String(port);
      if (holder === undefined) {
        found.push({ outcome: "unable", subject, why: { code: "denied", detail: `TCP ${port}` } });
      } else if (!holder.unit.startsWith("binnacle-")) {
        const { pid, name, unit } = holder;
        const values = { port: subject, use, process: name, pid: String(pid), unit: unit === "" ? "-" : unit };
        found.push({ outcome: "failed", code: "PORT.TAKEN", subject, values });
      }
    }
    const all = wanted.map(({ port }) => String(port)).join(", ");
    if (found.length === 0) found.push({ outcome: "passed", code: "PORT.OK", values: { ports: all } });
    return found;
  },
});

/** Ports that somebody listens on, with the inodes of the sockets. Source: proc_pid_net(5), `tcp`. */
export function parseListening(text: string): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const line of text.split("\n")) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    const port = Number.parseInt(local?.split(":").at(-1) ?? "", 16);
    // 0A: TCP_LISTEN
    if (state !== "0A" || inode === undefined || !Number.isInteger(port)) continue;
    found.set(port, [...(found.get(port) ?? []), inode]);
  }
  return found;
}

type Holder = { pid: number; name: string; unit: string };

/** Who has the sockets open, by inode. Another user's processes are seen by root only. */
async function findHolders(machine: Machine, inodes: ReadonlySet<string>): Promise<Map<string, Holder>> {
  const found = new Map<string, Holder>();
  if (inodes.size === 0) return found;
  for (const pid of (await machine.readDir("/proc")).filter((name) => /^\d+$/.test(name))) {
    for (const fd of await machine.readDir(`/proc/${pid}/fd`).catch(() => [])) {
      const inode = /^socket:\[(\d+)\]$/.exec((await linkOrNothing(machine, `/proc/${pid}/fd/${fd}`)) ?? "")?.[1];
      if (inode === undefined || !inodes.has(inode) || found.has(inode)) continue;
      found.set(inode, await describe(machine, pid));
    }
    if (found.size === inodes.size) break;
  }
  return found;
}

async function describe(machine: Machine, pid: string): Promise<Holder> {
  const [comm, cgroup] = await Promise.all(
    ["comm", "cgroup"].map((file) => readOrNothing(machine, `/proc/${pid}/${file}`)),
  );
  const unit = /([^/]+\.(?:service|scope|socket))$/m.exec(cgroup ?? "")?.[1] ?? "";
  return { pid: Number(pid), name: plainLine(comm ?? "?", 20), unit: plainLine(unit, 40) };
}
