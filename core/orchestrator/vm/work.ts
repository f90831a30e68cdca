import type { HostCommand } from "../../hypervisor/driver.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { vmWaysOut } from "../../model/cloud/vm-states.ts";
import { shown } from "../../model/quote.ts";
import { carryBefore } from "../firewall/carrier.ts";
import type { FlowEnv } from "../flow/flow.ts";
import type { HostLink } from "../host-link.ts";
import { commandFor } from "../hosts/protocol.ts";
import type { RecordOf } from "../kinds.ts";
import type { Records } from "../records.ts";
import { noSuchResource, Tx } from "../records.ts";
import type { LiveSettings } from "../settings.ts";
import type { Allocator } from "./allocator.ts";
import { type Held, isHolder, type Machine } from "./life.ts";

/** What the flows of machines work with. */
export type VmWorld = {
  records: Records;
  settings: LiveSettings;
  allocator: Allocator;
  link: HostLink;
  newUuid: () => string;
};

/** For volumes and the start of a machine; a stop takes the guest's time besides. */
const commandMs = 120_000;

/** Has a host carry out a command of a step, as far as its agent knows it. `part` tells several commands of one step apart. */
export async function tell(
  world: VmWorld,
  host: RecordOf<"Host">,
  command: HostCommand,
  env: FlowEnv,
  { part = "", graceMs = 0 }: { part?: string; graceMs?: number } = {},
): Promise<void> {
  const told = commandFor(host, command);
  await carryBefore(world, host, told, env.signal);
  await world.link.command(host, told, {
    id: part === "" ? env.commandId : `${env.commandId}.${part}`,
    flow: env.task,
    epoch: env.epoch,
    timeoutMs: commandMs + graceMs,
    signal: env.signal,
  });
}

/** Of a step that reads or writes a machine's memory: its command has a limit by the memory's size. */
export const memoryStepMs = 24 * 3_600_000;

/** What a slow disk takes for a machine's memory: 20 MiB a second. */
export function memoryMs({ memorySize }: Pick<Machine, "memorySize">): number {
  return Math.min(memoryStepMs - 2 * commandMs, Math.ceil((memorySize / (20 * 1024 ** 2)) * 1000));
}

/** Codes of a host that was not reached, or that is not believed. */
const silentCodes: ReadonlySet<string> = new Set(["HOST.1010", "HOST.1011"]);

/**
 * The same for a machine that may run on this host or not, and is to be ended there: while the host says nothing, no
 * other word counts. @throws VM.1004 with what can be done; what `tell` throws
 */
export async function tellEnd(
  world: VmWorld,
  { name, operation, earlierState }: Machine,
  host: RecordOf<"Host">,
  command: HostCommand,
  env: FlowEnv,
  more: { graceMs?: number } = {},
): Promise<void> {
  const wayOut = earlierState === null ? undefined : vmWaysOut[earlierState];
  await tell(world, host, command, env, more).catch((error: unknown) => {
    if (wayOut === undefined || !(error instanceof CloudError) || !silentCodes.has(error.code)) throw error;
    const details = `${operation ?? command.do} is not possible: its host ${shown(host.name)} does not answer, and may still run it.`;
    const values = { operation: operation ?? command.do, condition: "hostConnected" };
    const remedy = vmWaysOut.Unknown ?? wayOut;
    throw new CloudError(refusalOf("VM.1004", { where: `VmInstance ${shown(name)}`, details, remedy, values }), error);
  });
}

/** A look at the records as they are now, without changing any. */
export function look({ records }: VmWorld): Tx {
  return new Tx(records.mirror, 0);
}

/** A machine that a task still holds. @throws VM.1011 when something else has ended its operation */
export function held(world: VmWorld, { vmUuid, holder }: Held): Machine {
  const tx = look(world);
  const machine = tx.need("VmInstance", vmUuid);
  if (machine.operation === null || !isHolder(tx, vmUuid, holder)) throw lostHold(machine);
  return machine;
}

export function lostHold({ name, state }: Machine): CloudError {
  const details = `Its host was lost meanwhile, or the manager's records were restored; it is ${state} now.`;
  const remedy = "See what has become of the machine, and ask again.";
  return new CloudError(refusalOf("VM.1011", { where: `VmInstance ${shown(name)}`, details, remedy }));
}

export function hostOf(world: VmWorld, uuid: string): RecordOf<"Host"> {
  const host = world.records.mirror.get("Host", uuid)?.value;
  if (host === undefined) throw noSuchResource("Host", uuid, "hostUuid");
  return host;
}
