import { readFile } from "node:fs/promises";
import * as z from "zod/mini";
import { uuid } from "../../model/cloud/fields.ts";
import { NodeError } from "../../model/error.ts";
import { errnoOf } from "../../node/durable.ts";
import type { HostCommand } from "../driver.ts";

type Verb = HostCommand["do"];
const verbs = [
  "createVolume",
  "createVolumeFromImage",
  "deleteVolume",
  "keepImage",
  "deleteCachedImage",
  "startMachine",
  "stopMachine",
  "rebootMachine",
  "pauseMachine",
  "resumeMachine",
  "suspendMachine",
  "restoreMachine",
  "removeMachine",
  "attachVolume",
  "detachVolume",
  "resizeVolume",
  "snapshotVolume",
  "deleteSnapshot",
  "revertVolume",
  "insertIso",
  "ejectIso",
  "attachNic",
  "detachNic",
  "copyVolume",
  "flattenVolume",
  "verifyVolume",
  "expectMachine",
  "unexpectMachine",
  "migrateMachine",
  "cancelMigration",
  "dropMachine",
  "setFirewall",
] as const satisfies readonly Verb[];

const milliseconds = z.int().check(z.nonnegative(), z.maximum(3_600_000));

export const notReal =
  "This host's hypervisor is a SIMULATION: machines that it says are running do not run anywhere. Start the agent without --hypervisor simulated for real ones.";

/** How often a simulated hypervisor that hangs looks whether it still has to. */
export const hangingMs = 200;

/** About what libvirt needs on a server, so that training feels like it. `stopMachine`: until the guest is down. */
export const usualLatencyMs: Readonly<Record<Verb, number>> = {
  createVolume: 100,
  createVolumeFromImage: 100,
  deleteVolume: 50,
  keepImage: 100,
  deleteCachedImage: 50,
  startMachine: 500,
  stopMachine: 2000,
  rebootMachine: 100,
  pauseMachine: 50,
  resumeMachine: 50,
  suspendMachine: 3000,
  restoreMachine: 2000,
  removeMachine: 50,
  attachVolume: 100,
  detachVolume: 300,
  resizeVolume: 50,
  snapshotVolume: 100,
  deleteSnapshot: 100,
  revertVolume: 100,
  insertIso: 100,
  ejectIso: 100,
  attachNic: 200,
  detachNic: 500,
  copyVolume: 3000,
  flattenVolume: 3000,
  verifyVolume: 1000,
  expectMachine: 50,
  unexpectMachine: 50,
  migrateMachine: 2000,
  cancelMigration: 50,
  dropMachine: 50,
  setFirewall: 20,
};

/**
 * How fast the simulated hypervisor is, and what goes wrong with it: `simulation.json` in its folder. It is read anew
 * for every command, so that whoever trains people, or tests, switches accidents on and off with an editor.
 */
export const simulation = z.strictObject({
  /** Milliseconds that a command takes; others take what the driver was opened with. */
  latencyMs: z._default(z.partialRecord(z.enum(verbs), milliseconds), {}),
  /** Nothing is answered any more, as with a libvirt that hangs. `deaf`: not even to be called off has an effect. */
  hangs: z._default(z.enum(["no", "yes", "deaf"]), "no"),
  /** Commands that fail; `subject`: only those of this machine (uuid) or volume (path). */
  fails: z._default(z.array(z.strictObject({ do: z.enum(verbs), subject: z.optional(z.string()) })), []),
  /** No volume can be made. */
  storageFull: z._default(z.boolean(), false),
  /** URLs of storages that can't be reached. */
  lostStorages: z._default(z.array(z.string()), []),
  /** This host does not see the locks of others. */
  locksAreLocal: z._default(z.boolean(), false),
  /** Machines whose guest does not listen when it is asked to shut down. */
  ignoreShutdown: z._default(z.array(uuid), []),
  /** Machines whose guest lets go of no disk. */
  keepDisks: z._default(z.array(uuid), []),
  /** Machines whose guest lets go of no network card. */
  keepNics: z._default(z.array(uuid), []),
  /** Machines that stop by themselves, as often as they are started. */
  crash: z._default(z.array(uuid), []),
});
export type Simulation = z.infer<typeof simulation>;
export type GivenSimulation = z.input<typeof simulation>;

export const noAccidents: Simulation = simulation.parse({});

/** What stands in the document; undefined without one. @throws HYPERVISOR.BAD_SETTINGS */
export async function readSimulation(file: string): Promise<Simulation | undefined> {
  try {
    return simulation.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return;
    const issue = error instanceof z.core.$ZodError ? error.issues[0] : undefined;
    const fields = issue?.code === "unrecognized_keys" ? issue.keys : issue?.path.map(String);
    const why = fields === undefined ? "it is not JSON" : `it has a wrong field ${fields.join(".")}`;
    throw new NodeError("HYPERVISOR.BAD_SETTINGS", `The simulation's settings ${file} can't be used: ${why}.`, {
      remedy: "Correct the document, or remove it: then nothing goes wrong.",
      values: { file },
      cause: error,
    });
  }
}

/** @throws HYPERVISOR.FAILED, HYPERVISOR.STORAGE_FULL */
export function failAsWanted({ fails, storageFull }: Simulation, command: HostCommand): void {
  const isNewVolume =
    "path" in command && ["createVolume", "createVolumeFromImage", "copyVolume", "flattenVolume"].includes(command.do);
  if (storageFull && isNewVolume)
    throw new NodeError("HYPERVISOR.STORAGE_FULL", `There is no room for the volume ${command.path}.`, {
      remedy: "Make room on the storage, or choose another one.",
    });
  const subject = subjectOf(command);
  const isWanted = fails.some((one) => one.do === command.do && (one.subject ?? subject) === subject);
  if (isWanted)
    throw new NodeError("HYPERVISOR.FAILED", `The simulated hypervisor failed at ${command.do} of ${subject}.`, {
      remedy: "It was told to, in simulation.json: take the entry of `fails` away.",
    });
}

function subjectOf(command: HostCommand): string {
  if (command.do === "setFirewall") return "firewall";
  if ("machine" in command) return command.machine.uuid;
  if ("path" in command) return command.path;
  return command.do === "attachVolume" ? command.disk.path : command.uuid;
}
