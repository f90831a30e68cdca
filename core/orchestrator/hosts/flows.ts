import { addressKind, parseAddress } from "../../model/address.ts";
import { endPreMaintenance, newHost } from "../../model/cloud/host.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { vmStates } from "../../model/cloud/vm-states.ts";
import { listed, shown } from "../../model/quote.ts";
import { orThrow } from "../calls/shared.ts";
import type { Flow, FlowEnv } from "../flow/flow.ts";
import type { HostReport } from "../host-link.ts";
import { taskCancelling } from "../tasks.ts";
import { connect } from "./connect.ts";
import { described, disconnected, hostLife, lostWhileConnecting } from "./status.ts";
import type { Host, HostWorld } from "./world.ts";

/* Flows of hosts: adding, connecting, maintenance, another certificate. */

export type AddHostData = {
  hostUuid: string;
  name: string;
  description: string | null;
  clusterUuid: string;
  managementIp: string;
  username: string;
  fingerprint: string | null;
  tags: string[];
};

type Stray = (uuid: string, why: string) => void;

/** Takes a host into the cloud. When anything fails, the host forgets it again and no record is left. */
export function addHostFlow(world: HostWorld, stray: Stray): Flow<AddHostData> {
  return {
    name: "addHost",
    steps: [
      {
        name: "join",
        title: "Proving the password, giving the host its certificate",
        async run(data, env) {
          const { hostUuid, managementIp, username } = data;
          const password = world.passwords.take(env.task);
          if (password === undefined) throw passwordGone(data.name);
          const fingerprint = data.fingerprint ?? (await world.door.fingerprint(managementIp));
          const known = knownBy(world, fingerprint);
          if (known !== undefined) throw knownAlready(data, known);
          const request = { hostUuid, managementIp, username, password, fingerprint };
          const joined = await world.door.join(request, env.signal);
          if (isOnlyHere(managementIp) && joined.report.driver !== simulatedDriver) throw onlyHere(data);
          return {
            change: (tx) => {
              const empty = { cpuCores: 0, memoryTotal: 0, cpuUsed: 0, memoryUsed: 0, memoryReserved: 0 };
              const { name, description, clusterUuid, tags } = data;
              const own = { uuid: hostUuid, name, description, clusterUuid, managementIp, tags };
              const host = tx.insert("Host", { ...own, ...newHost, ...empty });
              tx.update("Host", hostUuid, described(host, joined.report));
              tx.put("HostCertificate", hostUuid, { certificate: joined.certificate, fingerprint: joined.fingerprint });
            },
          };
        },
        async undo({ hostUuid, managementIp }, env) {
          // Whether it has joined is not known, nor whether it answers: it is told once, and forgotten in any case.
          await world.door.leave({ uuid: hostUuid, managementIp }, env.signal).catch(() => env.signal.throwIfAborted());
          return {
            change: (tx) => {
              if (tx.get("Host", hostUuid) === undefined) return;
              tx.remove("Host", hostUuid);
              tx.delete("HostCertificate", hostUuid);
            },
          };
        },
      },
      {
        name: "connect",
        title: "Asking the host what it is and what runs on it",
        async run({ hostUuid }, env) {
          await connect(world, hostUuid, env.signal, stray);
          return undefined;
        },
      },
    ],
    failed: (tx, { hostUuid, managementIp }) => {
      // One that could not be taken back is there, and has its address.
      if (tx.get("Host", hostUuid) !== undefined) return;
      if (tx.get("HostAddress", managementIp)?.["hostUuid"] === hostUuid) tx.delete("HostAddress", managementIp);
    },
    result: ({ hostUuid }) => ({ hostUuid }),
  };
}

/** What a host says of its hypervisor when its machines are simulated. */
const simulatedDriver: HostReport["driver"] = "simulated";

function isOnlyHere(managementIp: string): boolean {
  const address = parseAddress(managementIp);
  return address !== undefined && addressKind(address) === "loopback";
}

function onlyHere({ name, managementIp }: AddHostData): CloudError {
  const details = `Other hosts and managers can't reach it at ${managementIp}, which leads each of them to itself.`;
  const remedy = "Give the address of its management network.";
  return new CloudError(refusalOf("HOST.1030", { where: `Host ${shown(name)}`, details, remedy }));
}

/** The host that shows this certificate already. */
function knownBy({ records: { mirror } }: HostWorld, fingerprint: string): Host | undefined {
  for (const [uuid, { value }] of mirror.entries("HostCertificate"))
    if (value["fingerprint"] === fingerprint) return mirror.get("Host", uuid)?.value;
  return undefined;
}

function knownAlready({ name, managementIp }: AddHostData, known: Host): CloudError {
  const details = `What answers at ${managementIp} is the host ${shown(known.name)}, by another of its addresses.`;
  const remedy = "Leave it as it is; or delete that host first, and add it by this address.";
  return new CloudError(refusalOf("HOST.1030", { where: `Host ${shown(name)}`, details, remedy }));
}

function passwordGone(name: string): CloudError {
  const details = "The manager has ended while the host was being added, and keeps no password.";
  return new CloudError(
    refusalOf("HOST.1030", { where: `Host ${shown(name)}`, details, remedy: "Add the host again." }),
  );
}

export type HostData = { hostUuid: string };

export function reconnectHostFlow(world: HostWorld, stray: Stray): Flow<HostData> {
  return {
    name: "reconnectHost",
    steps: [
      {
        name: "connect",
        title: "Connecting to the host",
        async run({ hostUuid }, env) {
          await connect(world, hostUuid, env.signal, stray);
          return undefined;
        },
        async undo({ hostUuid }) {
          // One that is neither connected nor lost would stay so for ever.
          if (world.records.mirror.get("Host", hostUuid)?.value.status === "Connecting")
            await disconnected(world, hostUuid);
          return undefined;
        },
      },
    ],
    // Also when it was cancelled before its turn, and nothing was undone.
    failed: (tx, { hostUuid }) => lostWhileConnecting(tx, hostUuid),
  };
}

export function renewCertificateFlow(world: HostWorld): Flow<HostData> {
  return {
    name: "renewHostCertificate",
    steps: [
      {
        name: "renew",
        title: "Giving the host a new key and certificate",
        async run({ hostUuid }, env) {
          const host = world.records.mirror.get("Host", hostUuid)?.value;
          if (host === undefined) return undefined;
          const { certificate, fingerprint } = await world.door.renew(host, env.signal);
          return { change: (tx) => tx.put("HostCertificate", hostUuid, { certificate, fingerprint }) };
        },
      },
    ],
  };
}

/**
 * Frees a host of its machines: as many at a time as the setting says are stopped, each by a task of its own, until
 * none is left. Those that can't be stopped end the maintenance, unless errors are to be ignored. Cancelled, it begins
 * with no further machine; those that are being stopped are stopped.
 */
export function maintainHostFlow(world: HostWorld): Flow<HostData> {
  return {
    name: "maintainHost",
    steps: [
      {
        name: "machines",
        title: "Stopping the machines of the host",
        cancellable: true,
        async run({ hostUuid }, env) {
          const left = await emptied(world, hostUuid, env);
          const ignoresErrors = world.settings.flag("host.maintenanceMode.ignoreError");
          if (left.length > 0 && !ignoresErrors) throw notFreed(world, hostUuid, left);
          return undefined;
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
  };
}

function endMaintenance(host: Host, failed: boolean, write: (life: ReturnType<typeof hostLife>) => void): void {
  if (host.state !== "PreMaintenance") return;
  write(orThrow(endPreMaintenance(host.name, hostLife(host), { failed, ignoreErrors: false })));
}

/** Stops what is on a host; gives the names of those that stay there, none when the task is cancelled. */
async function emptied(world: HostWorld, hostUuid: string, { task, signal }: FlowEnv): Promise<string[]> {
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

async function stopAll(world: HostWorld, hostUuid: string, signal: AbortSignal): Promise<string[]> {
  const { mirror } = world.records;
  const tried = new Map<string, string>();
  const stopping = new Set<Promise<void>>();
  const isHere = (uuid: string) => {
    const machine = mirror.get("VmInstance", uuid)?.value;
    return machine !== undefined && machine.hostUuid === hostUuid && vmStates[machine.state].onHost;
  };
  for (;;) {
    signal.throwIfAborted();
    const here = mirror.find("VmInstance", "hostUuid", hostUuid).map(({ value }) => value);
    const next = here.find(({ uuid, state }) => vmStates[state].onHost && !tried.has(uuid));
    if (next === undefined && stopping.size === 0) break;
    if (next !== undefined && stopping.size < world.settings.number("kvm.vm.migrationQuantity")) {
      const { uuid, name } = next;
      tried.set(uuid, name);
      const one: Promise<void> = world
        .stopMachine(uuid, signal)
        .catch(() => undefined)
        .finally(() => stopping.delete(one));
      stopping.add(one);
    } else await Promise.race(stopping);
  }
  return [...tried].filter(([uuid]) => isHere(uuid)).map(([, name]) => name);
}

function notFreed({ records }: HostWorld, hostUuid: string, left: readonly string[]): CloudError {
  const name = records.mirror.get("Host", hostUuid)?.value.name ?? hostUuid;
  const details = `${left.length} of its machines could not be stopped: ${listed(left)}.`;
  const remedy = "Look at their tasks (QueryTask), or set maintenanceMode.ignoreError.";
  return new CloudError(
    refusalOf("HOST.1033", { where: `Host ${shown(name)}`, details, remedy, values: { machines: left.length } }),
  );
}
