import type { VmState } from "./vm-states.ts";

/*
 * What can be done with a virtual machine, from which states, through which to which. Documentation, tests and the
 * flows go by this table. Source: ../shared/spec/cloud.md, "VM states".
 */

/** A condition beyond the state. Who asks for an operation has looked, and says which of them hold. */
export const vmConditions = {
  hostConnected: {
    description: "Its host is Connected.",
    details: "its host does not answer",
    remedy: "Look at the host's agent and network, then reconnect the host.",
  },
  movable: {
    description:
      "All its volumes are on shared storage, or localStoragePrimaryStorage.liveMigrationWithStorage.allow is on.",
    details: "it has a volume on local storage",
    remedy:
      "Set localStoragePrimaryStorage.liveMigrationWithStorage.allow=true (UpdateGlobalConfig), and its volumes go along; or " +
      "keep them on shared storage.",
  },
  sharedStorage: {
    description: "All its volumes are on shared storage that another host reaches.",
    details: "it has a volume that only its own host reaches",
    remedy: "Repair the host: the virtual machine can start there only.",
  },
  hostFailed: {
    description: "Its host is known not to run it: fenced, powered off, or its lease is over.",
    details: "its host may still run it",
    remedy: "Wait until the host is fenced, or switch it off and say so.",
  },
  growsLive: {
    description: "NUMA is on, and the new offering has no less CPU or memory than the present one.",
    details: "one that runs can only grow with NUMA, which this version does not do, whatever vm.numa says",
    remedy: "Stop it first: it has its new size from its next start on.",
  },
} as const;
export type VmCondition = keyof typeof vmConditions;

/** Conditions that nothing meets in this version: what needs one is offered to nobody. */
export const unmetConditions: ReadonlySet<VmCondition> = new Set(["growsLive"]);

/** `all`: every settled state, but for that of a deleted one. */
export type Route = {
  /** `none`: there is no machine yet. */
  from: readonly (VmState | "none")[] | "all";
  /** While it runs; null: the state stays, and the machine is busy nevertheless. */
  through: VmState | null;
  /** `same`: as before. `beforeRescue`: as before the rescue. `gone`: there is no machine any more. */
  to: VmState | "same" | "beforeRescue" | "gone";
  /** After a failure, when what was begun is taken back. Where that fails too, the machine is in Error. */
  failed: VmState | "same" | "gone";
  needs?: readonly VmCondition[];
};

export type VmOperationFacts = {
  description: string;
  /** When a guest sees it: at once; only while it is stopped; at its next start. */
  effect: "now" | "whenStopped" | "nextStart";
  routes: readonly Route[];
};

const online = ["hostConnected"] as const;
const still = (from: readonly VmState[], needs?: readonly VmCondition[]): Route => ({
  from,
  through: null,
  to: "same",
  failed: "same",
  ...(needs === undefined ? {} : { needs }),
});
/** Changes of what a machine consists of: in the guest at once, where it runs. */
const plug = [still(["Running"], online), still(["Stopped"])];
/** The same of drives and cards, which one that was never started has, too. */
const plugAlways = [still(["Running"], online), still(["Stopped", "Created"])];

export const vmOperations = {
  create: {
    description: "Makes a virtual machine and starts it.",
    effect: "now",
    routes: [{ from: ["none"], through: "Starting", to: "Running", failed: "gone" }],
  },
  define: {
    description: "Makes a virtual machine without starting it.",
    effect: "now",
    routes: [{ from: ["none"], through: "Created", to: "Created", failed: "gone" }],
  },
  launch: {
    description: "Starts one that was made without being started.",
    effect: "now",
    routes: [{ from: ["Created"], through: "Starting", to: "Running", failed: "same" }],
  },
  start: {
    description: "Starts it on its last host, or on a named one with shared storage.",
    effect: "now",
    routes: [{ from: ["Stopped"], through: "Starting", to: "Running", failed: "Stopped" }],
  },
  stop: {
    description: "Asks the guest to shut down, and powers it off after a time-out.",
    effect: "now",
    routes: [
      { from: ["Running"], through: "Stopping", to: "Stopped", failed: "same", needs: online },
      { from: ["Unknown"], through: "Stopping", to: "Stopped", failed: "same" },
    ],
  },
  powerOff: {
    description: "Takes the power away without asking the guest.",
    effect: "now",
    routes: [
      { from: ["Running"], through: "Stopping", to: "Stopped", failed: "same", needs: online },
      { from: ["Unknown"], through: "Stopping", to: "Stopped", failed: "same" },
    ],
  },
  reboot: {
    description: "Restarts it on its host.",
    effect: "now",
    routes: [{ from: ["Running"], through: "Rebooting", to: "Running", failed: "same", needs: online }],
  },
  pause: {
    description: "Lets it stand still, kept in memory.",
    effect: "now",
    routes: [{ from: ["Running"], through: "Pausing", to: "Paused", failed: "same", needs: online }],
  },
  suspend: {
    description: "Lets it stand still, kept on disk; survives a restart of its host.",
    effect: "now",
    routes: [{ from: ["Running"], through: "Suspending", to: "Suspended", failed: "same", needs: online }],
  },
  resume: {
    description: "Lets a paused or suspended one go on.",
    effect: "now",
    routes: [{ from: ["Paused", "Suspended"], through: "Resuming", to: "Running", failed: "same", needs: online }],
  },
  migrateLive: {
    description: "Moves it to another host while it runs; volumes on local storage go along, where that is allowed.",
    effect: "now",
    routes: [
      { from: ["Running"], through: "Migrating", to: "Running", failed: "same", needs: ["hostConnected", "movable"] },
    ],
  },
  migrateCold: {
    description: "Moves a stopped one to another host; its volumes are on storage that both hosts share.",
    effect: "whenStopped",
    routes: [{ from: ["Stopped"], through: "Migrating", to: "Stopped", failed: "same" }],
  },
  migrateVolumes: {
    description: "Moves its volumes to another primary storage.",
    effect: "whenStopped",
    routes: [{ from: ["Stopped"], through: "VolumeMigrating", to: "Stopped", failed: "same" }],
  },
  resize: {
    description: "Gives it another instance offering.",
    effect: "now",
    routes: [still(["Stopped"]), still(["Running"], ["hostConnected", "growsLive"])],
  },
  snapshot: { description: "Keeps the present content of its volumes.", effect: "now", routes: plug },
  revert: {
    description: "Puts a volume back to a snapshot.",
    effect: "whenStopped",
    routes: [still(["Stopped"])],
  },
  shelve: {
    description: "Puts it away as an image on the backup storage and frees its host.",
    effect: "now",
    routes: [
      { from: ["Running"], through: "Shelving", to: "Shelved", failed: "same", needs: online },
      { from: ["Stopped"], through: "Shelving", to: "Shelved", failed: "same" },
    ],
  },
  unshelve: {
    description: "Starts a shelved one on any host.",
    effect: "now",
    routes: [{ from: ["Shelved"], through: "Starting", to: "Running", failed: "same" }],
  },
  rescue: {
    description: "Boots it from a given image, with its own root volume attached.",
    effect: "now",
    routes: [
      { from: ["Running"], through: null, to: "Rescued", failed: "same", needs: online },
      // Its host keeps CPU and memory for it from then on.
      { from: ["Stopped"], through: "Starting", to: "Rescued", failed: "same" },
    ],
  },
  unrescue: {
    description: "Ends the rescue: the machine is as it was before.",
    effect: "now",
    routes: [{ from: ["Rescued"], through: null, to: "beforeRescue", failed: "same", needs: online }],
  },
  clone: { description: "Copies it, with its volumes, to new ones.", effect: "now", routes: plug },
  rebuild: {
    description: "Puts its root volume back to an image.",
    effect: "whenStopped",
    routes: [still(["Stopped"])],
  },
  evacuate: {
    description: "Starts it on another host, as its own has failed.",
    effect: "now",
    routes: [
      {
        from: ["Unknown", "Running"],
        through: "Starting",
        to: "Running",
        failed: "Stopped",
        needs: ["hostFailed", "sharedStorage"],
      },
    ],
  },
  delete: {
    description: "Deletes it; the policy (Direct, Delay, Never) says when its volumes go.",
    effect: "now",
    routes: [{ from: "all", through: "Destroying", to: "Destroyed", failed: "same" }],
  },
  recover: {
    description: "Takes the deletion back.",
    effect: "now",
    routes: [{ from: ["Destroyed"], through: null, to: "Stopped", failed: "same" }],
  },
  expunge: {
    description: "Removes a deleted one for good, with its root volume.",
    effect: "now",
    routes: [{ from: ["Destroyed"], through: "Expunging", to: "gone", failed: "same" }],
  },
  attachVolume: { description: "Gives it a data volume.", effect: "now", routes: plug },
  detachVolume: { description: "Takes a data volume away.", effect: "now", routes: plug },
  resizeVolume: { description: "Lets one of its volumes grow.", effect: "now", routes: plug },
  deleteSnapshot: { description: "Removes a snapshot of one of its volumes.", effect: "now", routes: plug },
  attachNic: { description: "Gives it a network card.", effect: "now", routes: plugAlways },
  detachNic: { description: "Takes a network card away.", effect: "now", routes: plugAlways },
  attachIso: { description: "Puts in an ISO image; three at most.", effect: "now", routes: plugAlways },
  detachIso: { description: "Takes an ISO image out.", effect: "now", routes: plugAlways },
  setBootOrder: {
    description: "Says which device it boots from.",
    effect: "nextStart",
    routes: [still(["Running", "Stopped", "Created"])],
  },
  setConsolePassword: {
    description: "Sets the password of its consoles, or takes it away.",
    effect: "now",
    routes: [still(["Running", "Stopped", "Created"])],
  },
  setUserData: {
    description: "Sets what cloud-init in its guest is given as user data, or takes it away.",
    effect: "nextStart",
    routes: [still(["Running", "Stopped", "Created"])],
  },
  setSshKey: {
    description: "Sets the public keys that cloud-init in its guest is given, or takes them away.",
    effect: "nextStart",
    routes: [still(["Running", "Stopped", "Created"])],
  },
  setHostname: {
    description: "Sets the name that its guest is given, or takes it away.",
    effect: "nextStart",
    routes: [still(["Running", "Stopped", "Created"])],
  },
  setStaticIp: {
    description: "Gives a network card a fixed address.",
    effect: "whenStopped",
    routes: [still(["Stopped", "Created"])],
  },
  setMac: {
    description: "Gives a network card another MAC address.",
    effect: "whenStopped",
    routes: [still(["Stopped", "Created"])],
  },
} as const satisfies Record<string, VmOperationFacts>;

export type VmOperation = keyof typeof vmOperations;
export const vmOperationNames = Object.keys(vmOperations) as VmOperation[];

/**
 * The accident guard. These two are done at once, in any state, also while an operation runs; the state stays. A locked
 * machine refuses all other operations of people.
 */
export const vmGuards = {
  lock: { description: "Guards it against accidents: all other operations are refused." },
  unlock: { description: "Takes the guard away." },
} as const;
export type VmGuard = keyof typeof vmGuards;
