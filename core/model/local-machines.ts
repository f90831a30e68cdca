import * as z from "zod/mini";
import { series } from "./history.ts";
import { missing } from "./reading.ts";

/* The virtual machines of one host as its own console shows them: what the hypervisor has, not what the cloud believes. */

export const localStates = ["running", "paused", "stopped", "crashed", "suspended", "unknown"] as const;
export type LocalState = (typeof localStates)[number];

/** How a machine that does not run has ended, and why one stands still. */
export const localReasons = [
  "shutDown",
  "switchedOff",
  "crashed",
  "moved",
  "saved",
  "failed",
  "ioError",
  "moving",
  "shuttingDown",
] as const;
export type LocalReason = (typeof localReasons)[number];

export const localActions = ["start", "shutDown", "powerOff"] as const;
export type LocalAction = (typeof localActions)[number];

/**
 * Why an action is not offered. `ofCloud`: only the cloud may start its machines, for it alone knows whether one runs on
 * another host; `noDriver`: this agent can only look; `silent`: the hypervisor does not answer.
 */
export const localRefusals = ["ofCloud", "running", "notRunning", "moving", "noDriver", "notReady", "silent"] as const;
export type LocalRefusal = (typeof localRefusals)[number];

const figure = z.nullable(z.number());

/** `null` stands for what is not known, which is never 0. Sizes in bytes. */
const localMachineRow = z.object({
  /** 32 digits, as the cloud writes it. */
  uuid: z.string(),
  name: z.string(),
  /** Whether a cloud has made it: see `core/hypervisor/local.ts`. */
  ofCloud: z.boolean(),
  state: z.enum(localStates),
  why: z.nullable(z.enum(localReasons)),
  cpus: figure,
  /** Of all its virtual processors, 0 to 1, since the reading before; unknown until there are two. */
  cpuShare: figure,
  memoryBytes: figure,
});
export type LocalMachineRow = z.infer<typeof localMachineRow>;

/** The hypervisor gives no answer: since when, and why. Milliseconds since the epoch. */
const silence = z.nullable(z.object({ since: z.number(), why: missing }));
export type Silence = z.infer<typeof silence>;

/** While it is silent, machines that were there have their names, and no figures. */
export const localMachines = z.object({
  /** When the figures were read; null when never. */
  at: z.nullable(z.number()),
  silence,
  list: z.array(localMachineRow),
});
export type LocalMachinesView = z.infer<typeof localMachines>;

/** Bytes a second. */
const rates = { read: figure, written: figure };
const localDisk = z.object({
  target: z.string(),
  path: z.string(),
  sizeBytes: figure,
  allocatedBytes: figure,
  ...rates,
});
/** `received` and `sent` by the guest, bytes a second. */
const localNic = z.object({
  mac: z.string(),
  /** The bridge or network that it is on; empty when that is not told. */
  on: z.string(),
  /** Its end on the host. */
  target: z.string(),
  received: figure,
  sent: figure,
});

export const localMachine = z.object({
  at: z.number(),
  silence,
  machine: localMachineRow,
  /** What the guest has of its memory now, and what of it lies in the host's. */
  balloonBytes: figure,
  residentBytes: figure,
  upSeconds: figure,
  /** Null until they were read. */
  disks: z.nullable(z.array(localDisk)),
  nics: z.nullable(z.array(localNic)),
  hasSerial: z.boolean(),
  refusals: z.record(z.enum(localActions), z.nullable(z.enum(localRefusals))),
  /** Shares of its processors; bytes a second of all its disks, and of all its cards. */
  histories: z.object({ cpu: series, disk: series, network: series }),
});
export type LocalMachineView = z.infer<typeof localMachine>;
