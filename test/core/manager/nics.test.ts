import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { managerOn } from "../../support/cloud/manager.ts";
import { machine, place, seen } from "../../support/cloud/place.ts";
import { refuses } from "../store/conformance.ts";

/* Network cards that come to machines and leave them, on simulated hosts. */

async function nicCloud(t: TestContext, addresses: readonly string[]) {
  const bed = await place(t, addresses);
  const { call, done, hosts, cloud, zone, cluster, l3: people } = bed;
  const input = { name: "tagged", zoneUuid: zone.uuid, physicalInterface: "eth1", vlan: 10 };
  const l2 = (await call("CreateL2VlanNetwork", input)).inventory;
  await call("AttachL2NetworkToCluster", { uuid: l2.uuid, clusterUuid: cluster.uuid });
  const { inventory: extra } = await call("CreateL3Network", { name: "extra", l2NetworkUuid: l2.uuid });
  const range = { name: "r", l3NetworkUuid: extra.uuid, startIp: "10.1.0.10", endIp: "10.1.0.20" };
  await call("AddIpRange", { ...range, netmask: "255.255.255.0", gateway: "10.1.0.1" });
  const cards = (uuid: string) =>
    cloud.mirror
      .find("VmNic", "vmInstanceUuid", uuid)
      .map(({ value }) => value)
      .toSorted((a, b) => a.deviceId - b.deviceId);
  return {
    ...bed,
    people,
    extra,
    async vm(more: object = {}): Promise<string> {
      const task = await machine(bed, { l3NetworkUuids: [people.uuid], ...more });
      assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
      return task.resourceUuid ?? "";
    },
    async ok(...args: Parameters<typeof done>) {
      const task = await done(...args);
      assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
      return task;
    },
    cards,
    /** What the machine's host has of its cards: places and addresses. */
    onHost: (uuid: string, address = "10.0.0.2") =>
      (hosts.hosts.get(address)?.driver.nicsOf(uuid) ?? []).map(
        (nic) => `${nic.deviceId} ${nic.address?.ip}${nic.isDefaultRoute ? " default" : ""}`,
      ),
    defaultOf: async (uuid: string) => (await call("GetVmInstance", { uuid })).inventory.defaultL3NetworkUuid,
    told: () => hosts.commands.splice(0).map((each) => each.split(" ")[1]),
    /** Addresses and MAC addresses that are taken, but for those of DHCP servers. */
    taken: () =>
      [...cloud.mirror.entries("AddressUse")].filter(([, { value }]) => value["vmNicUuid"] !== undefined).length +
      cloud.mirror.count("MacUse"),
  };
}

test("a card comes to a machine that runs with an address, stays over a restart, and leaves it with all that it had", async (t) => {
  const bed = await nicCloud(t, ["10.0.0.2"]);
  const { vm, ok, cards, onHost, told, call, people, extra, taken, defaultOf } = bed;
  const uuid = await vm();
  const before = taken();
  told();
  const attached = await ok("AttachL3NetworkToVm", { uuid, l3NetworkUuid: extra.uuid });
  assert.deepEqual(told(), ["attachNic"]);
  const [own, more] = cards(uuid);
  assert.deepEqual([more?.ip, more?.deviceId, more?.l3NetworkUuid], ["10.1.0.10", 1, extra.uuid]);
  assert.deepEqual(attached.result, { vmNicUuid: more?.uuid });
  assert.deepEqual((await call("GetVmInstance", { uuid })).inventory.vmNicUuids, [own?.uuid, more?.uuid]);
  assert.deepEqual(onHost(uuid), ["0 10.0.0.10 default", "1 10.1.0.10"]);
  await ok("StopVmInstance", { uuid, type: "cold" });
  await ok("StartVmInstance", { uuid });
  assert.deepEqual(onHost(uuid), ["0 10.0.0.10 default", "1 10.1.0.10"]);

  assert.equal(await defaultOf(uuid), people.uuid);
  await ok("DetachL3NetworkFromVm", { uuid: own?.uuid ?? "" });
  assert.deepEqual([await defaultOf(uuid), onHost(uuid)], [extra.uuid, ["1 10.1.0.10 default"]]);
  await ok("DetachL3NetworkFromVm", { uuid: more?.uuid ?? "" });
  assert.deepEqual([await defaultOf(uuid), onHost(uuid), cards(uuid)], [null, [], []]);
  assert.equal(taken(), before - 2);
  await ok("AttachL3NetworkToVm", { uuid, l3NetworkUuid: people.uuid, staticIp: "10.0.0.17" });
  assert.deepEqual([await defaultOf(uuid), onHost(uuid)], [people.uuid, ["0 10.0.0.17 default"]]);
});

test("what is off gets a card, another address, another MAC address or loses a card with its next start", async (t) => {
  const bed = await nicCloud(t, ["10.0.0.2"]);
  const { vm, ok, cards, onHost, told, call, people, extra, taken, hosts } = bed;
  const uuid = await vm();
  const before = taken();
  await ok("StopVmInstance", { uuid, type: "cold" });
  told();
  await ok("AttachL3NetworkToVm", { uuid, l3NetworkUuid: extra.uuid, staticIp: "10.1.0.15" });
  await call("SetVmStaticIp", { uuid, l3NetworkUuid: extra.uuid, ip: "10.1.0.16" });
  await call("SetVmStaticIp", { uuid, l3NetworkUuid: extra.uuid, ip: "10.1.0.16" });
  const [own, more] = cards(uuid);
  const { inventory } = await call("UpdateVmNicMac", { uuid: more?.uuid ?? "", mac: "02:00:00:00:00:07" });
  assert.deepEqual([inventory.mac, inventory.ip], ["02:00:00:00:00:07", "10.1.0.16"]);
  assert.deepEqual(told(), []);
  await ok("StartVmInstance", { uuid });
  assert.deepEqual(onHost(uuid), ["0 10.0.0.10 default", "1 10.1.0.16"]);
  assert.equal(hosts.hosts.get("10.0.0.2")?.driver.nicsOf(uuid)?.[1]?.mac, "02:00:00:00:00:07");
  // What it had before is free for others.
  const other = await vm({ l3NetworkUuids: [extra.uuid], staticIps: [`${extra.uuid}::10.1.0.15`] });
  await ok("StopVmInstance", { uuid, type: "cold" });
  await ok("DetachL3NetworkFromVm", { uuid: own?.uuid ?? "" });
  await ok("StartVmInstance", { uuid });
  assert.deepEqual(onHost(uuid), ["1 10.1.0.16 default"]);
  for (const each of [uuid, other])
    for (const name of ["DestroyVmInstance", "ExpungeVmInstance"] as const) await ok(name, { uuid: each });
  assert.equal(taken(), before - 2);
  await ok("DeleteL3Network", { uuid: people.uuid });
});

test("what can't be done with a card is refused, says why, and changes nothing", async (t) => {
  const bed = await nicCloud(t, ["10.0.0.2"]);
  const { vm, ok, done, cards, call, people, extra, taken, cloud, zone } = bed;
  const [runs, off, locked, paused, gone] = [await vm(), await vm(), await vm(), await vm(), await vm()];
  await ok("StopVmInstance", { uuid: off, type: "cold" });
  await call("LockVmInstance", { uuid: locked });
  await ok("PauseVmInstance", { uuid: paused });
  await ok("DestroyVmInstance", { uuid: gone });
  const l3On = async (name: string) => {
    const { inventory: l2 } = await call("CreateL2NoVlanNetwork", {
      ...{ name, zoneUuid: zone.uuid, physicalInterface: name },
    });
    return (await call("CreateL3Network", { name, l2NetworkUuid: l2.uuid })).inventory;
  };
  const [far, disabled] = [await l3On("far"), await l3On("disabled")];
  await call("ChangeL3NetworkState", { uuid: disabled.uuid, stateEvent: "disable" });
  const nicOf = (uuid: string) => cards(uuid)[0]?.uuid ?? "";
  const attach = (uuid: string, l3NetworkUuid = extra.uuid, more: object = {}) =>
    ["AttachL3NetworkToVm", { uuid, l3NetworkUuid, ...more }] as const;
  const nobody = "0f8fad5bd9cb469fa16570867728950e";
  const ip = (uuid: string, wanted: string, l3NetworkUuid = people.uuid) =>
    ["SetVmStaticIp", { uuid, l3NetworkUuid, ip: wanted }] as const;
  const mac = (uuid: string, wanted: string) => ["UpdateVmNicMac", { uuid: nicOf(uuid), mac: wanted }] as const;
  const cases: [code: string, ...Parameters<typeof call>][] = [
    ["NETWORK.1020", ...attach(runs, people.uuid)],
    ["NETWORK.1022", ...attach(runs, far.uuid)],
    ["NETWORK.1023", ...attach(runs, disabled.uuid)],
    ["SYS.1005", ...attach(runs, nobody)],
    ["SYS.1005", ...attach(nobody)],
    ["SYS.1001", ...attach(runs, extra.uuid, { staticIp: "10.1.0.15,10.1.0.16" })],
    ["VM.1003", ...attach(locked)],
    ["VM.1001", ...attach(paused)],
    ["VM.1001", ...attach(gone)],
    ["VM.1003", "DetachL3NetworkFromVm", { uuid: nicOf(locked) }],
    ["VM.1001", "DetachL3NetworkFromVm", { uuid: nicOf(paused) }],
    ["SYS.1005", "DetachL3NetworkFromVm", { uuid: nobody }],
    ["VM.1001", ...ip(runs, "10.0.0.18")],
    ["NETWORK.1024", ...ip(off, "10.1.0.18", extra.uuid)],
    ["NETWORK.1005", ...ip(off, "10.0.0.10")],
    ["NETWORK.1005", ...ip(off, "10.0.0.20")],
    ["NETWORK.1005", ...ip(off, "10.0.0.99")],
    ["SYS.1001", ...ip(off, "10.0.0.18\n")],
    ["VM.1001", ...mac(runs, "02:00:00:00:00:07")],
    ["NETWORK.1010", ...mac(off, cards(runs)[0]?.mac ?? "")],
    ["SYS.1001", ...mac(off, "01:00:00:00:00:07")],
    ["SYS.1001", ...mac(off, "fe:00:00:00:00:07")],
  ];
  const state = () => JSON.stringify([...cloud.mirror.all("VmInstance"), ...cloud.mirror.all("VmNic"), taken()]);
  const before = state();
  for (const [code, name, input] of cases) await refuses(call(name, input), code);
  assert.equal(state(), before);
  for (const staticIp of ["10.1.0.20", "10.1.0.99", "fd00::1"]) {
    const { error } = await done("AttachL3NetworkToVm", { uuid: runs, l3NetworkUuid: extra.uuid, staticIp });
    assert.equal(error?.code, "NETWORK.1005", staticIp);
  }
  assert.deepEqual([cards(runs).length, cloud.mirror.get("VmInstance", runs)?.value.operation], [1, null]);
});

test("what fails on the host leaves no card, no address and nothing of it there; a guest that does not let go keeps its card", async (t) => {
  const bed = await nicCloud(t, ["10.0.0.2"]);
  const { vm, ok, done, cards, onHost, taken, hosts, extra, cloud, people, defaultOf } = bed;
  const uuid = await vm();
  const before = [taken(), onHost(uuid), cloud.mirror.get("VmInstance", uuid)?.value.vmNicUuids];
  const now = () => [taken(), onHost(uuid), cloud.mirror.get("VmInstance", uuid)?.value.vmNicUuids];
  const driver = hosts.hosts.get("10.0.0.2")?.driver;
  const attach = () => done("AttachL3NetworkToVm", { uuid, l3NetworkUuid: extra.uuid });
  driver?.simulate({ fails: [{ do: "attachNic" }] });
  assert.equal((await attach()).state, "Failed");
  assert.deepEqual(now(), before);
  driver?.simulate({});
  hosts.isAnswerLost = (what) => what.endsWith("attachNic");
  assert.equal((await attach()).state, "Failed");
  assert.deepEqual(now(), before, "what had come was taken away again");
  hosts.isAnswerLost = () => false;
  // The network has no address left.
  const others = Array.from({ length: 10 }, () => vm({ l3NetworkUuids: [extra.uuid] }));
  await Promise.all(others);
  assert.equal((await attach()).error?.code, "NETWORK.1004");
  await ok("DestroyVmInstance", { uuid: (await others[0]) ?? "" });
  await ok("ExpungeVmInstance", { uuid: (await others[0]) ?? "" });
  await ok("AttachL3NetworkToVm", { uuid, l3NetworkUuid: extra.uuid });

  const [own] = cards(uuid);
  driver?.simulate({ keepNics: [uuid] });
  const { error } = await done("DetachL3NetworkFromVm", { uuid: own?.uuid ?? "" });
  assert.equal(error?.code, "NETWORK.1021", JSON.stringify(error));
  assert.deepEqual([cards(uuid).length, await defaultOf(uuid)], [2, people.uuid]);
  await ok("StopVmInstance", { uuid, type: "cold" });
  await ok("DetachL3NetworkFromVm", { uuid: own?.uuid ?? "" });
  assert.equal(cards(uuid).length, 1);
});

for (const isDone of [false, true])
  test(`a task of a card whose manager ended ${isDone ? "after" : "before"} the host had done it is finished by the next one`, async (t) => {
    for (const verb of ["attachNic", "detachNic"] as const) {
      const bed = await nicCloud(t, ["10.0.0.2"]);
      const { vm, call, cloud, hosts, store, extra, cards } = bed;
      const uuid = await vm();
      const { command } = hosts.link;
      const reached = Promise.withResolvers<void>();
      hosts.link.command = async (host, what, how) => {
        if (what.do !== verb) return await command(host, what, how);
        if (isDone) await command(host, what, how);
        reached.resolve();
        assert.ok(how.signal !== undefined);
        if (!how.signal.aborted) await once(how.signal, "abort");
        throw how.signal.reason;
      };
      const { task } =
        verb === "attachNic"
          ? await call("AttachL3NetworkToVm", { uuid, l3NetworkUuid: extra.uuid })
          : await call("DetachL3NetworkFromVm", { uuid: cards(uuid)[0]?.uuid ?? "" });
      await reached.promise;
      await cloud.close();
      hosts.link.command = command;
      const next = await managerOn(t, store, hosts);
      const { mirror } = next.cloud;
      const ended = await taskEnd(mirror, task.uuid, AbortSignal.timeout(60_000));
      assert.equal(ended?.state, "Succeeded", `${verb}: ${JSON.stringify(ended?.error)}`);
      const count = verb === "attachNic" ? 2 : 0;
      const { vmNicUuids, operation } = mirror.get("VmInstance", uuid)?.value ?? {};
      assert.deepEqual(
        [mirror.count("VmNic"), mirror.count("MacUse"), vmNicUuids?.length],
        [count, count, count],
        verb,
      );
      assert.deepEqual([bed.onHost(uuid).length, operation], [count, null], verb);
      await next.cloud.close();
    }
  });

test("a host that is lost while a card comes leaves it with its machine, which starts with it elsewhere", async (t) => {
  const bed = await nicCloud(t, ["10.0.0.2", "10.0.0.3"]);
  const { vm, ok, call, hosts, cloud, extra, cards, onHost } = bed;
  await call("UpdateGlobalConfig", { category: "host", name: "connection.autoReconnectOnError", value: "false" });
  const uuid = await vm();
  const now = () => cloud.mirror.get("VmInstance", uuid)?.value;
  const hostUuid = now()?.hostUuid ?? "";
  const address = cloud.mirror.get("Host", hostUuid)?.value.managementIp ?? "";
  const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  hosts.hold = async (what) => {
    if (what !== `${address} attachNic`) return;
    begun.resolve();
    await gate.promise;
  };
  const { task } = await call("AttachL3NetworkToVm", { uuid, l3NetworkUuid: extra.uuid });
  await begun.promise;
  hosts.cut(address, false);
  await call("ReconnectHost", { uuid: hostUuid });
  await seen(cloud.mirror, () => now()?.state === "Unknown");
  await ok("DeleteHost", { uuid: hostUuid, deleteMode: "Enforcing" });
  const [other = ""] = [...hosts.hosts.keys()].filter((each) => each !== address);
  for (const { value } of cloud.mirror.find("Volume", "vmInstanceUuid", uuid)) {
    const made = { do: "createVolume", path: value.installPath ?? "", sizeBytes: value.size, format: "qcow2" } as const;
    await hosts.hosts.get(other)?.driver.carryOut(made, AbortSignal.timeout(60_000));
  }
  await ok("StartVmInstance", { uuid });
  gate.resolve();
  await taskEnd(cloud.mirror, task.uuid, AbortSignal.timeout(120_000));
  assert.deepEqual([cards(uuid).length, onHost(uuid, other)], [2, ["0 10.0.0.10 default", "1 10.1.0.10"]]);
});
