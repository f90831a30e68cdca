import { deletionPolicies } from "./deletion.ts";

/*
 * The cloud's settings: live, without a restart. Names are those of the reference, so that administrators find them.
 * Sources: ../shared/spec/cloud.md, "Host: state and status" and "High availability of VMs"; ../shared/spec/ha.md;
 * ../shared/spec/management.md.
 */

type Kind =
  | { type: "boolean"; default: boolean }
  | { type: "integer"; default: number; min: number; max: number; unit: string }
  | { type: "number"; default: number; min: number; max: number; unit: string }
  | { type: "size"; default: number; min: number; max: number; unit: "bytes" }
  | { type: "choice"; default: string; choices: readonly string[] }
  | { type: "address"; default: "auto" };

export type Setting = Kind & { category: string; name: string; description: string };

const minute = 60;
const hour = 3600;
const day = 86_400;
const gibibyte = 1024 ** 3;

type Words = readonly [category: string, name: string, description: string];
const words = ([category, name, description]: Words) => ({ category, name, description });

function flag(initial: boolean, ...text: Words): Setting {
  return { ...words(text), type: "boolean", default: initial };
}
function whole(initial: number, [min, max]: readonly [number, number], unit: string, ...text: Words): Setting {
  return { ...words(text), type: "integer", default: initial, min, max, unit };
}
function ratio(initial: number, [min, max]: readonly [number, number], unit: string, ...text: Words): Setting {
  return { ...words(text), type: "number", default: initial, min, max, unit };
}
function size(initial: number, [min, max]: readonly [number, number], ...text: Words): Setting {
  return { ...words(text), type: "size", default: initial, min, max, unit: "bytes" };
}
function choice(initial: string, choices: readonly string[], ...text: Words): Setting {
  return { ...words(text), type: "choice", default: initial, choices };
}

function address(...text: Words): Setting {
  return { ...words(text), type: "address", default: "auto" };
}

export const settings: readonly Setting[] = [
  flag(true, "host", "load.all", "Connect to all hosts when the manager starts; else only to those it has to."),
  whole(100, [1, 1000], "hosts", "host", "load.parallelismDegree", "Hosts that are connected to at once."),
  whole(60, [1, hour], "seconds", "host", "ping.interval", "Time between two pings of a host."),
  whole(100, [1, 1000], "hosts", "host", "ping.parallelismDegree", "Hosts that are pinged at once."),
  whole(
    3,
    [1, 100],
    "pings",
    "host",
    "ping.maxFailure",
    "Pings in a row without an answer after which a host is Disconnected.",
  ),
  flag(true, "host", "connection.autoReconnectOnError", "Reconnect a Disconnected host by itself."),
  flag(
    false,
    "host",
    "maintenanceMode.ignoreError",
    "A host goes into maintenance though some machine could not be moved or stopped.",
  ),
  ratio(10, [1, 1000], "times", "host", "cpu.overProvisioning.ratio", "Virtual processors for each thread of a host."),

  {
    ...words(["kvm", "reservedMemory", "Memory kept for the host itself. Tags of zone, cluster and host override it."]),
    type: "size",
    default: gibibyte,
    min: 0,
    max: 1024 * gibibyte,
    unit: "bytes",
  },
  whole(24, [0, 250], "volumes", "kvm", "dataVolume.maxNum", "Data volumes that a machine may have."),
  whole(10, [1, 1000], "commands", "kvm", "host.syncLevel", "Commands that one host carries out at once."),
  whole(
    2,
    [1, 100],
    "machines",
    "kvm",
    "vm.migrationQuantity",
    "Machines that leave a host at once when it goes into maintenance.",
  ),

  whole(
    3600,
    [60, 43_200],
    "seconds",
    "kvm",
    "vm.migrationTimeout",
    "How long the move of a running machine may take.",
  ),
  whole(
    0,
    [0, 1_000_000],
    "MiB/s",
    "kvm",
    "vm.migrationBandwidth",
    "Mebibytes a second that the move of one machine may take of the network; 0: no limit.",
  ),

  flag(
    false,
    "localStoragePrimaryStorage",
    "liveMigrationWithStorage.allow",
    "Running machines on local storage may be migrated, with their volumes.",
  ),

  ratio(
    1,
    [1, 1000],
    "times",
    "mevoco",
    "overProvisioning.memory",
    "Memory promised to machines, for each byte of a host.",
  ),
  ratio(
    1,
    [1, 1000],
    "times",
    "mevoco",
    "overProvisioning.primaryStorage",
    "Size promised to volumes, for each byte of a primary storage.",
  ),
  ratio(
    0.9,
    [0.01, 1],
    "share",
    "mevoco",
    "threshold.primaryStorage.physicalCapacity",
    "Physical use of a storage above which it takes nothing new.",
  ),

  flag(false, "vm", "numa", "Running machines may be given more CPU and memory."),
  whole(
    minute,
    [1, hour],
    "seconds",
    "vm",
    "stop.timeout",
    "Time that a guest has to shut down before it is powered off.",
  ),
  choice(
    "Delay",
    deletionPolicies,
    "vm",
    "deletionPolicy",
    "Delay: a deleted machine can be recovered for a while; Never: always; Direct: it can't.",
  ),
  whole(
    day,
    [1, 10 * 365 * day],
    "seconds",
    "vm",
    "expungePeriod",
    "Time for which a deleted machine can be recovered.",
  ),
  whole(hour, [1, day], "seconds", "vm", "expungeInterval", "Time between two looks for machines to expunge."),
  choice("Delay", deletionPolicies, "volume", "deletionPolicy", "The same for data volumes."),
  whole(
    day,
    [1, 10 * 365 * day],
    "seconds",
    "volume",
    "expungePeriod",
    "Time for which a deleted volume can be recovered.",
  ),
  choice("Delay", deletionPolicies, "image", "deletionPolicy", "The same for images."),
  whole(
    day,
    [1, 10 * 365 * day],
    "seconds",
    "image",
    "expungePeriod",
    "Time for which a deleted image can be recovered.",
  ),
  whole(hour, [1, day], "seconds", "image", "expungeInterval", "Time between two looks for images to expunge."),
  size(
    512 * gibibyte,
    [gibibyte, 64 * 1024 * gibibyte],
    "image",
    "maxVirtualSize",
    "The largest disk that an image may be.",
  ),
  whole(
    minute,
    [1, hour],
    "seconds",
    "image",
    "download.idleTimeout",
    "Time without a single byte after which the source of an image has failed.",
  ),
  whole(
    hour,
    [1, 7 * day],
    "seconds",
    "image",
    "upload.idleTimeout",
    "Time in which nobody sends anything of an image that is uploaded, after which it is given up.",
  ),
  size(
    gibibyte,
    [0, 1024 * gibibyte],
    "backupStorage",
    "reservedCapacity",
    "Room of an image store's file system that images leave free.",
  ),

  whole(
    7200,
    [minute, 30 * day],
    "seconds",
    "identity",
    "session.timeout",
    "A session that is not used for this long ends.",
  ),
  whole(
    500,
    [1, 100_000],
    "sessions",
    "identity",
    "session.maxConcurrent",
    "Sessions that an account may have at once.",
  ),

  flag(true, "ha", "enable", "Keep machines with the level NeverStop running."),
  choice(
    "Permissive",
    ["Permissive", "Force"],
    "ha",
    "strategy",
    "Permissive: an Unknown machine is not touched. Force: recover whenever the conditions hold; hosts that lost contact stop their machines.",
  ),
  whole(5, [1, hour], "seconds", "ha", "host.check.interval", "Time between two checks of a suspect host."),
  whole(12, [1, 1000], "checks", "ha", "host.check.maxAttempts", "Checks before a suspect host is declared lost."),
  whole(
    3,
    [1, 1000],
    "checks",
    "ha",
    "host.check.successTimes",
    "Checks that must succeed before a suspect host counts as alive.",
  ),
  ratio(
    0.5,
    [0.01, 1],
    "share",
    "ha",
    "host.check.successRatio",
    "Share of the checks that must succeed before a suspect host counts as alive.",
  ),
  whole(5, [1, hour], "seconds", "ha", "host.selfFencer.interval", "Time between two checks of a host by itself."),
  whole(
    12,
    [1, 1000],
    "checks",
    "ha",
    "host.selfFencer.maxAttempts",
    "Failed checks after which a host fences itself.",
  ),
  whole(
    15,
    [1, hour],
    "seconds",
    "ha",
    "host.selfFencer.storageChecker.timeout",
    "Time that a storage has to answer a host's check.",
  ),
  whole(
    60,
    [1, hour],
    "seconds",
    "ha",
    "neverStopVm.retry.delay",
    "Pause before a machine is started again after a failed start.",
  ),
  whole(
    60,
    [1, hour],
    "seconds",
    "ha",
    "neverStopVm.scan.interval",
    "Time between two looks for machines that should run.",
  ),
  whole(
    300,
    [1, day],
    "seconds",
    "ha",
    "neverStopVm.gc.maxRetryIntervalTime",
    "The longest pause between two starts of a machine that can't start.",
  ),
  ratio(
    0.33,
    [0.01, 1],
    "share",
    "ha",
    "host.massFailure.ratio",
    "Share of the hosts, lost at once, above which the manager waits for an operator.",
  ),

  whole(
    12 * hour,
    [minute, 30 * day],
    "seconds",
    "managementServer",
    "backup.interval",
    "Time between two backups of the store.",
  ),
  whole(14, [1, 10_000], "backups", "managementServer", "backup.keepAmount", "Backups that are kept."),

  flag(
    true,
    "primaryStorage",
    "locks.required",
    "A host that does not see other hosts' locks on a shared storage is refused it: a machine could run twice.",
  ),
  whole(
    3,
    [1, 100],
    "looks",
    "primaryStorage",
    "check.maxFailure",
    "Looks in a row at which a storage does not answer a host, after which the host counts as without it.",
  ),
  address("consoleProxy", "address", "Where browsers reach the console proxy; auto: the management address."),
  whole(4900, [1024, 65_535], "port", "consoleProxy", "port", "Port at which browsers reach the console proxy."),
  whole(
    7 * day,
    [0, 10 * 365 * day],
    "seconds",
    "managementServer",
    "task.retention",
    "Time for which a task is kept after its end.",
  ),
  whole(
    1000,
    [0, 100_000],
    "tasks",
    "managementServer",
    "task.keepNewest",
    "Tasks that are kept however long ago they ended, the newest ones.",
  ),
  whole(
    90 * day,
    [day, 100 * 365 * day],
    "seconds",
    "managementServer",
    "audit.retention",
    "Time for which records of the audit are kept.",
  ),
  whole(
    1_000_000,
    [1000, 100_000_000],
    "records",
    "managementServer",
    "audit.maxRecords",
    "Records of the audit above which the oldest go before their time.",
  ),
  whole(
    day,
    [hour, 30 * day],
    "seconds",
    "managementServer",
    "idempotencyKey.retention",
    "Time for which a call with the same idempotency key is given the first one's answer.",
  ),
];
