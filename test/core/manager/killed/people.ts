import assert from "node:assert/strict";
import type { RecordOf } from "../../../../core/orchestrator/kinds.ts";
import { agentPassword } from "../../../support/cloud/agents.ts";
import type { Client } from "./client.ts";

/* What the clients do, one thing at a time, each with resources of its own. */

export type Person = (client: Client) => Promise<void>;

/** Where machines are made. */
export type Place = { l3NetworkUuid: string; maintainedUuid: string; clusterOfGuests: string; guestAddress: string };

const mebibyte = 1024 ** 2;

/** Zones with clusters and networks, which go with them. */
export function planner(): Person {
  const zones: string[] = [];
  const belowZone = new Map<string, string[]>();
  return async (client) => {
    const { random, book } = client;
    const name = client.newName();
    if (zones.length < 3 || random.chance(40)) {
      const zone = await client.create("Zone", "CreateZone", { name });
      assert.ok(zone !== undefined);
      const below: string[] = [];
      zones.push(zone.uuid);
      belowZone.set(zone.uuid, below);
      const cluster = await client.create("Cluster", "CreateCluster", { name, zoneUuid: zone.uuid });
      const l2Input = { name, zoneUuid: zone.uuid, physicalInterface: "eth0" };
      const l2 = await client.create("L2Network", "CreateL2NoVlanNetwork", l2Input);
      assert.ok(cluster !== undefined && l2 !== undefined);
      await client.change("AttachL2NetworkToCluster", { uuid: l2.uuid, clusterUuid: cluster.uuid });
      book.keep("L2Network", l2.uuid, { attachedClusterUuids: [cluster.uuid] });
      const l3 = await client.create("L3Network", "CreateL3Network", { name, l2NetworkUuid: l2.uuid });
      below.push(cluster.uuid, l2.uuid, l3?.uuid ?? "");
      return;
    }
    const uuid = random.pick(zones);
    if (random.chance(60)) {
      await client.change("UpdateZone", { uuid, description: name });
      book.keep("Zone", uuid, { description: name });
      return;
    }
    const task = await client.task("DeleteZone", { uuid });
    assert.equal(task?.state, "Succeeded", JSON.stringify(task));
    for (const each of [uuid, ...(belowZone.get(uuid) ?? [])]) book.remove(each);
    zones.splice(zones.indexOf(uuid), 1);
  };
}

/** Offerings, which are made, changed and deleted at once. */
export function seller(): Person {
  const offerings: string[] = [];
  return async (client) => {
    const { random, book } = client;
    const name = client.newName();
    if (offerings.length < 5 || random.chance(30)) {
      const input = { name, cpuNum: 1, memorySize: 64 * mebibyte };
      const made = await client.create("InstanceOffering", "CreateInstanceOffering", input);
      offerings.push(made?.uuid ?? "");
      return;
    }
    const uuid = random.pick(offerings);
    if (random.chance(70)) {
      await client.change("UpdateInstanceOffering", { uuid, name });
      book.keep("InstanceOffering", uuid, { name });
      return;
    }
    await client.change("DeleteInstanceOffering", { uuid });
    book.remove(uuid);
    offerings.splice(offerings.indexOf(uuid), 1);
  };
}

type Life = RecordOf<"VmInstance">["state"];

/** What may be asked for in which state, and where it leads. */
const operations = [
  { call: "StartVmInstance", from: "Stopped", to: "Running" },
  { call: "StopVmInstance", from: "Running", to: "Stopped" },
  { call: "RebootVmInstance", from: "Running", to: "Running" },
  { call: "PauseVmInstance", from: "Running", to: "Paused" },
  { call: "ResumeVmInstance", from: "Paused", to: "Running" },
  { call: "SuspendVmInstance", from: "Running", to: "Suspended" },
  { call: "ResumeVmInstance", from: "Suspended", to: "Running" },
  { call: "DestroyVmInstance", from: "Running", to: "Destroyed" },
  { call: "DestroyVmInstance", from: "Stopped", to: "Destroyed" },
  { call: "ExpungeVmInstance", from: "Destroyed", to: null },
] as const;

/** Machines, from their making to their end. */
export function user({ l3NetworkUuid }: Place): Person {
  const machines: string[] = [];
  const drop = (uuid: string) => machines.splice(machines.indexOf(uuid), 1);
  return async (client) => {
    const { random, book } = client;
    const name = client.newName();
    if (machines.length < 3 || (machines.length < 8 && random.chance(25))) {
      const size = { cpuNum: 1, memorySize: 64 * mebibyte, rootDiskSize: 16 * mebibyte };
      const networks = random.chance(50) ? [l3NetworkUuid] : [];
      const task = await client.task("CreateVmInstance", { name, ...size, l3NetworkUuids: networks });
      const uuid = task?.resourceUuid ?? "";
      book.keep("VmInstance", uuid, task?.state === "Succeeded" ? { name, state: "Running" } : {});
      if (task?.state === "Succeeded") machines.push(uuid);
      else book.remove(uuid);
      return;
    }
    const uuid = random.pick(machines);
    const now = await client.get("VmInstance", uuid);
    assert.ok(now !== undefined, `the machine ${uuid} is gone`);
    const state: Life = now.state;
    if (random.chance(15)) {
      await client.change("UpdateVmInstance", { uuid, name });
      book.keep("VmInstance", uuid, { name });
      return;
    }
    if (state === "Destroyed" && random.chance(30)) {
      const recovered = await client.change("RecoverVmInstance", { uuid });
      if (recovered !== undefined) book.keep("VmInstance", uuid, { state: "Stopped" });
      return;
    }
    const possible = operations.filter(({ from }) => from === state);
    // The host is being freed: the manager itself is stopping it.
    if (possible.length === 0) return;
    const { call, to } = random.pick(possible);
    const task = await client.task(call, { uuid });
    if (task?.state !== "Succeeded") return;
    if (to !== null) {
      book.keep("VmInstance", uuid, { state: to });
      return;
    }
    book.remove(uuid);
    drop(uuid);
  };
}

/** Puts a host into maintenance and back into use. */
export function technician({ maintainedUuid: uuid }: Place): Person {
  return async (client) => {
    const answer = await client.change("ChangeHostState", { uuid, stateEvent: "preMaintain" });
    if (answer !== undefined) await client.follow("ChangeHostState", answer);
    const { state } = (await client.get("Host", uuid)) ?? { state: "" };
    if (state === "Maintenance") await client.change("ChangeHostState", { uuid, stateEvent: "enable" });
    await client.task("ReconnectHost", { uuid });
  };
}

/** Adds a host, and deletes it again. */
export function installer({ clusterOfGuests: clusterUuid, guestAddress: managementIp }: Place): Person {
  let uuid: string | undefined;
  return async (client) => {
    const { book } = client;
    if (uuid === undefined) {
      const name = client.newName();
      const task = await client.task("AddKVMHost", { name, clusterUuid, managementIp, password: agentPassword });
      const [found] = await client.find("QueryHost", `managementIp=${managementIp}`);
      if (task !== undefined) assert.equal(found?.["uuid"], task.state === "Succeeded" ? task.resourceUuid : undefined);
      if (found?.["status"] !== "Connected") return;
      uuid = String(found["uuid"]);
      book.keep("Host", uuid, { status: "Connected", managementIp });
      return;
    }
    const answer = await client.change("ChangeHostState", { uuid, stateEvent: "preMaintain" });
    if (answer !== undefined) await client.follow("ChangeHostState", answer);
    const task = await client.task("DeleteHost", { uuid });
    assert.equal(task?.state, "Succeeded", JSON.stringify(task));
    book.remove(uuid);
    uuid = undefined;
  };
}
