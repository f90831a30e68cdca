import { type CallOutput, cloudCalls } from "../../../../core/model/cloud/calls/index.ts";
import { NodeError } from "../../../../core/model/error.ts";
import type { FactName, Facts, FactValue, Link } from "../../../../core/model/facts.ts";
import { factNames } from "../../../../core/model/facts.ts";
import type { Missing } from "../../../../core/model/reading.ts";
import type { AskManager } from "../../../../core/node/diagnostics/check.ts";
import type { Resolver } from "../../../../core/node/diagnostics/resolver.ts";
import { fixtureMachine, recording } from "../../../../core/node/fixture.ts";
import type { Machine, RunResult } from "../../../../core/node/machine.ts";

export const now = Date.parse("2026-11-21T14:03:07Z");
export const minute = 60_000;
const gib = 1024 ** 3;

type Values = { [N in FactName]: FactValue<N> };
/** Values of facts, or why there is none. */
export type FactsPart = { [N in FactName]?: Values[N] | { missing: Missing["code"]; detail?: string } };

/** What a command does that does not end in time. */
export const timeout = new NodeError("RUN.TIMEOUT", "It did not end within its time.");

/** What a test says of a machine; everything else is as on a healthy compute node. */
export type Situation = {
  /** The machine's clock; {@link now} unless told. */
  now?: number;
  facts?: FactsPart;
  files?: Record<string, string>;
  /** A file that may not be read. */
  denied?: string;
  dirs?: Record<string, string[]>;
  links?: Record<string, string>;
  /** What commands print, by a pattern of their command line; the first that fits counts. */
  commands?: [line: RegExp, result: string | Partial<RunResult> | NodeError][];
  resolver?: Resolver | null;
  /** What the manager answers to a call, by its name; one that has none fails with CLOUD.ABSENT. */
  manager?: Record<string, object>;
};

export function link(name: string, part: Partial<Link> = {}): Link {
  return {
    name,
    kind: "physical",
    adminUp: true,
    carrier: true,
    speedMbps: 10_000,
    duplex: "full",
    mtu: 1500,
    mac: "52:54:00:00:00:01",
    permanentMac: null,
    driver: "ixgbe",
    bus: null,
    addresses: [],
    master: null,
    bond: null,
    bridgePorts: null,
    vlan: null,
    management: false,
    receivedBytes: 0,
    sentBytes: 0,
    errors: 0,
    ...part,
  };
}

export function inet(address: string): Link["addresses"][number] {
  return { family: "inet", address, prefix: 24, scope: "global", dynamic: false };
}

export const healthy: Values = {
  identity: {
    hostname: "compute01",
    role: "compute",
    os: "Debian GNU/Linux 13 (trixie)",
    kernel: "6.12.0",
    vendor: "Dell Inc.",
    model: "PowerEdge R750",
    serial: "ABC1234",
    virtualization: null,
  },
  time: { bootAt: now - 100 * minute, now, uptimeSeconds: 6000, load: [0.1, 0.2, 0.2], timezone: "Asia/Shanghai" },
  clock: { daemon: "chrony", inSync: true, source: "10.0.0.1", offsetSeconds: 0.000_12, servers: ["10.0.0.1"] },
  filesystems: [
    {
      purpose: "install",
      mount: "/",
      device: "/dev/sda2",
      type: "ext4",
      sizeBytes: 230 * gib,
      freeBytes: 182 * gib,
      readOnly: false,
    },
    {
      purpose: "data",
      mount: "/",
      device: "/dev/sda2",
      type: "ext4",
      sizeBytes: 230 * gib,
      freeBytes: 182 * gib,
      readOnly: false,
    },
    {
      purpose: "logs",
      mount: "/var/log",
      device: "/dev/sda3",
      type: "ext4",
      sizeBytes: 20 * gib,
      freeBytes: 12 * gib,
      readOnly: false,
    },
  ],
  disks: [
    {
      name: "sda",
      model: "MZ7LH960HAJR0D3",
      serial: "S45PNA0M123456",
      sizeBytes: 960 * gib,
      transport: "sata",
      rotational: false,
      health: "healthy",
      healthWhy: null,
      temperatureC: 32,
      wear: 0.03,
      reallocatedSectors: 0,
      powerOnHours: 9000,
    },
  ],
  network: {
    links: [link("eno1", { management: true, addresses: [inet("10.0.0.5")] })],
    gateways: [{ link: "eno1", address: "10.0.0.1", family: "inet" }],
    nameServers: ["10.0.0.1", "10.0.0.2"],
  },
  neighbours: [],
  cpu: { model: "Xeon", usage: 0.1, iowait: 0, steal: 0, cores: [0.1] },
  memory: {
    totalBytes: 64 * gib,
    usedBytes: 20 * gib,
    availableBytes: 44 * gib,
    cachedBytes: 4 * gib,
    swapTotalBytes: 0,
    swapUsedBytes: 0,
    pressure: 0,
  },
  services: [
    {
      unit: "libvirtd.service",
      description: "",
      active: "active",
      sub: "running",
      pid: 900,
      since: now - 99 * minute,
      restarts: 0,
    },
  ],
  management: { service: "running", pid: 1412, ui: "running", uiAddress: "10.0.0.5:5000", ha: "single" },
  virtualMachines: { total: 2, running: 2, stopped: 0, unknown: 0, list: [] },
  hosts: { total: 0, enabled: 0, disabled: 0, maintenance: 0, connected: 0, connecting: 0, disconnected: 0 },
  cloud: {
    machines: {
      total: 0,
      running: 0,
      stopped: 0,
      unknown: 0,
      failed: 0,
      paused: 0,
      changing: 0,
      deleted: 0,
      others: 0,
    },
    tasks: { running: 0, waiting: 0 },
  },
};

const healthyFiles: Record<string, string> = {
  "/proc/cpuinfo":
    "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Gold 6330 CPU @ 2.00GHz\nflags\t\t: fpu vmx sse4_2\n",
  "/proc/cmdline": "BOOT_IMAGE=/vmlinuz quiet",
  "/proc/vmstat": "nr_free_pages 5\noom_kill 0\n",
  "/proc/net/tcp": "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n",
  "/proc/mounts": "/dev/sda2 / ext4 rw 0 0\n",
  "/proc/self/mountinfo": "21 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw\n",
  "/etc/hostname": "compute01\n",
  "/etc/hosts": "127.0.0.1\tlocalhost\n127.0.1.1\tcompute01.example.com compute01\n",
};
const healthyDirs: Record<string, string[]> = { "/sys/class/misc": ["kvm", "rfkill"], "/proc": ["1", "meminfo"] };
const healthyCommands: [RegExp, string][] = [
  [/^systemctl list-units --type=service --state=activating/, "[]"],
  [/^arping -V/, "arping from iputils 20240905"],
  [/^arping -D /, "Sent 2 probes (2 broadcast(s))\nReceived 0 response(s)"],
  [/^ping /, pinged(2)],
  [/^journalctl .*--field=/, "6\n"],
  [/^journalctl /, ""],
];

/** What ping prints after two packets. */
export function pinged(received: 0 | 2): string {
  return `PING 10.0.0.1 (10.0.0.1) from 10.0.0.5 eno1: 1472(1500) bytes of data.\n\n--- 10.0.0.1 ping statistics ---\n2 packets transmitted, ${received} received, ${received === 0 ? 100 : 0}% packet loss, time 201ms\n`;
}

/** A machine and its facts in a situation. */
export function machineIn(situation: Situation): {
  machine: Machine;
  facts: Facts;
  resolver: Resolver | null;
  manager: AskManager;
} {
  const base = fixtureMachine(
    recording.parse({
      now: situation.now ?? now,
      files: {
        ...healthyFiles,
        ...situation.files,
        ...(situation.denied === undefined ? {} : { [situation.denied]: { error: "denied" } }),
      },
      dirs: { ...healthyDirs, ...situation.dirs },
      links: situation.links ?? {},
      commands: {},
    }),
  );
  const commands = [...(situation.commands ?? []), ...healthyCommands];
  const machine: Machine = {
    ...base,
    async run(command, args) {
      const line = [command, ...args].join(" ");
      const result = commands.find(([pattern]) => pattern.test(line))?.[1];
      if (result === undefined)
        throw new NodeError("RUN.NOT_FOUND", `The command ${command} is not installed.`, { values: { command } });
      if (result instanceof NodeError) throw result;
      return { code: 0, stdout: "", stderr: "", ...(typeof result === "string" ? { stdout: result } : result) };
    },
  };
  return {
    machine,
    facts: factsOf(situation.facts ?? {}),
    resolver: situation.resolver ?? (async () => {}),
    async manager(name) {
      const answer = situation.manager?.[name];
      if (answer === undefined) throw new NodeError("CLOUD.ABSENT", "No manager listens.");
      return cloudCalls[name].output.parse(answer) as CallOutput<typeof name>;
    },
  };
}

export function factsOf(part: FactsPart): Facts {
  const entries = factNames.map((name) => {
    const value = part[name] ?? healthy[name];
    if ("missing" in value)
      return [name, { state: "missing", at: now, why: { code: value.missing, detail: value.detail ?? name } }];
    return [name, { state: "value", at: now, value }];
  });
  return Object.fromEntries(entries);
}

/** Every fact is missing. */
export function noFacts(code: Missing["code"]): FactsPart {
  return Object.fromEntries(factNames.map((name) => [name, { missing: code }]));
}

/** Lines as journalctl prints them, newest first. */
export function journal(
  ...lines: { message: string; minutesAgo?: number; priority?: number; unit?: string }[]
): string {
  return lines
    .map(({ message, minutesAgo = 1, priority = 6, unit = "x.service" }, i) =>
      JSON.stringify({
        __CURSOR: `c${i}`,
        __REALTIME_TIMESTAMP: String((now - minutesAgo * minute) * 1000),
        MESSAGE: message,
        PRIORITY: String(priority),
        _SYSTEMD_UNIT: unit,
      }),
    )
    .join("\n");
}
