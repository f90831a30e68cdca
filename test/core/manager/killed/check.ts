import assert from "node:assert/strict";
import * as z from "zod/mini";
import { resources } from "../../../../core/model/cloud/resources.ts";
import { vmStates } from "../../../../core/model/cloud/vm-states.ts";
import type { RecordOf } from "../../../../core/orchestrator/kinds.ts";
import { resourceKinds } from "../../../../core/orchestrator/kinds.ts";
import { Mirror } from "../../../../core/orchestrator/mirror.ts";
import { storeIndexes } from "../../../../core/orchestrator/retention.ts";
import { SqliteStore } from "../../../../core/store/sqlite.ts";
import type { Store } from "../../../../core/store/store.ts";
import type { HostAgent } from "../../../support/cloud/agents.ts";
import type { RootClient } from "../../../support/cloud/root-client.ts";
import type { Book } from "./client.ts";

/* What must hold of the cloud whenever nobody works on it. */

/** What the manager said of its sums while it ran. */
export type Told = { hosts: Row[]; storages: Row[] };
type Row = Readonly<Record<string, unknown>>;

export async function told(door: RootClient): Promise<Told> {
  return {
    hosts: (await door.call("QueryHost", { limit: 1000 })).inventories,
    storages: (await door.call("QueryPrimaryStorage", { limit: 1000 })).inventories,
  };
}

/** Everything that was acknowledged is there; `isQuiet`: nothing more is under way. */
export async function checkBook(book: Book, door: RootClient): Promise<void> {
  for (const { kind, uuid, fields } of book.known.values()) {
    const answer = await door.send(`Get${kind}` as "GetZone", { uuid });
    assert.ok("value" in answer, `${kind} ${uuid} is lost`);
    const { inventory } = answer.value as { inventory: Row };
    for (const [field, value] of Object.entries(fields)) {
      if (field === "state" && kind === "VmInstance") checkState(uuid, String(value), String(inventory["state"]));
      else assert.deepEqual(inventory[field], value, `${kind} ${uuid} ${field}`);
    }
  }
  for (const { kind, uuid } of book.gone.values()) {
    const answer = await door.send(`Get${kind}` as "GetZone", { uuid });
    assert.ok("refused" in answer && answer.refused.code === "SYS.1005", `${kind} ${uuid} is there again`);
  }
  for (const [uuid, ended] of book.tasks) {
    const { inventory } = await door.call("GetTask", { uuid });
    assert.ok(inventory.endDate !== null, `the task ${uuid} has not ended: ${JSON.stringify(inventory)}`);
    if (ended !== undefined) assert.deepEqual(inventory, ended);
  }
}

/** One that ran may have been stopped since, by its host's maintenance. */
function checkState(uuid: string, known: string, state: string): void {
  const possible = known === "Running" ? ["Running", "Stopped"] : [known];
  assert.ok(possible.includes(state), `the machine ${uuid} is ${state}, and was ${known}`);
}

/** Calls that are made again, with their keys, get the answers that they got. */
export async function checkKeys(calls: Book["calls"], door: RootClient): Promise<void> {
  for (const { name, input, key, answer } of calls) {
    const again = await door.send(name, input, key);
    assert.deepEqual("value" in again ? again.value : again.refused, answer, `${name} ${key}`);
  }
}

/** The store of a manager that does not run, against what it told, and what its hosts have, the first one steadily. */
export async function checkStore(file: string, { hosts, storages }: Told, agents: readonly HostAgent[]): Promise<void> {
  const store = await SqliteStore.open({ file, indexes: storeIndexes });
  const mirror = await Mirror.open(store);
  try {
    checkWhole(mirror);
    await checkAudit(store, mirror);
    checkUses(mirror);
    checkSums(mirror, hosts, storages);
    for (const [index, agent] of agents.entries()) await checkHost(mirror, agent, index > 0);
  } finally {
    await mirror.close();
    await store.close();
  }
}

/** Every record is one of its kind, its owners are there, and nothing is under way. */
export function checkWhole(mirror: Mirror): void {
  for (const kind of resourceKinds) {
    if (kind === "AuditRecord") continue;
    for (const { value } of mirror.all(kind)) {
      const parsed = z.safeParse(resources[kind].schema, value);
      assert.ok(parsed.success, `${kind} ${JSON.stringify(value)}`);
      for (const [field, owner] of Object.entries(resources[kind].owners)) {
        const named: unknown = new Map<string, unknown>(Object.entries(value)).get(field);
        for (const uuid of Array.isArray(named) ? named : [named])
          if (typeof uuid === "string")
            assert.ok(mirror.get(owner, uuid) !== undefined, `${kind} ${value.uuid} belongs to no ${owner}`);
      }
    }
  }
  for (const kind of ["Flow", "TaskAudit"] as const) assert.deepEqual([...mirror.entries(kind)], []);
  for (const { value } of mirror.all("Task")) assert.ok(value.endDate !== null, JSON.stringify(value));
  for (const { value } of mirror.all("VmInstance")) {
    assert.equal(value.operation, null, JSON.stringify(value));
    assert.ok(vmStates[value.state].settled, JSON.stringify(value));
    assert.equal(value.hostUuid !== null, vmStates[value.state].onHost, JSON.stringify(value));
  }
  for (const { value } of mirror.all("Host")) {
    assert.equal(value.status, "Connected", JSON.stringify(value));
    assert.notEqual(value.state, "PreMaintenance", JSON.stringify(value));
  }
}

/** Of each task that somebody has called for, one record of the audit has its end; those of repeated calls have none. */
async function checkAudit(store: Store, mirror: Mirror): Promise<void> {
  const ends = new Map<string, boolean[]>();
  for (let after: string | undefined; ; ) {
    const page = await store.list({ kind: "AuditRecord", ...(after === undefined ? {} : { after }) });
    for (const { value } of page.records) {
      const { taskUuid, succeeded, call } = resources.AuditRecord.schema.parse(value);
      assert.ok(taskUuid !== null || succeeded !== null, call);
      if (taskUuid === null) continue;
      ends.set(taskUuid, [...(ends.get(taskUuid) ?? []), ...(succeeded === null ? [] : [succeeded])]);
    }
    if (page.next === null) break;
    after = page.next;
  }
  for (const [uuid, all] of ends) {
    const task = mirror.get("Task", uuid)?.value;
    if (task !== undefined) assert.deepEqual(all, [task.state === "Succeeded"], JSON.stringify(task));
  }
}

/** Addresses, cards, volumes and certificates are those of something that is there, once each. */
export function checkUses(mirror: Mirror): void {
  const nics = [...mirror.all("VmNic")].map(({ value }) => value);
  const withIp = nics.filter(({ ip }) => ip !== null);
  const keysOf = (kind: "AddressUse" | "MacUse" | "HostCertificate" | "HostAddress") =>
    [...mirror.entries(kind)].map(([key]) => key).sort();
  const servers = [...mirror.all("L3Network")].flatMap(({ value: { uuid, dhcpServerIp } }) =>
    typeof dhcpServerIp === "string" ? [`${uuid}:${dhcpServerIp}`] : [],
  );
  const ofCards = withIp.map(({ l3NetworkUuid, ip }) => `${l3NetworkUuid}:${ip}`);
  assert.deepEqual(keysOf("AddressUse"), [...ofCards, ...servers].sort());
  assert.deepEqual(keysOf("MacUse"), nics.map(({ mac }) => mac).sort());
  for (const { value } of mirror.all("VmInstance"))
    assert.deepEqual(
      [...value.vmNicUuids].sort(),
      nics.flatMap(({ uuid, vmInstanceUuid }) => (vmInstanceUuid === value.uuid ? [uuid] : [])).sort(),
    );
  const roots = [...mirror.all("VmInstance")].map(({ value }) => value.rootVolumeUuid);
  const volumes = [...mirror.all("Volume")].map(({ value }) => value);
  assert.deepEqual(volumes.map(({ uuid }) => uuid).sort(), roots.sort());
  for (const volume of volumes) assert.equal(volume.status, "Ready", JSON.stringify(volume));
  const hosts = [...mirror.all("Host")].map(({ value }) => value);
  assert.deepEqual(keysOf("HostCertificate"), hosts.map(({ uuid }) => uuid).sort());
  assert.deepEqual(keysOf("HostAddress"), hosts.map(({ managementIp }) => managementIp).sort());
  // Others guard what is no resource, such as all settings.
  for (const [key] of mirror.entries("Guard"))
    assert.ok(
      !/^[\da-f]{32}$/.test(key) ||
        resourceKinds.some((kind) => kind !== "AuditRecord" && mirror.get(kind, key) !== undefined),
      `the guard ${key} belongs to nothing`,
    );
  for (const [key, { value }] of mirror.entries("HostStorage"))
    assert.ok(
      mirror.get("Host", String(value["hostUuid"])) && mirror.get("PrimaryStorage", String(value["storageUuid"])),
      `the room ${key} belongs to nothing`,
    );
}

function checkSums(mirror: Mirror, hosts: readonly Row[], storages: readonly Row[]): void {
  const machines = [...mirror.all("VmInstance")].map(({ value }) => value);
  for (const host of hosts) {
    const own = machines.filter(({ hostUuid }) => hostUuid === host["uuid"]);
    const sum = (field: "cpuNum" | "memorySize") => own.reduce((total, machine) => total + machine[field], 0);
    assert.deepEqual([host["cpuUsed"], host["memoryUsed"]], [sum("cpuNum"), sum("memorySize")], JSON.stringify(host));
  }
  for (const storage of storages) {
    const own = [...mirror.all("Volume")].filter(({ value }) => value.primaryStorageUuid === storage["uuid"]);
    const used = own.reduce((total, { value }) => total + value.size, 0);
    assert.equal(storage["availableCapacity"], Number(storage["totalCapacity"]) - used, JSON.stringify(storage));
  }
}

/** A host and the records agree about machines and volumes. */
async function checkHost(mirror: Mirror, { address, kept }: HostAgent, isReconnected: boolean): Promise<void> {
  const { machines, volumes } = await kept();
  const host = mirror.find("Host", "managementIp", address)[0]?.value;
  const here = (machine: RecordOf<"VmInstance">) => (machine.hostUuid ?? machine.lastHostUuid) === host?.uuid;
  const records = [...mirror.all("VmInstance")].flatMap(({ value }) => (here(value) ? [value] : []));
  const running = records.filter(({ state }) => vmStates[state].onHost);
  const runningThere = [...machines.values()].filter(({ runsIn }) => runsIn !== null);
  assert.deepEqual(runningThere.map(({ uuid }) => uuid).sort(), running.map(({ uuid }) => uuid).sort(), address);
  const known = new Set(records.map(({ uuid }) => uuid));
  // Of one that was deleted while its host was being connected to, a definition stays there, which runs no more.
  if (!isReconnected)
    for (const uuid of machines.keys()) assert.ok(known.has(uuid), `${address} keeps ${uuid}, which is gone`);
  const paths = records.flatMap(({ uuid }) =>
    mirror.find("Volume", "vmInstanceUuid", uuid).map(({ value }) => value.installPath),
  );
  assert.deepEqual([...volumes.keys()].sort(), paths.sort(), address);
}
