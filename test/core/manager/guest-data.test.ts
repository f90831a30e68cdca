import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type TestContext, test } from "node:test";
import type { HostCommand } from "../../../core/hypervisor/driver.ts";
import { type MachineSeed, seedImage } from "../../../core/hypervisor/seed/seed.ts";
import { contentOf } from "../../../core/model/cloud/refusal.ts";
import { resourceKinds, unmirroredKinds } from "../../../core/orchestrator/kinds.ts";
import { first, migrationBed, second } from "../../support/cloud/migration.ts";
import { machine, seen } from "../../support/cloud/place.ts";
import { imageCloud } from "../../support/images/cloud.ts";
import { qcow2Image } from "../../support/images/files.ts";
import { publicKey } from "../../support/public-key.ts";
import { findSecret } from "../../support/secret-search.ts";
import { refuses } from "../store/conformance.ts";

/* What cloud-init in guests is told: from the calls to what hosts are told, on simulated hosts. */

const secret = "pumpernickel-and-swordfish";
const base64 = (text: string) => Buffer.from(text).toString("base64");
const userData = base64(`#cloud-config\npassword: ${secret}\n`);
const key = publicKey("anna@office");

type Told = { do: string; seed: MachineSeed | undefined; hostNames: string[] };

/** What hosts are told of machines from now on. */
function listening(hosts: { link: { command: (...args: never[]) => Promise<void> } }): Told[] {
  const told: Told[] = [];
  const { link } = hosts;
  const command = link.command.bind(link) as (...args: unknown[]) => Promise<void>;
  link.command = (...args: unknown[]) => {
    const what = args[1] as HostCommand;
    if ("machine" in what)
      told.push({ do: what.do, seed: what.machine.seed, hostNames: what.machine.nics.map((nic) => nic.hostName) });
    return command(...args);
  };
  return told;
}

async function bedOf(t: TestContext) {
  const bed = await migrationBed(t, [first, second]);
  const { call, done, drivers, cloud, hosts, hostUuids } = bed;
  const told = listening(hosts as never);
  const ok = async (...args: Parameters<typeof done>) => {
    const task = await done(...args);
    assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
    return task;
  };
  /** What the disk of the machine on the host where it is has in it. */
  const disk = (uuid: string) => {
    const { hostUuid, lastHostUuid } = cloud.mirror.get("VmInstance", uuid)?.value ?? {};
    const [address = ""] = [...hostUuids].find(([, host]) => host === (hostUuid ?? lastHostUuid)) ?? [];
    return drivers.get(address)?.machineOf(uuid)?.seed;
  };
  const last = () => {
    const one = told.at(-1);
    assert.ok(one !== undefined);
    return one;
  };
  const shown = async (uuid: string) => (await call("GetVmGuestData", { uuid })).inventory;
  return { ...bed, told, ok, disk, last, shown, kept: () => cloud.mirror.count("GuestData") };
}

const imageOf = (seed: MachineSeed | undefined) =>
  seed === undefined ? undefined : createHash("sha256").update(seedImage(seed)).digest("hex");

test("a machine is told what it was made with, over restarts, a suspend and a move; one that was given nothing has no disk for it", async (t) => {
  const { make, ok, last, told, disk, kept, shown } = await bedOf(t);
  const plain = await make("plain");
  assert.deepEqual([last().seed, disk(plain), kept()], [undefined, undefined, 0]);
  assert.equal((await shown(plain)).hostName, null);
  const uuid = await make("Web Ä 1", { userData, sshPublicKeys: [key] });
  const made = last();
  assert.deepEqual(made.seed, { ...made.seed, userData, sshPublicKeys: [key], hostName: "web-a-1" });
  for (const [name, more] of [
    ["SuspendVmInstance", {}],
    ["ResumeVmInstance", {}],
    ["MigrateVm", {}],
    ["StopVmInstance", { type: "cold" }],
    ["MigrateVm", {}],
    ["StartVmInstance", {}],
  ] as const)
    await ok(name, { uuid, ...more });
  assert.deepEqual(
    told.map((each) => each.do),
    ["startMachine", "startMachine", "restoreMachine", "expectMachine", "startMachine"],
  );
  for (const each of told.slice(1)) assert.deepEqual(each.seed, made.seed, each.do);
  assert.equal(disk(uuid), imageOf(made.seed));
  assert.deepEqual(await shown(uuid), {
    ...{ vmInstanceUuid: uuid, hostName: "web-a-1", sshPublicKeys: [key], isWaiting: false },
    userDataBytes: Buffer.from(userData, "base64").length,
  });
  for (const name of ["DestroyVmInstance", "RecoverVmInstance"] as const) {
    if (name === "DestroyVmInstance") await ok(name, { uuid });
    else await refuses(ok("StartVmInstance", { uuid }), "VM.1001");
    assert.equal(kept(), 1);
  }
  await ok("ExpungeVmInstance", { uuid });
  assert.equal(kept(), 0);
});

test("what is changed while a machine runs waits for its next start, and neither a move nor a suspend brings it earlier", async (t) => {
  const { make, ok, call, last, disk, shown } = await bedOf(t);
  const uuid = await make("web", { userData });
  const before = last().seed;
  const other = base64("#!/bin/sh\ntrue\n");
  await call("SetVmUserData", { uuid, userData: other });
  await call("SetVmSshKey", { uuid, sshPublicKeys: [key] });
  await call("SetVmHostname", { uuid, hostName: "db.example.org" });
  await call("UpdateVmInstance", { uuid, name: "other" });
  const now = await shown(uuid);
  assert.deepEqual([now.hostName, now.sshPublicKeys, now.isWaiting], ["db.example.org", [key], true]);
  for (const name of ["MigrateVm", "SuspendVmInstance", "ResumeVmInstance", "RebootVmInstance"] as const) {
    await ok(name, { uuid });
    assert.deepEqual([last().seed, disk(uuid)], [before, imageOf(before)], name);
  }
  await ok("StopVmInstance", { uuid, type: "cold" });
  await ok("StartVmInstance", { uuid });
  const after = last().seed;
  assert.deepEqual(after, { ...after, userData: other, sshPublicKeys: [key], hostName: "db.example.org" });
  assert.notEqual(after?.instanceId, before?.instanceId, "cloud-init takes keys up for a new instance alone");
  assert.equal((await shown(uuid)).isWaiting, false);

  // One that was taken back before the next start has changed nothing.
  await call("DeleteVmHostname", { uuid });
  await call("SetVmHostname", { uuid, hostName: "db.example.org" });
  assert.equal((await shown(uuid)).isWaiting, false);
  await ok("StopVmInstance", { uuid, type: "cold" });
  await call("DeleteVmHostname", { uuid });
  await ok("StartVmInstance", { uuid });
  assert.deepEqual(last().seed, { ...after, hostName: "other" }, "a host name alone makes no new instance");

  for (const name of ["DeleteVmUserData", "DeleteVmSshKey"] as const) await call(name, { uuid });
  await ok("MigrateVm", { uuid });
  assert.equal(last().seed?.userData, other);
  await ok("StopVmInstance", { uuid, type: "cold" });
  await ok("StartVmInstance", { uuid });
  assert.deepEqual([last().seed, disk(uuid)], [undefined, undefined]);
  await call("SetVmSshKey", { uuid, sshPublicKeys: [key] });
  await ok("MigrateVm", { uuid });
  assert.equal(last().seed, undefined, "it runs without a disk for it");
  await ok("StopVmInstance", { uuid, type: "cold" });
  await ok("StartVmInstance", { uuid });
  const ids = [before, after, last().seed].map((seed) => seed?.instanceId);
  assert.equal(new Set(ids).size, 3, ids.join());
});

test("copies and a machine that was rebuilt are new instances; a copy is called by its own name, and DHCP says the same", async (t) => {
  const bed = await imageCloud(t, ["10.0.0.2"], "local");
  const { call, done, cloud, images, hosts, l3 } = bed;
  const told = listening(hosts as never);
  const imageUuid = await images.added(qcow2Image({ sizeBytes: 1024 ** 2 }));
  const guest = { userData, sshPublicKeys: [key], hostName: "web.example.org" };
  const made = await machine(bed, { imageUuid, rootDiskSize: undefined, l3NetworkUuids: [l3.uuid], ...guest });
  const uuid = made.resourceUuid ?? "";
  const [original] = told;
  assert.deepEqual([original?.seed?.hostName, original?.hostNames], ["web.example.org", ["web"]]);
  const clone = await done("CloneVmInstance", { uuid, names: ["a copy", "b"] });
  assert.equal(clone.state, "Succeeded", JSON.stringify(clone.error));
  const copies = told.slice(1);
  assert.deepEqual(
    copies.map(({ seed, hostNames }) => [seed?.hostName, hostNames, seed?.userData, seed?.sshPublicKeys]),
    ["a-copy", "b"].map((name) => [name, [name], userData, [key]]),
  );
  for (const step of ["StopVmInstance", "ReimageVmInstance", "StartVmInstance"] as const)
    assert.equal((await done(step, { uuid })).state, "Succeeded", step);
  const rebuilt = told.at(-1)?.seed;
  assert.deepEqual(rebuilt, { ...original?.seed, instanceId: rebuilt?.instanceId });
  const ids = told.map(({ seed }) => seed?.instanceId);
  assert.equal(new Set(ids).size, 4, ids.join());
  assert.equal(cloud.mirror.count("GuestData"), 3);
  await call("SetVmHostname", { uuid, hostName: "db" });
  const root = cloud.mirror.get("VmInstance", uuid)?.value.rootVolumeUuid ?? "";
  assert.equal(rebuilt?.instanceId, `iid-${root}-0`);
});

test("a host that a stopped machine has left, and one that did not answer when it was deleted, keep no disk of it", async (t) => {
  const { make, ok, call, hosts, hostUuids, drivers, cloud } = await bedOf(t);
  const [one = "", two = ""] = [first, second].map((address) => hostUuids.get(address));
  const has = (address: string, uuid: string) => drivers.get(address)?.machineOf(uuid)?.seed !== undefined;
  const gone = () => seen(cloud.mirror, () => cloud.mirror.count("MigrationRest") === 0);
  const status = (uuid: string) => cloud.mirror.get("Host", uuid)?.value.status;
  const away = async () => {
    hosts.cut(first, false);
    await call("ReconnectHost", { uuid: one });
    await seen(cloud.mirror, () => status(one) === "Disconnected");
  };
  const back = async () => {
    hosts.cut(first, true);
    await ok("ReconnectHost", { uuid: one });
    await gone();
  };
  const uuid = await make("web", { userData, hostUuid: one });
  await ok("StopVmInstance", { uuid, type: "cold" });
  assert.ok(has(first, uuid));
  await away();
  await ok("StartVmInstance", { uuid, hostUuid: two });
  await back();
  assert.deepEqual([has(first, uuid), has(second, uuid)], [false, true]);
  await ok("MigrateVm", { uuid, hostUuid: one });
  await ok("StopVmInstance", { uuid, type: "cold" });
  await away();
  await ok("MigrateVm", { uuid, hostUuid: two });
  await back();
  assert.equal(has(first, uuid), false);
  await ok("StartVmInstance", { uuid, hostUuid: one });
  await ok("StopVmInstance", { uuid, type: "cold" });
  await away();
  await ok("DestroyVmInstance", { uuid });
  assert.ok(has(first, uuid));
  await back();
  assert.deepEqual([has(first, uuid), has(second, uuid)], [false, false]);
});

test("a machine that could not be made, and a copy that could not, leave nothing of what their guests were to be told", async (t) => {
  const { done, make, kept, drivers, cloud } = await bedOf(t);
  const uuid = await make("web", { userData });
  for (const driver of drivers.values()) driver.simulate({ fails: [{ do: "startMachine" }] });
  const size = { cpuNum: 1, memorySize: 128 * 1024 ** 2, rootDiskSize: 1024 ** 2, l3NetworkUuids: [] };
  assert.equal((await done("CreateVmInstance", { name: "x", ...size, userData })).state, "Failed");
  assert.equal((await done("CloneVmInstance", { uuid, names: ["x"] })).state, "Failed");
  assert.deepEqual([kept(), cloud.mirror.count("VmInstance"), cloud.mirror.count("Flow")], [1, 1, 0]);
});

test("user data is in no answer, no audit, no task, no error and no record that can be queried", async (t) => {
  const { call, done, ok, make, cloud, drivers } = await bedOf(t);
  const uuid = await make("web", { userData, hostName: "web" });
  const said: unknown[] = [await call("SetVmUserData", { uuid, userData: base64(`#!/bin/sh\n# ${secret}\n`) })];
  for (const bad of [`${userData}\n`, `${userData}${"A".repeat(22_000)}`, `#cloud-config ${secret}`, secret])
    for (const attempt of [
      () => call("SetVmUserData", { uuid, userData: bad }),
      () => call("CreateVmInstance", { name: "x", cpuNum: 1, memorySize: 2 ** 30, userData: bad } as never),
    ])
      said.push(contentOf(await refuses(attempt(), "SYS.1001")));
  for (const driver of drivers.values()) driver.simulate({ fails: [{ do: "startMachine" }] });
  await ok("StopVmInstance", { uuid, type: "cold" });
  said.push(await done("StartVmInstance", { uuid }));
  said.push(
    await done("CreateVmInstance", {
      name: "x",
      cpuNum: 1,
      memorySize: 2 ** 30,
      rootDiskSize: 2 ** 20,
      l3NetworkUuids: [],
      userData,
    }),
  );
  for (const name of ["QueryVmInstance", "QueryTask", "QueryAuditRecord", "QueryVolume"] as const)
    said.push(await call(name, {}));
  said.push(await call("GetVmGuestData", { uuid }), await call("GetVmInstance", { uuid }));
  said.push(
    resourceKinds.filter((kind) => !unmirroredKinds.has(kind)).flatMap((kind) => [...cloud.mirror.entries(kind)]),
  );
  const text = JSON.stringify(said);
  assert.equal(findSecret(text, [secret, userData, base64(`#!/bin/sh\n# ${secret}\n`)]), undefined);
  // What base64 makes of the secret depends on where it begins.
  for (const shift of [0, 1, 2]) {
    const inside = base64(`${"x".repeat(shift)}${secret}`).slice(4, -4);
    assert.ok(!text.includes(inside), `shifted by ${shift}`);
  }
  const { inventories } = await call("QueryAuditRecord", { q: ["name=SetVmUserData"] });
  assert.ok(inventories.length > 0);
  await call("LockVmInstance", { uuid });
  await refuses(call("DeleteVmUserData", { uuid }), "VM.1003");
});
