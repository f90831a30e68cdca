import { basename } from "node:path";
import type { Facts } from "../../model/facts.ts";
import { valueOf } from "../../model/reading.ts";
import type { Machine } from "../machine.ts";
import type { AgentSources } from "./world.ts";

/** One file of an archive beside the journal, and how its text is had. JSON is masked by its members' names. */
export type Content = {
  file: string;
  timeoutMs: number;
  /** A file of settings: whatever follows a secret's name on its line is one. */
  settings?: boolean;
  get: (machine: Machine, signal: AbortSignal) => Promise<unknown>;
};

const usualMs = 20_000;
/** Of a log file its end is gathered. */
const mostOfFile = 4 * 1024 * 1024;
const jobsKept = 100;
const auditKept = 20_000;

/** Printed by a command, which may fail: its complaint is in the file then. */
function printed(file: string, command: string, ...args: string[]): Content {
  return {
    file,
    timeoutMs: usualMs,
    async get(machine, signal) {
      const maxBytes = 16 * 1024 * 1024;
      const { code, stdout, stderr } = await machine.run(command, args, {
        timeoutMs: usualMs,
        reason: "Collect Logs",
        signal,
        maxBytes,
      });
      const complaint = stderr.trim() === "" ? "" : `\n${stderr.trim()}\n`;
      return code === 0 && complaint === "" ? stdout : `${stdout}${complaint}\n(${command} ended with ${code})\n`;
    },
  };
}

function read(file: string, path: string): Content {
  return { file, timeoutMs: usualMs, settings: path.startsWith("/etc/"), get: (machine) => machine.readFile(path) };
}

function told(file: string, get: () => unknown, timeoutMs = usualMs): Content {
  return { file, timeoutMs, get: async () => get() };
}

const unitProperties = [
  "Id",
  "LoadState",
  "ActiveState",
  "SubState",
  "Result",
  "ExecMainCode",
  "ExecMainStatus",
  "NRestarts",
  "MainPID",
  "MemoryCurrent",
  "ActiveEnterTimestamp",
  "StateChangeTimestamp",
];

/** What every node has. No arguments of processes and no environments: they hold secrets. */
const usual: readonly Content[] = [
  printed("system/kernel.log", "dmesg", "--time-format=iso"),
  printed("system/uname.txt", "uname", "-a"),
  read("system/os-release.txt", "/etc/os-release"),
  printed("system/packages.txt", "dpkg-query", "--show"),
  read("system/kernel-command-line.txt", "/proc/cmdline"),
  printed("system/modules.txt", "lsmod"),
  read("system/memory.txt", "/proc/meminfo"),
  printed("system/processes.txt", "ps", "-e", "-o", "pid,ppid,user,stat,lstart,time,rss,nlwp,wchan:20,comm"),
  printed("system/units.txt", "systemctl", "list-units", "--all", "--full", "--plain", "--no-pager"),
  printed("system/units-failed.txt", "systemctl", "list-units", "--failed", "--full", "--plain", "--no-pager"),
  printed("system/units-states.txt", "systemctl", "show", `--property=${unitProperties.join(",")}`, "*.service"),
  printed("system/timers.txt", "systemctl", "list-timers", "--all", "--no-pager"),
  printed("system/boots.txt", "journalctl", "--list-boots", "--no-pager"),
  printed("system/time.txt", "timedatectl", "status"),
  printed("system/time-sources.txt", "chronyc", "-n", "sources"),
  printed("system/time-tracking.txt", "chronyc", "-n", "tracking"),
  printed("system/sensors.txt", "sensors"),
  read("node/node.json", "/etc/binnacle/node.json"),
  read("node/role.json", "/etc/binnacle/role.json"),

  printed("network/addresses.json", "ip", "-json", "-details", "address"),
  printed("network/links.json", "ip", "-json", "-details", "-statistics", "link"),
  printed("network/routes.json", "ip", "-json", "route", "show", "table", "all"),
  printed("network/rules.json", "ip", "-json", "rule"),
  printed("network/neighbours.json", "ip", "-json", "neighbour"),
  printed("network/vlans.json", "bridge", "-json", "vlan"),
  printed("network/sockets.txt", "ss", "-tuanp"),
  printed("network/firewall.txt", "nft", "list", "ruleset"),
  printed("network/lldp.json", "lldpctl", "-f", "json"),
  printed("network/connections.txt", "nmcli", "--colors", "no", "connection", "show"),
  printed("network/devices.txt", "nmcli", "--colors", "no", "device", "status"),
  read("network/resolv.conf.txt", "/etc/resolv.conf"),
  read("network/hosts.txt", "/etc/hosts"),

  printed("storage/lsblk.json", "lsblk", "--json", "--bytes", "--output-all"),
  printed("storage/mounts.json", "findmnt", "--json", "--bytes"),
  read("storage/mdstat.txt", "/proc/mdstat"),
  printed("storage/mdadm.txt", "mdadm", "--detail", "--scan", "--verbose"),
  printed("storage/lvm.txt", "lvs", "--all", "--options", "+devices"),
  printed("storage/multipath.txt", "multipath", "-ll"),
  printed("storage/df.txt", "df", "--human-readable", "--print-type", "--local"),

  printed("virtual-machines/domains.txt", "virsh", "list", "--all"),
  printed("virtual-machines/networks.txt", "virsh", "net-list", "--all"),
  printed("virtual-machines/pools.txt", "virsh", "pool-list", "--all"),
  printed("virtual-machines/host.txt", "virsh", "nodeinfo"),
  printed("virtual-machines/versions.txt", "virsh", "version"),
];

/** Everything that is gathered on this node beside the journal: the usual, and what depends on what there is. */
export async function contentsOf(machine: Machine, sources: AgentSources): Promise<Content[]> {
  const facts = sources.facts();
  return [
    ...(await profiles(machine)),
    ...usual,
    ...(await bonds(machine)),
    ...disks(facts),
    ...(await logFiles(machine, "virtual-machines/logs", "/var/log/libvirt/qemu")),
    ...(await logFiles(machine, "node/logs", "/var/log/binnacle")),
    told("node/facts.json", () => facts),
    told("node/hardware.json", () => sources.hardware(), 60_000),
    told("node/diagnostics.json", () => sources.diagnose(), 120_000),
    told("node/audit.json", async () => (await sources.audit.read(auditKept)).entries),
    ...jobs(sources),
  ];
}

/** Whether a file is a profile, whose secrets are looked for everywhere else too. */
export function isProfile({ file }: Content): boolean {
  return file.startsWith("network/profiles/");
}

async function profiles(machine: Machine): Promise<Content[]> {
  const found: Content[] = [];
  for (const place of ["etc", "run"]) {
    const folder = `/${place}/NetworkManager/system-connections`;
    for (const name of await machine.readDir(folder).catch(() => []))
      found.push({ ...read(`network/profiles/${place}-${name}.txt`, `${folder}/${name}`), settings: true });
  }
  return found;
}

async function bonds(machine: Machine): Promise<Content[]> {
  const folder = "/proc/net/bonding";
  const names = await machine.readDir(folder).catch(() => []);
  return names.map((name) => read(`network/bonding-${name}.txt`, `${folder}/${name}`));
}

function disks(facts: Facts): Content[] {
  const known = valueOf(facts.disks) ?? [];
  return known.map(({ name }) => printed(`storage/smart-${name}.json`, "smartctl", "--json", "--all", `/dev/${name}`));
}

/** The ends of the logs in a folder; by commands, for its file system may hang. */
async function logFiles(machine: Machine, into: string, folder: string): Promise<Content[]> {
  const args = [folder, "-maxdepth", "1", "-type", "f", "-printf", "%f\\n"];
  const run = machine.run("find", args, { timeoutMs: usualMs, reason: "Collect Logs" }).catch(() => undefined);
  const names = ((await run)?.stdout ?? "").split("\n").filter((name) => /^[^/]*\.(log|txt|\d+)$/.test(name));
  return names
    .sort()
    .map((name) =>
      printed(`${into}/${basename(name)}.txt`, "tail", `--bytes=${mostOfFile}`, "--", `${folder}/${name}`),
    );
}

function jobs({ jobs }: AgentSources): Content[] {
  const list = jobs.list().slice(0, jobsKept);
  return [
    told("jobs/jobs.json", () => jobs.list()),
    ...list
      .filter(({ lines }) => lines > 0)
      .map(({ id, kind }) =>
        told(`jobs/${kind}-${id}.log`, async () => `${(await jobs.log(id, 0)).lines.join("\n")}\n`),
      ),
  ];
}
