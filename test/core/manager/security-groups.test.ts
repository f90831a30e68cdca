import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { SimulatedDriver } from "../../../core/hypervisor/simulated.ts";
import { machine, place, seen } from "../../support/cloud/place.ts";
import { refuses } from "../store/conformance.ts";

const gigabyte = 1024 ** 3;

/** Hosts with machines, a group that their network has, and what each host was told last. */
async function groupPlace(t: TestContext, addresses: readonly string[]) {
  const bed = await place(t, addresses);
  const { call, cloud, hosts, l3 } = bed;
  const group = async (name = "web") => {
    const { uuid } = (await call("CreateSecurityGroup", { name })).inventory;
    await call("AttachSecurityGroupToL3Network", { uuid, l3NetworkUuid: l3.uuid });
    return uuid;
  };
  const vm = async (more: object = {}) => {
    const task = await machine(bed, { l3NetworkUuids: [l3.uuid], rootDiskSize: gigabyte, ...more });
    assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
    const uuid = task.resourceUuid ?? "";
    const [nic] = cloud.mirror.find("VmNic", "vmInstanceUuid", uuid);
    assert.ok(nic !== undefined);
    return { uuid, nic: nic.value };
  };
  const driverAt = (address: string): SimulatedDriver => {
    const host = hosts.hosts.get(address);
    assert.ok(host !== undefined);
    return host.driver;
  };
  const rulesAt = (address: string) => driverAt(address).firewall.rules;
  /** Resolves when a host was told that these cards are in groups, and no others. */
  const toldOf = async (address: string, ...macs: string[]) => {
    const wanted = JSON.stringify(macs.toSorted());
    const isSo = () => JSON.stringify(rulesAt(address).cards.map(({ mac }) => mac)) === wanted;
    await until(isSo);
  };
  return { ...bed, group, vm, rulesAt, toldOf };
}

/** Hosts are told by themselves, soon; nothing of it is to be seen in the records. */
async function until(isSo: () => boolean): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  while (!isSo()) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("a card comes into a group, and its host has the group's rules, on every host with others of it", async (t) => {
  const bed = await groupPlace(t, ["10.0.0.2", "10.0.0.3"]);
  const { call, group, vm, rulesAt, toldOf, hostUuids, hosts } = bed;
  const [first, second] = hostUuids;
  const web = await group();
  const [one, two, open] = [
    await vm({ hostUuid: first }),
    await vm({ hostUuid: second }),
    await vm({ hostUuid: first }),
  ];
  assert.deepEqual(
    hosts.commands.filter((command) => command.endsWith("setFirewall")),
    [],
    "nobody is in a group yet",
  );
  await call("AddVmNicToSecurityGroup", { uuid: web, vmNicUuids: [one.nic.uuid, two.nic.uuid] });
  await toldOf("10.0.0.2", one.nic.mac);
  await toldOf("10.0.0.3", two.nic.mac);
  const members = [{ groupUuid: web, ranges: [[one.nic.ip, two.nic.ip]] }];
  const everything = { protocol: "all", ports: null } as const;
  const first2 = rulesAt("10.0.0.2");
  assert.deepEqual(first2.members, members, "those of other hosts too");
  assert.deepEqual(
    new Set(first2.groups[0]?.rules),
    new Set([
      { way: "in", ...everything, peer: { groupUuid: web } },
      { way: "out", ...everything, peer: null },
    ]),
  );

  const rule = { securityGroupUuid: web, type: "Ingress", protocol: "TCP" } as const;
  const ssh = { ...rule, startPort: 22, endPort: 23, allowedCidr: "192.0.2.0/24" };
  const added = (await call("AddSecurityGroupRule", ssh)).inventory;
  assert.equal(added.name, "Ingress TCP 22-23 192.0.2.0/24");
  const sshRule = { way: "in", protocol: "tcp", ports: [22, 23], peer: { range: ["192.0.2.0", "192.0.2.255"] } };
  const has = (address: string) =>
    rulesAt(address).groups.some(({ rules }) => rules.some((each) => JSON.stringify(each) === JSON.stringify(sshRule)));
  await until(() => has("10.0.0.2") && has("10.0.0.3"));
  await call("DeleteSecurityGroupRule", { uuid: added.uuid });
  await until(() => !has("10.0.0.2") && !has("10.0.0.3"));

  await call("ChangeSecurityGroupState", { uuid: web, stateEvent: "disable" });
  await toldOf("10.0.0.2");
  await call("ChangeSecurityGroupState", { uuid: web, stateEvent: "enable" });
  await toldOf("10.0.0.2", one.nic.mac);
  await call("AddVmNicToSecurityGroup", { uuid: web, vmNicUuids: [open.nic.uuid] });
  await toldOf("10.0.0.2", one.nic.mac, open.nic.mac);
  await until(() => rulesAt("10.0.0.3").members[0]?.ranges[0]?.[1] === open.nic.ip);
  await call("DeleteVmNicFromSecurityGroup", { uuid: web, vmNicUuids: [open.nic.uuid, one.nic.uuid] });
  await toldOf("10.0.0.2");
  await until(() => rulesAt("10.0.0.3").members[0]?.ranges[0]?.[0] === two.nic.ip);
});

test("rules are on a host before the machine is: at its start, and when it moves there; and leave with it", async (t) => {
  const { call, done, group, vm, toldOf, hostUuids, hosts } = await groupPlace(t, ["10.0.0.2", "10.0.0.3"]);
  const [first, second = ""] = hostUuids;
  const web = await group();
  const { uuid, nic } = await vm({ hostUuid: first });
  await done("StopVmInstance", { uuid, type: "cold" });
  await call("AddVmNicToSecurityGroup", { uuid: web, vmNicUuids: [nic.uuid] });
  const rest = (from: number) => hosts.commands.slice(from);
  let mark = hosts.commands.length;
  const started = await done("StartVmInstance", { uuid, hostUuid: first });
  assert.equal(started.state, "Succeeded", JSON.stringify(started.error));
  const told = rest(mark);
  assert.ok(told.indexOf("10.0.0.2 setFirewall") < told.indexOf("10.0.0.2 startMachine"), told.join());
  assert.ok(told.includes("10.0.0.2 setFirewall"));
  mark = hosts.commands.length;
  const moved = await done("MigrateVm", { uuid, hostUuid: second });
  assert.equal(moved.state, "Succeeded", JSON.stringify(moved.error));
  const announced = rest(mark);
  assert.ok(announced.indexOf("10.0.0.3 setFirewall") < announced.indexOf("10.0.0.3 expectMachine"), announced.join());
  await toldOf("10.0.0.2");
  await toldOf("10.0.0.3", nic.mac);
  await done("DestroyVmInstance", { uuid });
  await toldOf("10.0.0.3");
});

test("a machine does not start where its rules can't be told; a host that was away gets them when it is back", async (t) => {
  const { call, done, group, vm, toldOf, hostUuids, hosts, cloud } = await groupPlace(t, ["10.0.0.2", "10.0.0.3"]);
  const [first = "", second = ""] = hostUuids;
  const web = await group();
  const [one, two] = [await vm({ hostUuid: first }), await vm({ hostUuid: second })];
  await done("StopVmInstance", { uuid: one.uuid, type: "cold" });
  await call("AddVmNicToSecurityGroup", { uuid: web, vmNicUuids: [one.nic.uuid] });
  hosts.hosts.get("10.0.0.2")?.driver.simulate({ fails: [{ do: "setFirewall" }] });
  const refused = await done("StartVmInstance", { uuid: one.uuid, hostUuid: first });
  assert.equal(refused.state, "Failed");
  assert.equal(cloud.mirror.get("VmInstance", one.uuid)?.value.state, "Stopped");
  hosts.hosts.get("10.0.0.2")?.driver.simulate({});

  hosts.cut("10.0.0.3", false);
  const lost = await done("ReconnectHost", { uuid: second });
  assert.equal(lost.state, "Failed");
  await call("AddVmNicToSecurityGroup", { uuid: web, vmNicUuids: [two.nic.uuid] });
  hosts.cut("10.0.0.3", true);
  const back = await done("ReconnectHost", { uuid: second });
  assert.equal(back.state, "Succeeded", JSON.stringify(back.error));
  await toldOf("10.0.0.3", two.nic.mac);
  await seen(cloud.mirror, () => cloud.mirror.get("HostFirewall", second) !== undefined);
});

test("what can't be is refused: a wrong rule, a card of another network, a group that is in use, too many", async (t) => {
  const { call, done, group, vm, l3, cloud } = await groupPlace(t, ["10.0.0.2"]);
  const web = await group();
  const { nic } = await vm();
  const rule = { securityGroupUuid: web, type: "Ingress", protocol: "TCP" } as const;
  for (const wrong of [
    { startPort: 22 },
    { startPort: 23, endPort: 22 },
    { protocol: "ICMP", startPort: 1, endPort: 2 } as const,
    { allowedCidr: "10.0.0.0/8", remoteSecurityGroupUuid: web },
  ])
    await refuses(call("AddSecurityGroupRule", { ...rule, ...wrong }), "NETWORK.1030");
  for (const allowedCidr of ["10.0.0.1/8", "10.0.0.0/33", "any", "10.0.0.0/8 accept", "0.0.0.1/0"])
    await refuses(call("AddSecurityGroupRule", { ...rule, allowedCidr }), "SYS.1001");
  const bare = (await call("CreateSecurityGroup", { name: "bare" })).inventory.uuid;
  await refuses(call("AddVmNicToSecurityGroup", { uuid: bare, vmNicUuids: [nic.uuid] }), "NETWORK.1031");
  await call("AddVmNicToSecurityGroup", { uuid: web, vmNicUuids: [nic.uuid] });
  await refuses(call("DeleteSecurityGroup", { uuid: web }), "NETWORK.1032");
  await refuses(call("DetachSecurityGroupFromL3Network", { uuid: web, l3NetworkUuid: l3.uuid }), "NETWORK.1032");
  const named = (await call("AddSecurityGroupRule", { ...rule, remoteSecurityGroupUuid: bare })).inventory.uuid;
  await call("DeleteSecurityGroup", { uuid: bare });
  assert.equal(cloud.mirror.get("SecurityGroupRule", named), undefined, "a rule goes with the group that it names");
  for (let n = 1; n <= 100; n++) await call("AddSecurityGroupRule", { ...rule, startPort: n, endPort: n });
  await refuses(call("AddSecurityGroupRule", { ...rule, startPort: 101, endPort: 101 }), "NETWORK.1033");
  const gone = await done("DestroyVmInstance", { uuid: nic.vmInstanceUuid });
  assert.equal(gone.state, "Succeeded");
  await call("DeleteVmNicFromSecurityGroup", { uuid: web, vmNicUuids: [nic.uuid] });
  await call("DeleteSecurityGroup", { uuid: web });
  assert.equal([...cloud.mirror.all("SecurityGroupRule")].length, 0);
});
