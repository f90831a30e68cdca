import assert from "node:assert/strict";
import { test } from "node:test";
import { newHost } from "../../../core/model/cloud/host.ts";
import { newUuid } from "../../core/orchestrator/bed.ts";
import { type CliBed, cliBed } from "./bed.ts";

/* What tables say of a cloud that is there. */

/** Machines on two hosts, each with two cards. */
async function machines(bed: CliBed, count: number): Promise<void> {
  const made = async (...words: string[]): Promise<string> =>
    JSON.parse((await bed.run(...words)).stdout).inventory.uuid;
  const zoneUuid = `zoneUuid=${await made("CreateZone", "name=east")}`;
  const clusterUuid = await made("CreateCluster", "name=blue", zoneUuid);
  const l2NetworkUuid = await made("CreateL2NoVlanNetwork", "name=flat", "physicalInterface=eth0", zoneUuid);
  const l3NetworkUuid = await made("CreateL3Network", "name=people", `l2NetworkUuid=${l2NetworkUuid}`);
  const hosts = ["node-1", "node-2"].map((name) => ({ name, uuid: newUuid() }));
  await bed.records.change((tx) => {
    for (const [i, { name, uuid }] of hosts.entries())
      tx.insert("Host", {
        ...{ uuid, name, description: null, clusterUuid, managementIp: `10.0.0.${i + 11}`, ...newHost },
        ...{ cpuCores: 8, cpuUsed: 0, memoryTotal: 1, memoryUsed: 0, memoryReserved: 0, tags: [] },
      });
    for (let i = 0; i < count; i++) {
      const [uuid, nics] = [newUuid(), [newUuid(), newUuid()]];
      const isRunning = i % 3 !== 2;
      tx.insert("VmInstance", {
        ...{ uuid, name: `web-${i}`, description: null, clusterUuid, lastHostUuid: null, instanceOfferingUuid: null },
        hostUuid: isRunning ? (hosts[i % 2]?.uuid ?? null) : null,
        ...{ imageUuid: null, rootVolumeUuid: null, defaultL3NetworkUuid: null, vmNicUuids: nics, isoUuids: [] },
        ...{ affinityGroupUuid: null, cpuNum: 1, memorySize: 1024 ** 3, platform: "Linux", operation: null },
        ...{ state: isRunning ? "Running" : "Stopped", earlierState: null, stateBeforeRescue: null, locked: false },
        ...{ haLevel: "None", noRestart: false, bootOrder: ["HardDisk"], tags: [] },
      });
      for (const [deviceId, nic] of nics.entries())
        tx.insert("VmNic", {
          ...{ uuid: nic, name: `vnic${deviceId}`, description: null, vmInstanceUuid: uuid, l3NetworkUuid },
          ...{ deviceId, mac: `fa:16:3e:00:${deviceId}0:${String(i).padStart(2, "0")}`, ip: `10.21.${deviceId}.${i}` },
        });
    }
  });
}

test("a table of machines has their addresses and the names of their hosts, in eighty columns", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  await machines(bed, 75);
  const { code, stdout, stderr } = await bed.run("-s", "QueryVmInstance", "sortBy=name");
  const lines = stdout.trimEnd().split("\n");
  assert.match(lines[0] ?? "", /^name +uuid +state +ip +host( |$)/);
  for (const [i, host] of [
    [0, "node-1"],
    [1, "node-2"],
    [64, "node-1"],
  ] as const)
    assert.ok(
      lines.some((line) =>
        new RegExp(`^web-${i} +[\\da-f]{32} +Running +10\\.21\\.0\\.${i},\\S* +${host}( |$)`).test(line),
      ),
      stdout,
    );
  assert.ok(
    lines.some((line) => /^web-2 +[\da-f]{32} +Stopped +10\.21\.0\.2,\S* +-( |$)/.test(line)),
    stdout,
  );
  for (const line of lines) assert.ok(line.length <= 80, line);
  assert.equal(code, 0);
  assert.match(stderr, /^zstack-cli: No room for .*memorySize, .*; choose columns with fields=/);
  const json = JSON.parse((await bed.run("QueryVmInstance", "limit=1")).stdout);
  assert.deepEqual([json.inventories[0].ip, json.inventories[0].host], [undefined, undefined]);
});

test("a table of machines without addresses, which can't be asked for, says so and has the rest", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  await machines(bed, 1);
  const error = { code: "SYS.1009", description: "Not now", details: "busy." };
  bed.instead.reply = (url) =>
    url.startsWith("/v1/vm-nics") ? { status: 503, body: JSON.stringify({ error }) } : undefined;
  const { code, stdout, stderr } = await bed.run("-s", "QueryVmInstance");
  assert.match(stdout, /^name +uuid +state .*\n[- ]+\nweb-0 +[\da-f]{32} +Running/);
  assert.match(stderr, /Addresses and hosts of the machines are not known: Not now: busy\./);
  assert.equal(code, 0);
});

test("a failed task has its time and its reason in the table", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  await bed.records.change((tx) =>
    tx.insert("Task", {
      ...{ uuid: newUuid(), name: "Delete Zone east", description: null, call: "DeleteZone", resourceUuid: null },
      ...{ sessionUuid: null, state: "Failed", progress: 40, step: null, cancellable: false },
      ...{ startDate: tx.now, endDate: tx.now, result: null },
      error: { code: "HOST.1003", description: "The host can't be deleted", details: "It is Enabled." },
    }),
  );
  const { stdout } = await bed.run("-s", "QueryTask");
  assert.match(
    stdout,
    /\nDeleteZone +[\da-f]{32} +Failed +2027-01-15 08:00:00.*\n {2}Delete Zone east: HOST\.1003: The host can't be deleted: It is Enabled\.\n/,
  );
});

test("what a table prints of a time finds the same again, also with the milliseconds that it does not print", async (t) => {
  const bed = await cliBed(t);
  await bed.logIn();
  bed.clock.now += 730;
  await bed.run("CreateZone", "name=east");
  bed.clock.now += 60_000;
  await bed.run("CreateZone", "name=west");
  const table = await bed.run("-s", "QueryZone", "name=east", "fields=createDate");
  const printed = table.stdout.trimEnd().split("\n").at(-1) ?? "";
  assert.equal(printed, "2027-01-15 08:00:00");
  const names = async (condition: string) => {
    const { stdout, stderr } = await bed.run("QueryZone", "fields=name", condition);
    assert.equal(stderr, "");
    return JSON.parse(stdout).inventories.map(({ name }: { name: string }) => name);
  };
  assert.deepEqual(await names(`createDate=${printed}`), ["east"]);
  assert.deepEqual(await names(`createDate<=${printed}`), ["east"]);
  assert.deepEqual(await names(`createDate>${printed}`), ["west"]);
  assert.deepEqual(await names("createDate>2027-01-15T09:00:30+01:00"), ["west"]);
  const wrong = await bed.run("QueryZone", "createDate>yesterday");
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /createDate can't be "yesterday": give a time as tables print it, "2027-01-15 08:00:00"/);
});
