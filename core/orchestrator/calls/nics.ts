import { mostNics } from "../../hypervisor/device-commands.ts";
import { formatAddress, parseAddress } from "../../model/address.ts";
import type { CallInput } from "../../model/cloud/calls/index.ts";
import { claim, parseRange } from "../../model/cloud/ip-range.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { shown } from "../../model/quote.ts";
import type { AttachNicData, DetachNicData } from "../device/nic.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import { ensureDhcpServer, takenIn } from "../vm/dhcp-address.ts";
import { addressKey, begin, end, type Machine } from "../vm/life.ts";
import { newMac, requireFreeMac } from "../vm/nic.ts";
import type { CallContext, DecidersOf } from "./handler.ts";
import { orThrow } from "./shared.ts";

/* Network cards of machines. What a host has to do is a task; the rest takes effect with the machine's next start. */

type L3Network = RecordOf<"L3Network">;

function attachNic(tx: Tx, { uuid, l3NetworkUuid, staticIp }: CallInput<"AttachL3NetworkToVm">, context: CallContext) {
  const holder = context.newUuid();
  const machine = begin(tx, uuid, "attachNic", holder);
  const network = tx.need("L3Network", l3NetworkUuid, "l3NetworkUuid");
  requirePlace(tx, machine, network);
  const nicUuid = context.newUuid();
  const mac = newMac(context.newUuid);
  const ip = staticIp ?? null;
  const data: AttachNicData = { vmUuid: uuid, holder, hostUuid: machine.hostUuid, nicUuid, l3NetworkUuid, mac, ip };
  const name = `Attach network ${shown(network.name)} to machine ${shown(machine.name)}`;
  const what = { call: "AttachL3NetworkToVm", flow: "attachNic", name, resourceUuid: uuid } as const;
  return { task: context.startTask(tx, { ...what, data }, context) };
}

/** @throws VM.1007, NETWORK.1020, NETWORK.1022, NETWORK.1023 */
function requirePlace(tx: Tx, { uuid, name, clusterUuid }: Machine, network: L3Network): void {
  const where = `VmInstance ${shown(name)}`;
  const refused = (code: "VM.1007" | "NETWORK.1020" | "NETWORK.1022" | "NETWORK.1023", why: string, remedy: string) =>
    new CloudError(refusalOf(code, { where, details: why, remedy, values: { l3NetworkUuid: network.uuid } }));
  const nics = tx.find("VmNic", "vmInstanceUuid", uuid);
  const named = shown(network.name);
  if (nics.some(({ l3NetworkUuid }) => l3NetworkUuid === network.uuid))
    throw refused("NETWORK.1020", `It has a card in ${named}.`, "Use that one, or choose another network.");
  if (nics.length >= mostNics)
    throw refused("VM.1007", `It has ${nics.length} network cards already.`, "Detach another one first.");
  if (network.state !== "Enabled")
    throw refused("NETWORK.1023", `The state of ${named} is Disabled.`, "Enable it (ChangeL3NetworkState).");
  if (!tx.need("L2Network", network.l2NetworkUuid).attachedClusterUuids.includes(clusterUuid))
    throw refused(
      "NETWORK.1022",
      `The hosts of its cluster do not have ${named}.`,
      "Attach its L2 network to that cluster (AttachL2NetworkToCluster).",
    );
}

function detachNic(tx: Tx, { uuid: nicUuid }: CallInput<"DetachL3NetworkFromVm">, context: CallContext) {
  const holder = context.newUuid();
  const nic = tx.need("VmNic", nicUuid);
  const { uuid, name, hostUuid } = begin(tx, nic.vmInstanceUuid, "detachNic", holder);
  const data: DetachNicData = { vmUuid: uuid, holder, hostUuid, nicUuid };
  const title = `Detach a network card from machine ${shown(name)}`;
  const what = { call: "DetachL3NetworkFromVm", flow: "detachNic", name: title, resourceUuid: uuid } as const;
  return { task: context.startTask(tx, { ...what, data }, context) };
}

/** Another address for the card of a machine that is off. */
function setStaticIp(
  tx: Tx,
  { uuid, l3NetworkUuid, ip: wanted }: CallInput<"SetVmStaticIp">,
  { newUuid }: CallContext,
): { inventory: Machine } {
  const holder = newUuid();
  const { name } = begin(tx, uuid, "setStaticIp", holder);
  const network = tx.need("L3Network", l3NetworkUuid, "l3NetworkUuid");
  const card = tx.find("VmNic", "vmInstanceUuid", uuid).find(({ l3NetworkUuid: of }) => of === network.uuid);
  if (card === undefined) throw noCard(name, network.name);
  const nic = tx.need("VmNic", card.uuid);
  if (!isSame(nic.ip, wanted)) {
    const ip = formatAddress(orThrow(claim(rangesOf(tx, network.uuid), usedIn(tx, network), wanted)));
    ensureDhcpServer(tx, network.uuid);
    if (nic.ip !== null) tx.delete("AddressUse", addressKey(network.uuid, nic.ip));
    tx.put("AddressUse", addressKey(network.uuid, ip), { vmNicUuid: nic.uuid }, true);
    // The range that it is of must not go at the same moment.
    tx.guard(network.uuid);
    tx.update("VmNic", nic.uuid, { ip });
  }
  return { inventory: ended(tx, uuid, holder) };
}

function isSame(ip: string | null, wanted: string): boolean {
  const [now, then] = [parseAddress(ip ?? ""), parseAddress(wanted)];
  return now !== undefined && now.family === then?.family && now.value === then.value;
}

function rangesOf(tx: Tx, l3NetworkUuid: string) {
  return tx.find("IpRange", "l3NetworkUuid", l3NetworkUuid).flatMap((text) => {
    const parsed = parseRange(text);
    return "range" in parsed ? [parsed.range] : [];
  });
}

function usedIn(tx: Tx, { uuid, ipVersion: family }: L3Network) {
  return [...takenIn(tx, uuid)].map((value) => ({ family, value }));
}

function noCard(name: string, network: string): CloudError {
  const details = `It has no card in ${shown(network)}.`;
  const remedy = "Give a network that it has a card in (QueryVmNic), or attach this one (AttachL3NetworkToVm).";
  return new CloudError(refusalOf("NETWORK.1024", { where: `VmInstance ${shown(name)}`, details, remedy }));
}

function setMac(tx: Tx, { uuid, mac }: CallInput<"UpdateVmNicMac">, { newUuid }: CallContext) {
  const holder = newUuid();
  const nic = tx.need("VmNic", uuid);
  begin(tx, nic.vmInstanceUuid, "setMac", holder);
  if (mac !== nic.mac) {
    requireFreeMac(tx, mac, "mac");
    tx.delete("MacUse", nic.mac);
    tx.put("MacUse", mac, { vmNicUuid: uuid }, true);
    tx.update("VmNic", uuid, { mac });
  }
  ended(tx, nic.vmInstanceUuid, holder);
  return { inventory: tx.need("VmNic", uuid) };
}

/** The operation is done as soon as it has begun. */
function ended(tx: Tx, vmUuid: string, holder: string): Machine {
  const machine = end(tx, { vmUuid, holder }, "done");
  if (machine === undefined) throw new Error("A machine is gone by a change of its cards.");
  return machine;
}

export const nicDeciders = {
  AttachL3NetworkToVm: attachNic,
  DetachL3NetworkFromVm: detachNic,
  SetVmStaticIp: setStaticIp,
  UpdateVmNicMac: setMac,
} satisfies DecidersOf<"AttachL3NetworkToVm" | "DetachL3NetworkFromVm" | "SetVmStaticIp" | "UpdateVmNicMac">;
