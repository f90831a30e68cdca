import * as z from "zod/mini";
import { type Millis, type Missing, reading } from "./reading.ts";

/*
 * What an agent knows of its own machine. Sizes are bytes, shares are 0 to 1, times are milliseconds since the epoch,
 * durations say their unit in the name. `null` stands for "this machine does not tell"; a whole fact that can't be had
 * is a missing reading.
 */

export const nodeRoles = ["management", "compute", "storage", "expert", "none"] as const;
export type NodeRole = (typeof nodeRoles)[number];

export const identity = z.object({
  hostname: z.string(),
  /** `none`: this machine was not installed as a Binnacle node. */
  role: z.enum(nodeRoles),
  os: z.string(),
  kernel: z.string(),
  vendor: z.nullable(z.string()),
  model: z.nullable(z.string()),
  serial: z.nullable(z.string()),
  /** The hypervisor that this machine itself runs in, for instance `kvm`; null on bare metal or when unknown. */
  virtualization: z.nullable(z.string()),
  /** How far the installation of the role is; absent where none was recorded. Only `ready` may be shown as working. */
  roleStatus: z.optional(
    z.object({
      state: z.enum(["installing", "ready", "failed"]),
      /** The step that runs or failed, as the console's lines call it. */
      step: z.nullable(z.string()),
      reason: z.nullable(z.string()),
      remedy: z.nullable(z.string()),
    }),
  ),
});

export const time = z.object({
  bootAt: z.number(),
  /** The machine's clock when this was read. */
  now: z.number(),
  uptimeSeconds: z.number(),
  load: z.tuple([z.number(), z.number(), z.number()]),
  timezone: z.string(),
});

export const clock = z.object({
  daemon: z.enum(["chrony", "timesyncd", "other"]),
  inSync: z.boolean(),
  source: z.nullable(z.string()),
  /** How far the clock is off its source; positive when it is fast. */
  offsetSeconds: z.nullable(z.number()),
  /** Servers that are configured, whether or not they answer. */
  servers: z.array(z.string()),
});

export const filesystemPurposes = ["install", "data", "logs"] as const;
export const filesystem = z.object({
  purpose: z.enum(filesystemPurposes),
  mount: z.string(),
  device: z.string(),
  type: z.string(),
  sizeBytes: z.number(),
  /** Free for a process without privileges, as `df` counts it. */
  freeBytes: z.number(),
  readOnly: z.boolean(),
});
export type Filesystem = z.infer<typeof filesystem>;

export const disk = z.object({
  name: z.string(),
  model: z.nullable(z.string()),
  serial: z.nullable(z.string()),
  sizeBytes: z.number(),
  /** sata, sas, nvme, virtio, usb …, as the kernel names it. */
  transport: z.nullable(z.string()),
  rotational: z.nullable(z.boolean()),
  health: z.enum(["healthy", "failing", "unknown"]),
  /** Why the health is failing or unknown: data such as `12 reallocated sectors` or the tool that is absent. */
  healthWhy: z.nullable(z.string()),
  temperatureC: z.nullable(z.number()),
  /** Share of the rated endurance that is used, NVMe and SSD only. */
  wear: z.nullable(z.number()),
  reallocatedSectors: z.nullable(z.number()),
  powerOnHours: z.nullable(z.number()),
});
export type Disk = z.infer<typeof disk>;

export const linkKinds = ["physical", "bond", "bridge", "vlan", "loopback", "tunnel", "virtual"] as const;
export const address = z.object({
  family: z.enum(["inet", "inet6"]),
  address: z.string(),
  prefix: z.number(),
  scope: z.string(),
  dynamic: z.boolean(),
});
export const bondLeg = z.object({
  link: z.string(),
  /** The bond's own view of the leg (MII status), not the interface's. */
  up: z.boolean(),
  active: z.boolean(),
  failures: z.number(),
  /** 802.3ad only: the partner's system MAC; null when no partner speaks. */
  partnerMac: z.nullable(z.string()),
});
export const link = z.object({
  name: z.string(),
  kind: z.enum(linkKinds),
  adminUp: z.boolean(),
  /** null when the link is down by administration, for then no carrier can be read. */
  carrier: z.nullable(z.boolean()),
  speedMbps: z.nullable(z.number()),
  duplex: z.nullable(z.enum(["full", "half"])),
  mtu: z.number(),
  mac: z.nullable(z.string()),
  permanentMac: z.nullable(z.string()),
  driver: z.nullable(z.string()),
  /** Bus address, for instance `0000:03:00.0`. */
  bus: z.nullable(z.string()),
  addresses: z.array(address),
  /** Bond or bridge that this link belongs to. */
  master: z.nullable(z.string()),
  bond: z.nullable(z.object({ mode: z.string(), legs: z.array(bondLeg) })),
  bridgePorts: z.nullable(z.array(z.string())),
  vlan: z.nullable(z.object({ id: z.number(), parent: z.string() })),
  /** Carries the management address: configured so, or the link of the default route. */
  management: z.boolean(),
  receivedBytes: z.number(),
  sentBytes: z.number(),
  errors: z.number(),
});
export type Link = z.infer<typeof link>;
export type LinkAddress = z.infer<typeof address>;

export const network = z.object({
  links: z.array(link),
  /** Default routes, the preferred first. */
  gateways: z.array(z.object({ link: z.string(), address: z.string(), family: z.enum(["inet", "inet6"]) })),
  nameServers: z.array(z.string()),
});

/** What LLDP says is at the other end of a cable. */
export const neighbour = z.object({ link: z.string(), system: z.string(), port: z.string() });
export type Neighbour = z.infer<typeof neighbour>;

export const cpu = z.object({
  model: z.string(),
  /** Busy share since the sample before. */
  usage: z.number(),
  iowait: z.number(),
  /** Time that the hypervisor below took away. */
  steal: z.number(),
  cores: z.array(z.number()),
});

export const memory = z.object({
  totalBytes: z.number(),
  /** total - available, as `free` counts it. */
  usedBytes: z.number(),
  availableBytes: z.number(),
  cachedBytes: z.number(),
  swapTotalBytes: z.number(),
  swapUsedBytes: z.number(),
  /** Pressure stall information: share of the last 10 s in which some task waited for memory. */
  pressure: z.nullable(z.number()),
});

export const service = z.object({
  unit: z.string(),
  description: z.string(),
  active: z.enum(["active", "reloading", "inactive", "failed", "activating", "deactivating"]),
  sub: z.string(),
  pid: z.nullable(z.number()),
  since: z.nullable(z.number()),
  restarts: z.number(),
});
export type Service = z.infer<typeof service>;

export const management = z.object({
  service: z.enum(["running", "stopped", "unknown"]),
  /**
   * What more is known of a service that does not simply run: on its way up or down, failed, between two attempts of
   * systemd to start it, or there without answering.
   */
  why: z.optional(z.enum(["starting", "stopping", "failed", "restarting", "silent"])),
  pid: z.nullable(z.number()),
  ui: z.enum(["running", "stopped", "unknown"]),
  uiAddress: z.nullable(z.string()),
  /** `single`: one management node without a standby. */
  ha: z.enum(["single", "active", "standby", "unknown"]),
});

export const virtualMachine = z.object({
  uuid: z.string(),
  name: z.string(),
  /** `null`: libvirt does not tell, for instance while somebody holds the machine's lock. */
  cpus: z.nullable(z.number()),
  memoryBytes: z.nullable(z.number()),
  /** Of all its virtual processors, 0 to 1, since the reading before; absent in what a former agent tells. */
  cpuShare: z.optional(z.nullable(z.number())),
  state: z.enum(["running", "paused", "stopped", "crashed", "suspended", "unknown"]),
});
export type VirtualMachine = z.infer<typeof virtualMachine>;

/** Virtual machines counted by state; what the public view may show of them. */
export const virtualMachines = z.object({
  total: z.number(),
  running: z.number(),
  stopped: z.number(),
  unknown: z.number(),
  /** null: counted, but not listed for whoever asks without a session. */
  list: z.nullable(z.array(virtualMachine)),
});

/** Hosts of the cloud, counted by state and, apart from that, by status. */
export const hosts = z.object({
  total: z.number(),
  enabled: z.number(),
  disabled: z.number(),
  /** In maintenance or on the way there. */
  maintenance: z.number(),
  connected: z.number(),
  connecting: z.number(),
  disconnected: z.number(),
});

/** What else the manager counts in the whole cloud. The virtual machines of this node are a fact of their own. */
export const cloud = z.object({
  machines: z.object({
    total: z.number(),
    running: z.number(),
    stopped: z.number(),
    unknown: z.number(),
    /** Ended in an error that somebody has to look at. */
    failed: z.number(),
    /** Paused or suspended. */
    paused: z.number(),
    /** On the way from one state to another. */
    changing: z.number(),
    /** Deleted, and not yet gone. */
    deleted: z.number(),
    others: z.number(),
  }),
  tasks: z.object({ running: z.number(), waiting: z.number() }),
});

/** Every fact by name. One source file in `core/node/facts` measures each. */
export const factSchemas = {
  identity,
  time,
  clock,
  filesystems: z.array(filesystem),
  disks: z.array(disk),
  network,
  neighbours: z.array(neighbour),
  cpu,
  memory,
  services: z.array(service),
  management,
  virtualMachines,
  hosts,
  cloud,
} as const;

export type FactName = keyof typeof factSchemas;
export type FactValue<N extends FactName> = z.infer<(typeof factSchemas)[N]>;
export const factNames = Object.keys(factSchemas) as FactName[];

/** All facts as readings. */
export const facts = z.object({
  identity: reading(identity),
  time: reading(time),
  clock: reading(clock),
  filesystems: reading(factSchemas.filesystems),
  disks: reading(factSchemas.disks),
  network: reading(network),
  neighbours: reading(factSchemas.neighbours),
  cpu: reading(cpu),
  memory: reading(memory),
  services: reading(factSchemas.services),
  management: reading(management),
  virtualMachines: reading(virtualMachines),
  hosts: reading(hosts),
  cloud: reading(cloud),
});
export type Facts = z.infer<typeof facts>;

/** Some of the facts: those that changed, or those that are known so far. */
export type SomeFacts = { [N in keyof Facts]?: Facts[N] | undefined };

/** Every fact missing, for one reason. */
export function missingFacts(why: Missing, at: Millis): Facts {
  const missing = { state: "missing", at, why } as const;
  return {
    identity: missing,
    time: missing,
    clock: missing,
    filesystems: missing,
    disks: missing,
    network: missing,
    neighbours: missing,
    cpu: missing,
    memory: missing,
    services: missing,
    management: missing,
    virtualMachines: missing,
    hosts: missing,
    cloud: missing,
  };
}
