import { endPreMaintenance } from "../../model/cloud/host.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { vmStates } from "../../model/cloud/vm-states.ts";
import { listed, shown } from "../../model/quote.ts";
import { orThrow } from "../calls/shared.ts";
import type { Flow, FlowEnv } from "../flow/flow.ts";
import { taskCancelling } from "../tasks.ts";
import type { HostData } from "./flows.ts";
import { hostLife } from "./status.ts";
import type { Host, HostWorld } from "./world.ts";

/* Maintenance of a host: it is freed of its machines. */

/** A machine as a result of a task names it: it may be gone when somebody reads that. */
type Named = { uuid: string; name: string };

type MaintainData = HostData & {
  /** What was on the host when it began: the result tells of these also when a manager has ended in between. */
  machines?: Named[];
  stopped?: Named[];
  notStopped?: Named[];
};

/**
 * Frees a host of its machines: as many at a time as the setting says are stopped, each by a task of its own, until
 * none is left. Those that can't be stopped end the maintenance, unless errors are to be ignored. Cancelled, it begins
 * with no further machine; those that are being stopped are stopped.
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
        title: "Stopping the machines of the host",
        cancellable: true,
        async run({ hostUuid, machines = [] }, env) {
          const tried = await emptied(world, hostUuid, env);
          const here = new Set(machinesOn(world, hostUuid).map(({ uuid }) => uuid));
          const notStopped = [...tried.filter(({ uuid }) => here.has(uuid)), ...unreadableOn(world, hostUuid)];
          const ignoresErrors = world.settings.flag("host.maintenanceMode.ignoreError");
          if (notStopped.length > 0 && !ignoresErrors) throw notFreed(world, hostUuid, notStopped);
          const all = new Map([...machines, ...tried].map((each) => [each.uuid, each]));
          return { data: { stopped: [...all.values()].filter(({ uuid }) => !here.has(uuid)), notStopped } };
        },
      },
      {
        // Its place is where a cancellation is obeyed that came while machines were stopped.
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
    result: ({ stopped = [], notStopped = [] }) => ({ stopped, notStopped }),
  };
}

function endMaintenance(host: Host, failed: boolean, write: (life: ReturnType<typeof hostLife>) => void): void {
  if (host.state !== "PreMaintenance") return;
  write(orThrow(endPreMaintenance(host.name, hostLife(host), { failed, ignoreErrors: false })));
}

function machinesOn({ records: { mirror } }: HostWorld, hostUuid: string): Named[] {
  return mirror
    .find("VmInstance", "hostUuid", hostUuid)
    .flatMap(({ value: { uuid, name, state } }) => (vmStates[state].onHost ? [{ uuid, name }] : []));
}

/** A machine that may be on the host, and can't be stopped for its record can't be read. */
function unreadableOn({ records: { mirror } }: HostWorld, hostUuid: string): Named[] {
  const host = mirror.get("Host", hostUuid)?.value;
  const machine = host === undefined ? undefined : mirror.unreadable.machineOn(host);
  return machine === undefined ? [] : [{ uuid: machine.key, name: String(machine.value["name"] ?? machine.key) }];
}

/** Stops what is on a host; gives what it tried to stop, nothing when the task is cancelled. */
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
      const one: Promise<void> = world
        .stopMachine(uuid, signal)
        .catch(() => undefined)
        .finally(() => stopping.delete(one));
      stopping.add(one);
    } else await Promise.race(stopping);
  }
  return [...tried.values()];
}

function notFreed({ records }: HostWorld, hostUuid: string, left: readonly Named[]): CloudError {
  const name = records.mirror.get("Host", hostUuid)?.value.name ?? hostUuid;
  const details = `${left.length} of its machines could not be stopped: ${listed(left.map((each) => each.name))}.`;
  const remedy = "Look at their tasks (QueryTask), or set maintenanceMode.ignoreError.";
  return new CloudError(
    refusalOf("HOST.1033", { where: `Host ${shown(name)}`, details, remedy, values: { machines: left.length } }),
  );
}
