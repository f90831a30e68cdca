import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import type { Flow } from "../flow/flow.ts";
import { hostsCode } from "../images/world.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import type { Round } from "../vm/allocator.ts";
import { ensureDhcpServer } from "../vm/dhcp-address.ts";
import { end, type Held, isHolder, type Machine, removeNic } from "../vm/life.ts";
import { insertNic, nicSpec, requireFreeMac } from "../vm/nic.ts";
import { held, hostOf, look, lostHold, tell, type VmWorld } from "../vm/work.ts";
import { isTakenBack } from "../volume/hold.ts";

/*
 * A network card comes to a machine and leaves it. On the record it is the machine's from the moment on in which it has an
 * address: what is not known to be undone counts as attached, for a guest may use it.
 */

type Nic = RecordOf<"VmNic">;

/** `hostUuid`: the host that the machine runs on; null when it is off. */
type NicData = Held & { hostUuid: string | null; nicUuid: string };
/** `ip`: the address that somebody wants; null: any that is free. */
export type AttachNicData = NicData & { l3NetworkUuid: string; mac: string; ip: string | null };
export type DetachNicData = NicData;

const plugTitle = "Giving it to the machine";
/** How long a guest has to let go of a card. */
const releaseMs = 60_000;

export function attachNicFlow(world: VmWorld): Flow<AttachNicData> {
  return {
    name: "attachNic",
    steps: [
      {
        name: "allocate",
        title: "Choosing an address",
        cancellable: true,
        async run(data) {
          await world.allocator.allocate((tx, round) => allocate(tx, round, data));
          return undefined;
        },
        // Its record goes with the hooks, after everything outside of the store has gone.
      },
      {
        name: "plug",
        title: plugTitle,
        cancellable: true,
        async run(data, env) {
          const { hostUuid, vmUuid: uuid, mac } = data;
          const machine = held(world, data);
          if (hostUuid === null) return undefined;
          const nics = specsOf(look(world), machine);
          await tell(world, hostOf(world, hostUuid), { do: "attachNic", uuid, mac, nics }, env);
          return undefined;
        },
        undo: async (data, env) => {
          // With its machine somebody else works by now, or it was started elsewhere: the card stays with it.
          if (isHolder(look(world), data.vmUuid, data.holder)) await unplug(world, data, env);
          return undefined;
        },
      },
    ],
    succeeded: (tx, data) => void end(tx, data, "done"),
    failed: (tx, data, error, how) => {
      const isHeld = isHolder(tx, data.vmUuid, data.holder);
      const isApart = isTakenBack(error, how) || data.hostUuid === null || !how.notUndone.includes(plugTitle);
      if (isHeld && isApart && error.code !== "SYS.1081") takeAway(tx, data);
      // That a card could not be taken back is no fault of its machine, which goes on as it was.
      end(tx, data, "failed");
    },
    result: ({ nicUuid }) => ({ vmNicUuid: nicUuid }),
  };
}

export function detachNicFlow(world: VmWorld): Flow<DetachNicData> {
  return {
    name: "detachNic",
    steps: [
      {
        name: "unplug",
        title: "Waiting until the guest lets it go",
        async run(data, env) {
          const machine = held(world, data);
          await unplug(world, data, env).catch((error: unknown) => {
            throw hostsCode(error) === "HYPERVISOR.NIC_NOT_RELEASED" ? notReleased(machine, error) : error;
          });
          return undefined;
        },
      },
    ],
    succeeded: (tx, data) => {
      // Started anew meanwhile, after its host was lost, the machine has it again.
      if (isHolder(tx, data.vmUuid, data.holder)) takeAway(tx, data);
      end(tx, data, "done");
    },
    failed: (tx, data) => void end(tx, data, "failed"),
  };
}

function allocate(tx: Tx, round: Round, data: AttachNicData): void {
  const { vmUuid, holder, nicUuid: uuid, l3NetworkUuid, mac } = data;
  // A manager has ended between this and the note that it is done.
  if (tx.get("VmNic", uuid) !== undefined) return;
  const machine = tx.need("VmInstance", vmUuid);
  if (machine.operation === null || !isHolder(tx, vmUuid, holder)) throw lostHold(machine);
  const ip = round.address(l3NetworkUuid, data.ip);
  ensureDhcpServer(tx, l3NetworkUuid);
  requireFreeMac(tx, mac, "mac");
  const taken = new Set(nicsOf(tx, vmUuid).map(({ deviceId }) => deviceId));
  let deviceId = 0;
  while (taken.has(deviceId)) deviceId++;
  insertNic(tx, { uuid, vmUuid, l3NetworkUuid, deviceId, mac, ip });
  tx.update("VmInstance", vmUuid, {
    vmNicUuids: inOrder([...nicsOf(tx, vmUuid), { uuid, deviceId }]),
    defaultL3NetworkUuid: machine.defaultL3NetworkUuid ?? l3NetworkUuid,
  });
}

/** Has the host take the card from the machine, and forget what only it needed. */
async function unplug(
  world: VmWorld,
  { hostUuid, vmUuid: uuid, nicUuid }: NicData,
  env: Parameters<typeof tell>[3],
): Promise<void> {
  const tx = look(world);
  const [machine, nic] = [tx.get("VmInstance", uuid), tx.get("VmNic", nicUuid)];
  const host = hostUuid === null ? undefined : tx.get("Host", hostUuid);
  if (machine === undefined || nic === undefined || host === undefined) return;
  const nics = specsOf(tx, { ...machine, ...withoutNic(tx, machine, nicUuid) }, nicUuid);
  const command = { do: "detachNic", uuid, mac: nic.mac, nics, waitMs: releaseMs } as const;
  await tell(world, host, command, env, { graceMs: releaseMs });
}

/** Takes a card off the records of its machine, with its addresses. */
function takeAway(tx: Tx, { vmUuid, nicUuid }: NicData): void {
  const [machine, nic] = [tx.get("VmInstance", vmUuid), tx.get("VmNic", nicUuid)];
  if (nic === undefined) return;
  if (machine !== undefined) tx.update("VmInstance", vmUuid, withoutNic(tx, machine, nicUuid));
  removeNic(tx, nic);
}

/** The default route goes to the first of the others when it went through this card. */
function withoutNic(tx: Tx, machine: Machine, nicUuid: string) {
  const others = nicsOf(tx, machine.uuid).filter(({ uuid }) => uuid !== nicUuid);
  const isKept = others.some(({ l3NetworkUuid }) => l3NetworkUuid === machine.defaultL3NetworkUuid);
  return {
    vmNicUuids: inOrder(others),
    defaultL3NetworkUuid: isKept ? machine.defaultL3NetworkUuid : (others[0]?.l3NetworkUuid ?? null),
  };
}

/** By their places. */
function nicsOf(tx: Tx, vmUuid: string): Nic[] {
  return tx.find("VmNic", "vmInstanceUuid", vmUuid).toSorted((a, b) => a.deviceId - b.deviceId);
}

function inOrder(nics: readonly Pick<Nic, "uuid" | "deviceId">[]): string[] {
  return nics.toSorted((a, b) => a.deviceId - b.deviceId).map(({ uuid }) => uuid);
}

/** What a host is told of a machine's cards, but for one. */
function specsOf(tx: Tx, machine: Machine, exceptUuid?: string) {
  return nicsOf(tx, machine.uuid)
    .filter(({ uuid }) => uuid !== exceptUuid)
    .map((nic) => nicSpec(tx, machine, nic));
}

function notReleased({ name }: Machine, cause: unknown): CloudError {
  const details = `The guest of ${shown(name)} was asked, and has the card still after ${releaseMs / 1000} s.`;
  const remedy =
    "Ask again when the guest is up. One that hangs or knows no hot-plug does not let go: stop the machine first.";
  return new CloudError(refusalOf("NETWORK.1021", { where: `VmInstance ${shown(name)}`, details, remedy }), cause);
}
