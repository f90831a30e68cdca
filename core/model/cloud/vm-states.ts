/* States of a virtual machine. Source: ../shared/spec/cloud.md, "VM states". */

/**
 * - `settled`: it stays so until somebody asks for something. The others last as long as one operation runs.
 * - `onHost`: a process of it may be alive on a host. When that host is lost, nobody knows, and it is Unknown.
 * - `charged`: a host keeps CPU and memory for it.
 */
type VmStateFacts = { description: string; settled: boolean; onHost: boolean; charged: boolean };

export const vmStates = {
  Created: { description: "Made, but never started.", settled: true, onHost: false, charged: false },
  Starting: { description: "Being started on a host.", settled: false, onHost: true, charged: true },
  Running: { description: "Runs on its host.", settled: true, onHost: true, charged: true },
  Stopping: { description: "Being shut down or powered off.", settled: false, onHost: true, charged: true },
  Stopped: { description: "Does not run.", settled: true, onHost: false, charged: false },
  Rebooting: { description: "Being restarted on its host.", settled: false, onHost: true, charged: true },
  Pausing: { description: "Being paused.", settled: false, onHost: true, charged: true },
  Paused: { description: "Stands still, kept in its host's memory.", settled: true, onHost: true, charged: true },
  Resuming: { description: "Being continued.", settled: false, onHost: true, charged: true },
  Migrating: { description: "Being moved to another host.", settled: false, onHost: true, charged: true },
  VolumeMigrating: {
    description: "Its volumes are being moved to another storage.",
    settled: false,
    onHost: false,
    charged: false,
  },
  Destroying: { description: "Being deleted.", settled: false, onHost: true, charged: true },
  Destroyed: {
    description: "Deleted; its volumes are kept until it is recovered or expunged.",
    settled: true,
    onHost: false,
    charged: false,
  },
  Expunging: { description: "Its volumes are being removed for good.", settled: false, onHost: false, charged: false },
  Suspending: { description: "Its memory is being written to disk.", settled: false, onHost: true, charged: true },
  Suspended: {
    description: "Stands still, kept on disk; survives a restart of its host.",
    settled: true,
    onHost: false,
    charged: false,
  },
  Shelving: {
    description: "Being put away as an image on the backup storage.",
    settled: false,
    onHost: true,
    charged: true,
  },
  Shelved: {
    description: "Kept as an image only; can be started on any host.",
    settled: true,
    onHost: false,
    charged: false,
  },
  Rescued: {
    description: "Runs from a rescue image, with its own root volume attached.",
    settled: true,
    onHost: true,
    charged: true,
  },
  Unknown: {
    description: "Its host does not answer: it may run or not.",
    settled: true,
    onHost: true,
    charged: true,
  },
  Error: {
    description: "An operation failed, and so did taking it back. Delete and recover it to have it Stopped.",
    settled: true,
    onHost: true,
    charged: true,
  },
} as const satisfies Record<string, VmStateFacts>;

export type VmState = keyof typeof vmStates;
export const vmStateNames = Object.keys(vmStates) as VmState[];

/** What becomes of a machine in a state in which hardly anything can be asked of it: for remedies. */
export const vmWaysOut: Readonly<Partial<Record<VmState, string>>> = {
  Unknown:
    "When its host is connected again, its state is put right by itself. If the host never comes back: make sure that it " +
    "is switched off and stays so, then delete it (DeleteHost deleteMode=Enforcing): the machine is Stopped from then on.",
  Error: "Delete and recover it to have it Stopped.",
};

/**
 * What a host says of a virtual machine's process. `stopped`: there is none, for whatever reason; `suspended`: there is none,
 * and its memory is kept on the host's disk.
 */
export const observations = ["running", "paused", "stopped", "suspended"] as const;
export type Observation = (typeof observations)[number];

/**
 * The state after a host's word, for a machine on which no operation runs. Where nothing stands, the word tells of no
 * change (`same`) or of a process that must not be there (`stray`).
 */
export const observationTable = {
  Running: { running: "same", paused: "Paused", stopped: "Stopped", suspended: "Suspended" },
  Paused: { running: "Running", paused: "same", stopped: "Stopped", suspended: "Suspended" },
  Unknown: { running: "Running", paused: "Paused", stopped: "Stopped", suspended: "Suspended" },
  Rescued: { running: "same", paused: "same", stopped: "Stopped", suspended: "Stopped" },
  // Started behind the manager's back. It is known to run there, so nobody may start it elsewhere.
  Stopped: { running: "Running", paused: "Paused", stopped: "same", suspended: "same" },
  // Only a person decides: see the state's description.
  Error: { running: "same", paused: "same", stopped: "same", suspended: "same" },
  Created: { running: "stray", paused: "stray", stopped: "same", suspended: "same" },
  // One that runs there was resumed past the manager, or since a backup; nothing at all: what was kept is gone.
  Suspended: { running: "Running", paused: "Paused", stopped: "Stopped", suspended: "same" },
  Shelved: { running: "stray", paused: "stray", stopped: "same", suspended: "same" },
  Destroyed: { running: "stray", paused: "stray", stopped: "same", suspended: "same" },
} as const satisfies Partial<Record<VmState, Record<Observation, VmState | "same" | "stray">>>;
