import type { CallInput } from "../../model/cloud/calls/index.ts";
import { changeHostState } from "../../model/cloud/host.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { parseSize } from "../../model/cloud/size.ts";
import { shown } from "../../model/quote.ts";
import type { AddHostData, HostData } from "../hosts/flows.ts";
import { hostLife, isReported, reconnecting } from "../hosts/status.ts";
import type { StoragesData } from "../hosts/storages.ts";
import type { Host } from "../hosts/world.ts";
import type { Tx } from "../records.ts";
import type { CallContext, DecidersOf } from "./handler.ts";
import { checkTags } from "./places.ts";
import { orThrow, patchOf } from "./shared.ts";

/* Hosts. Their agents are asked by tasks; what is decided here is only what the records say. */

const reservedMemoryTag = "reservedMemory::";

/** The task of adding a host, whose password is with the flow's world by then and in no record. */
export function addHost(
  tx: Tx,
  input: Omit<CallInput<"AddKVMHost">, "password">,
  hostUuid: string,
  context: CallContext,
) {
  const { clusterUuid, managementIp, name, description, username, fingerprint = null, tags } = input;
  tx.need("Cluster", clusterUuid, "clusterUuid");
  checkTags(tags);
  const holder = tx.get("HostAddress", managementIp)?.["hostUuid"];
  if (holder !== undefined) throw addressTaken(managementIp, tx.get("Host", String(holder))?.name);
  tx.put("HostAddress", managementIp, { hostUuid }, true);
  const data: AddHostData = { hostUuid, name, description, clusterUuid, managementIp, username, fingerprint, tags };
  const task = {
    flow: "addHost",
    data,
    call: "AddKVMHost",
    name: `Add host ${shown(name)}`,
    resourceUuid: hostUuid,
  } as const;
  return { task: context.startTask(tx, task, context) };
}

function addressTaken(address: string, name: string | undefined): CloudError {
  const details =
    name === undefined
      ? `A host with the address ${address} is being added already.`
      : `The host ${shown(name)} has the address ${address}.`;
  const remedy = "Give another address, or delete that host.";
  return new CloudError(refusalOf("HOST.1030", { where: "managementIp", details, remedy }));
}

/** Tags that people give, besides those that the host has told. @throws SYS.1001 */
function withOwn({ tags }: Host, own: readonly string[] | undefined): string[] {
  if (own === undefined) return [...tags];
  checkTags(own);
  const told = tags.filter(isReported);
  const wrong = own.find((tag) => isReported(tag) && !told.includes(tag));
  if (wrong === undefined) return [...own.filter((tag) => !isReported(tag)), ...told];
  const details = `${wrong.slice(0, 64)} is of a kind that only the host itself tells.`;
  throw new CloudError(refusalOf("SYS.1001", { where: "tags", details, remedy: "Give a tag of another name." }));
}

function withReserved(host: Pick<Host, "tags">, reservedMemory: string | null): string[] {
  const others = host.tags.filter((tag) => !tag.startsWith(reservedMemoryTag));
  if (reservedMemory === null) return others;
  if (parseSize(reservedMemory) !== undefined) return [...others, `${reservedMemoryTag}${reservedMemory}`];
  const details = "It is not a size.";
  throw new CloudError(refusalOf("SYS.1001", { where: "reservedMemory", details, remedy: "Give a size such as 2G." }));
}

export const hostDeciders = {
  UpdateHost: (tx, { uuid, reservedMemory, tags: own, ...patch }) => {
    const tags = withOwn(tx.need("Host", uuid), own);
    const all = reservedMemory === undefined ? tags : withReserved({ tags }, reservedMemory);
    return { inventory: tx.update("Host", uuid, { ...patchOf(patch), tags: all }) };
  },
  ChangeHostState: (tx, { uuid, stateEvent }, context) => {
    const host = tx.need("Host", uuid);
    const life = orThrow(changeHostState(host.name, hostLife(host), stateEvent));
    const inventory = tx.update("Host", uuid, life);
    if (stateEvent !== "preMaintain") return { inventory };
    const data: HostData = { hostUuid: uuid };
    const name = `Put host ${shown(host.name)} into maintenance`;
    const what = { flow: "maintainHost", data, call: "ChangeHostState", name, resourceUuid: uuid } as const;
    return { inventory, task: context.startTask(tx, what, context) };
  },
  ReconnectHost: (tx, { uuid }, context) => {
    const { name } = reconnecting(tx, uuid);
    const data: HostData = { hostUuid: uuid };
    const what = { flow: "reconnectHost", data, call: "ReconnectHost", resourceUuid: uuid } as const;
    return { task: context.startTask(tx, { ...what, name: `Connect to host ${shown(name)}` }, context) };
  },
  RenewHostCertificate: (tx, { uuid }, context) => {
    const { name } = tx.need("Host", uuid);
    const data: HostData = { hostUuid: uuid };
    const what = { flow: "renewHostCertificate", data, call: "RenewHostCertificate", resourceUuid: uuid } as const;
    return { task: context.startTask(tx, { ...what, name: `Renew the certificate of host ${shown(name)}` }, context) };
  },
  ReconnectPrimaryStorage: (tx, { uuid }, context) => {
    const { name } = tx.need("PrimaryStorage", uuid);
    const data: StoragesData = { storageUuid: uuid };
    const what = { flow: "reconnectStorage", data, call: "ReconnectPrimaryStorage", resourceUuid: uuid } as const;
    return { task: context.startTask(tx, { ...what, name: `Ask the hosts for storage ${shown(name)}` }, context) };
  },
} satisfies DecidersOf<
  "UpdateHost" | "ChangeHostState" | "ReconnectHost" | "RenewHostCertificate" | "ReconnectPrimaryStorage"
>;
