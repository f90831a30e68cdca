import { endPreMaintenance } from "../../model/cloud/host.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { vmStates } from "../../model/cloud/vm-states.ts";
import { listed, shown } from "../../model/quote.ts";
import { orThrow } from "../calls/shared.ts";
import type { Flow, FlowEnv } from "../flow/flow.ts";
import { machineIdle, taskCancelling } from "../tasks.ts";
import type { HostData } from "./flows.ts";
import { hostLife } from "./status.ts";
import type { Host, HostWorld } from "./world.ts";

/* Maintenance of a host: it is freed of its machines. */

/** A machine as a result of a task names it: it may be gone when somebody reads that. */
type Named = { uuid: string; name: string };

type MaintainData = HostData & {
  /** What was on the host when it began: the result tells of these also when a manager has ended in between. */
  machines?: Named[];
  moved?: Named[];
  stopped?: Named[];
  notStopped?: Named[];
};

/**
 * Frees a host of its machines: as many at a time as the setting says are moved to other hosts while they run, each by a
 * task of its own, until none is left; what no other host can have is stopped. Those that stay end the maintenance, unless
 * errors are to be ignored: one that is paused is neither moved nor stopped, and one whose move has failed runs on.
 * Cancelled, it begins with no further machine; those that are being moved or stopped are so.
 */
export function maintainHostFlow(world: HostWorld): Flow<MaintainData> {
  return {
    name: "maintainHost",
    steps: [
      {
        name: "look",
        title: "Looking at what is on the host",
        cancellable: true,
        run: async ({ hostUuid }) => ({ data: { machines: machinesOn(world, hostUuid) } }),
      },
      {
        name: "machines",
        title: "Moving or stopping the machines of the host",
        cancellable: true,
        async run({ hostUuid, machines = [] }, env) {
          const tried = await emptied(world, hostUuid, env);
          const here = new Set(machinesOn(world, hostUuid).map(({ uuid }) => uuid));
          const notStopped = [...tried.filter(({ uuid }) => here.has(uuid)), ...unreadableOn(world, hostUuid)];
          const ignoresErrors = world.settings.flag("host.maintenanceMode.ignoreError");
          if (notStopped.length > 0 && !ignoresErrors) throw notFreed(world, hostUuid, notStopped);
          const all = new Map([...machines, ...tried].map((each) => [each.uuid, each]));
          const gone = [...all.values()].filter(({ uuid }) => !here.has(uuid));
          const isMoved = ({ uuid }: Named) => isOnHost(world, uuid);
          const [moved, stopped] = [gone.filter(isMoved), gone.filter((each) => !isMoved(each))];
          return { data: { moved, stopped, notStopped } };
        },
      },
      {
        // Its place is where a cancellation is obeyed that came while machines were moved.
        name: "end",
        title: "Noting that the host is free",
        cancellable: true,
        run: async () => undefined,
      },
    ],
    succeeded: (tx, { hostUuid }) =>
      endMaintenance(tx.need("Host", hostUuid), false, (life) => tx.update("Host", hostUuid, life)),
    failed: (tx, { hostUuid }) => {
      const host = tx.get("Host", hostUuid);
      if (host !== undefined) endMaintenance(host, true, (life) => tx.update("Host", hostUuid, life));
    },
    result: ({ moved = [], stopped = [], notStopped = [] }) => ({ moved, stopped, notStopped }),
  };
}

function endMaintenance(host: Host, failed: boolean, write: (life: ReturnType<typeof hostLife>) => void): void {
  if (host.state !== "PreMaintenance") return;
  write(orThrow(endPreMaintenance(host.name, hostLife(host), { failed, ignoreErrors: false })));
}

function machinesOn({ records: { mirror } }: HostWorld, hostUuid: string): Named[] {
  const here = mirror.find("VmInstance", "hostUuid", hostUuid).map(({ value }) => value);
  // What is being moved here would come after all others have gone.
  const coming = [...mirror.entries("Migration")].flatMap(([uuid, { value }]) => {
    const machine = value["destinationUuid"] === hostUuid ? mirror.get("VmInstance", uuid)?.value : undefined;
    return machine === undefined || machine.hostUuid === hostUuid ? [] : [machine];
  });
  return [...here, ...coming].flatMap(({ uuid, name, state }) => (vmStates[state].onHost ? [{ uuid, name }] : []));
}

function isOnHost({ records: { mirror } }: HostWorld, uuid: string): boolean {
  return (mirror.get("VmInstance", uuid)?.value.hostUuid ?? null) !== null;
}

/** Why no other host can have a machine now: a condition that does not hold, no host that has all it needs, snapshots. */
const immovable: ReadonlySet<string> = new Set(["VM.1004", "VM.1008", "VM.1090"]);

async function free(world: HostWorld, hostUuid: string, uuid: string, signal: AbortSignal): Promise<void> {
  await machineIdle(world.records.mirror, uuid, signal);
  const machine = world.records.mirror.get("VmInstance", uuid)?.value;
  if (machine?.hostUuid !== hostUuid) return;
  const why = machine.state === "Running" ? await world.moveMachine(uuid, signal) : "VM.1004";
  if (why !== undefined && immovable.has(why)) await world.stopMachine(uuid, signal);
}

/** A machine that may be on the host, and can't be stopped for its record can't be read. */
function unreadableOn({ records: { mirror } }: HostWorld, hostUuid: string): Named[] {
  const host = mirror.get("Host", hostUuid)?.value;
  const machine = host === undefined ? undefined : mirror.unreadable.machineOn(host);
  return machine === undefined ? [] : [{ uuid: machine.key, name: String(machine.value["name"] ?? machine.key) }];
}

/** Moves or stops what is on a host; gives what it tried to stop, nothing when the task is cancelled. */
async function emptied(world: HostWorld, hostUuid: string, { task, signal }: FlowEnv): Promise<Named[]> {
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const cancelled = taskCancelling(world.records.mirror, task, until).then(() => []);
  cancelled.catch(() => undefined);
  try {
    return await Promise.race([stopAll(world, hostUuid, until), cancelled]);
  } finally {
    // What waits for its turn on a machine must not stop it any more.
    over.abort(new Error("The task is over."));
  }
}

async function stopAll(world: HostWorld, hostUuid: string, signal: AbortSignal): Promise<Named[]> {
  const tried = new Map<string, Named>();
  const stopping = new Set<Promise<void>>();
  for (;;) {
    signal.throwIfAborted();
    const next = machinesOn(world, hostUuid).find(({ uuid }) => !tried.has(uuid));
    if (next === undefined && stopping.size === 0) break;
    if (next !== undefined && stopping.size < world.settings.number("kvm.vm.migrationQuantity")) {
      const { uuid } = next;
      tried.set(uuid, next);
      const one: Promise<void> = free(world, hostUuid, uuid, signal)
        .catch(() => undefined)
        .finally(() => stopping.delete(one));
      stopping.add(one);
    } else await Promise.race(stopping);
  }
  return [...tried.values()];
}

function notFreed({ records }: HostWorld, hostUuid: string, left: readonly Named[]): CloudError {
  const name = records.mirror.get("Host", hostUuid)?.value.name ?? hostUuid;
  const details = `${left.length} of its machines could not be moved or stopped: ${listed(left.map((each) => each.name))}.`;
  const paused = left.filter(({ uuid }) => records.mirror.get("VmInstance", uuid)?.value.state === "Paused");
  const resume =
    paused.length === 0
      ? ""
      : `Let those go on that are paused (ResumeVmInstance): ${listed(paused.map((each) => each.name))}. `;
  const rescued = left.filter(({ uuid }) => records.mirror.get("VmInstance", uuid)?.value.state === "Rescued");
  const unrescue =
    rescued.length === 0 ? "" : `End the rescue of (UnrescueVmInstance): ${listed(rescued.map((each) => each.name))}. `;
  const remedy = `${resume}${unrescue}Look at their tasks (QueryTask), or set maintenanceMode.ignoreError.`;
  return new CloudError(
    refusalOf("HOST.1033", { where: `Host ${shown(name)}`, details, remedy, values: { machines: left.length } }),
  );
}
