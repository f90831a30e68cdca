import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../../core/store/record.ts";
import { machine, place } from "../../support/cloud/place.ts";
import { refuses } from "../store/conformance.ts";

/* What the manager makes of networks for machines and their hosts. */

test("a host is told of each card all that it makes the network of, and the simulated one keeps it", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { call, l3, zone, cluster, hosts, cloud } = bed;
  await call("AddDnsToL3Network", { uuid: l3.uuid, dns: "10.0.0.3" });
  await call("UpdateL3Network", { uuid: l3.uuid, dnsDomain: "example.com" });
  const vlan = { name: "tagged", zoneUuid: zone.uuid, physicalInterface: "eth1", vlan: 10, mtu: 9000 };
  const l2 = (await call("CreateL2VlanNetwork", vlan)).inventory;
  await call("AttachL2NetworkToCluster", { uuid: l2.uuid, clusterUuid: cluster.uuid });
  const bare = (await call("CreateL3Network", { name: "bare", l2NetworkUuid: l2.uuid })).inventory;
  const task = await machine(bed, {
    name: "Wéb 1!",
    l3NetworkUuids: [bare.uuid, l3.uuid],
    defaultL3NetworkUuid: l3.uuid,
  });
  assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
  const uuid = task.resourceUuid ?? "";
  const macs = cloud.mirror.find("VmNic", "vmInstanceUuid", uuid).map(({ value }) => [value.l3NetworkUuid, value.mac]);
  const macOf = (network: string) => macs.find(([of]) => of === network)?.[1];
  assert.deepEqual(hosts.hosts.get("10.0.0.2")?.driver.nicsOf(uuid), [
    {
      deviceId: 0,
      mac: macOf(bare.uuid),
      segment: { physicalInterface: "eth1", vlan: 10, mtu: 9000 },
      l3NetworkUuid: bare.uuid,
      address: null,
      dns: [],
      domain: null,
      hostName: "web-1",
      isDefaultRoute: false,
      dhcpServer: null,
    },
    {
      deviceId: 1,
      mac: macOf(l3.uuid),
      segment: { physicalInterface: "eth0", vlan: null, mtu: 1500 },
      l3NetworkUuid: l3.uuid,
      address: { ip: "10.0.0.10", prefixLen: 24, gateway: null },
      dns: ["10.0.0.3"],
      domain: "example.com",
      hostName: "web-1",
      isDefaultRoute: true,
      dhcpServer: { ip: "10.0.0.20", prefixLen: 24 },
    },
  ]);
});

test("a machine gets the address and the MAC address that it asks for, once", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { call, done, l3, cloud } = bed;
  const asking = (ip: string | null, mac: string | null) => ({
    l3NetworkUuids: [l3.uuid],
    staticIps: ip === null ? [] : [`${l3.uuid}::${ip}`],
    staticMacs: mac === null ? [] : [`${l3.uuid}::${mac}`],
  });
  const first = await machine(bed, asking("10.0.0.15", "02:00:00:00:00:01"));
  assert.equal(first.state, "Succeeded", JSON.stringify(first.error));
  const [card] = cloud.mirror.find("VmNic", "vmInstanceUuid", first.resourceUuid ?? "");
  assert.deepEqual([card?.value.ip, card?.value.mac], ["10.0.0.15", "02:00:00:00:00:01"]);
  const refusals: [ip: string | null, mac: string | null, code: string][] = [
    ["10.0.0.15", null, "NETWORK.1005"],
    [null, "02:00:00:00:00:01", "NETWORK.1010"],
    // The network's DHCP server has it on every host.
    ["10.0.0.20", null, "NETWORK.1005"],
    ["10.0.0.99", null, "NETWORK.1005"],
    ["fd00::1", null, "NETWORK.1005"],
  ];
  for (const [ip, mac, code] of refusals) {
    const task = await machine(bed, asking(ip, mac));
    assert.deepEqual([task.state, task.error?.code], ["Failed", code], `${ip} ${mac}`);
  }
  assert.equal(cloud.mirror.count("VmNic"), 1);
  // Of several that ask for the same at the same moment, one has it.
  const tasks = await Promise.all(
    Array.from({ length: 5 }, () => machine(bed, asking("10.0.0.16", "02:00:00:00:00:02"))),
  );
  assert.equal(tasks.filter(({ state }) => state === "Succeeded").length, 1);

  const create = (more: object) =>
    call("CreateVmInstance", { name: "web", cpuNum: 1, memorySize: 1024 ** 3, rootDiskSize: 1024 ** 3, ...more });
  await refuses(create({ staticIps: [`${l3.uuid}::10.0.0.17`] }), "VM.1009");
  const wrong = [
    "01:00:00:00:00:01",
    "ff:ff:ff:ff:ff:ff",
    "FA:00:00:00:00:01",
    "fe:00:00:00:00:01",
    "00:00:00:00:00:00",
    "1",
  ];
  for (const mac of wrong) await refuses(create(asking(null, mac)), "SYS.1001");
  for (const ip of ["224.0.0.1", "10.0.0.016", "10.0.0.17\n", "", "127.0.0.1"])
    await refuses(create(asking(ip, null)), "SYS.1001");
  const twice = { ...asking("10.0.0.17", null), staticIps: [`${l3.uuid}::10.0.0.17`, `${l3.uuid}::10.0.0.18`] };
  await refuses(create(twice), "SYS.1001");
  assert.equal((await done("DestroyVmInstance", { uuid: first.resourceUuid ?? "" })).state, "Succeeded");
});

test("a network's DHCP server has an address of a range, which follows its ranges and goes with the network", async (t) => {
  const bed = await place(t, []);
  const { call, done, l3, cloud } = bed;
  const serverIp = async () => (await call("GetL3Network", { uuid: l3.uuid })).inventory.dhcpServerIp;
  const uses = () => [...cloud.mirror.entries("AddressUse")].map(([key]) => key.split(":")[1]);
  assert.equal(await serverIp(), "10.0.0.20");
  const second = {
    name: "s",
    l3NetworkUuid: l3.uuid,
    startIp: "10.0.1.10",
    endIp: "10.0.1.12",
    netmask: "255.255.255.0",
  };
  await call("AddIpRange", second);
  assert.equal(await serverIp(), "10.0.0.20");
  const [first] = cloud.mirror
    .find("IpRange", "l3NetworkUuid", l3.uuid)
    .filter(({ value }) => value.endIp === "10.0.0.20");
  await call("DeleteIpRange", { uuid: first?.value.uuid ?? "" });
  assert.deepEqual([await serverIp(), uses()], ["10.0.1.12", ["10.0.1.12"]]);
  const [last] = cloud.mirror.find("IpRange", "l3NetworkUuid", l3.uuid);
  await call("DeleteIpRange", { uuid: last?.value.uuid ?? "" });
  assert.deepEqual([await serverIp(), uses()], [null, []]);
  // One address is worth more to a machine.
  await call("AddIpRange", { ...second, startIp: "10.0.2.10", endIp: "10.0.2.10" });
  assert.equal(await serverIp(), null);
  await call("AddIpRange", { ...second, startIp: "10.0.2.11", endIp: "10.0.2.12" });
  assert.equal(await serverIp(), "10.0.2.12");
  const gone = await done("DeleteL3Network", { uuid: l3.uuid });
  assert.equal(gone.state, "Succeeded", JSON.stringify(gone.error));
  assert.deepEqual(uses(), []);
});

test("a network of a former version gets the address with the next machine, and a domain that is none is not told", async (t) => {
  const bed = await place(t, ["10.0.0.2"]);
  const { call, done, l3, cloud, store, hosts } = bed;
  const made = await machine(bed, { l3NetworkUuids: [l3.uuid] });
  const uuid = made.resourceUuid ?? "";
  assert.equal((await done("StopVmInstance", { uuid })).state, "Succeeded");
  const { dhcpServerIp: _, ...former } = { ...(await store.get("L3Network", l3.uuid))?.value };
  const value = { ...former, dnsDomain: "a,option:router,10.6.6.6" } as JsonObject;
  const changes = [
    { do: "put", kind: "L3Network", key: l3.uuid, value },
    { do: "delete", kind: "AddressUse", key: `${l3.uuid}:10.0.0.20` },
  ] as const;
  await cloud.mirror.reached(await store.transact([...changes]));
  assert.equal((await call("GetL3Network", { uuid: l3.uuid })).inventory.dhcpServerIp, undefined);
  assert.equal((await done("StartVmInstance", { uuid })).state, "Succeeded");
  assert.equal((await call("GetL3Network", { uuid: l3.uuid })).inventory.dhcpServerIp, "10.0.0.20");
  const [nic] = hosts.hosts.get("10.0.0.2")?.driver.nicsOf(uuid) ?? [];
  assert.deepEqual([nic?.domain, nic?.dhcpServer], [null, { ip: "10.0.0.20", prefixLen: 24 }]);
  await refuses(call("UpdateL3Network", { uuid: l3.uuid, dnsDomain: "a,b" }), "SYS.1001");
  await refuses(call("CreateL3Network", { name: "x", l2NetworkUuid: l3.l2NetworkUuid, dnsDomain: "a b" }), "SYS.1001");
});
