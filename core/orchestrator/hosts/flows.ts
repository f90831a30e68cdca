import { addressKind, parseAddress } from "../../model/address.ts";
import { newHost } from "../../model/cloud/host.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import type { Flow } from "../flow/flow.ts";
import type { HostReport } from "../host-link.ts";
import { connect } from "./connect.ts";
import { described, disconnected, lostWhileConnecting, reconnecting } from "./status.ts";
import type { Host, HostWorld } from "./world.ts";

/* Flows of hosts: adding, connecting, another certificate. */

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
        undo: ({ hostUuid }) => notConnected(world, hostUuid),
      },
    ],
    // Also when it was cancelled before its turn, and nothing was undone.
    failed: (tx, { hostUuid }) => lostWhileConnecting(tx, hostUuid),
  };
}

/** Gives a host another certificate, and connects to one that was lost: its former one may have ended. */
export function renewCertificateFlow(world: HostWorld, stray: Stray): Flow<HostData> {
  return {
    name: "renewHostCertificate",
    steps: [
      {
        name: "renew",
        title: "Giving the host a new key and certificate",
        async run({ hostUuid }, env) {
          const host = world.records.mirror.get("Host", hostUuid)?.value;
          if (host !== undefined) await world.certificates.renew(host, env.signal);
          return undefined;
        },
      },
      {
        name: "connect",
        title: "Connecting to the host, if it was lost",
        async run({ hostUuid }, env) {
          const isLost = await world.records.change((tx) => {
            const host = tx.get("Host", hostUuid);
            if (host === undefined || host.status === "Connected") return false;
            reconnecting(tx, hostUuid);
            return true;
          });
          // It has its certificate. That it can't be connected for another reason, its status says.
          if (isLost) await connect(world, hostUuid, env.signal, stray).catch(() => env.signal.throwIfAborted());
          return undefined;
        },
        undo: ({ hostUuid }) => notConnected(world, hostUuid),
      },
    ],
  };
}

/** One that is neither connected nor lost would stay so for ever. */
async function notConnected(world: HostWorld, hostUuid: string): Promise<undefined> {
  if (world.records.mirror.get("Host", hostUuid)?.value.status === "Connecting") await disconnected(world, hostUuid);
}
