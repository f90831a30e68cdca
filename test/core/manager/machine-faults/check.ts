import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { vmStates } from "../../../../core/model/cloud/vm-states.ts";
import type { RecordOf } from "../../../../core/orchestrator/kinds.ts";
import type { BedNode } from "../../../support/cloud/namespaces.ts";
import { until } from "../../../support/spaces.ts";
import type { Cluster, Place } from "./cluster.ts";

/* What must hold of records and hosts whenever nothing is under way. */

type Domain = { uuid: string; state: string };

function domainsOf(host: BedNode): Domain[] {
  const lines = host.must("virsh", "-q", "list", "--all").trim().split("\n").filter(Boolean);
  return lines.flatMap((line) => {
    const [, uuid, state] = /^\s*\S+\s+(\S+)\s+(.+?)\s*$/.exec(line) ?? [];
    return uuid === undefined || state === undefined ? [] : [{ uuid, state }];
  });
}

/** Processes of machines, whatever libvirt says of them. */
export function processesOf(host: BedNode): string[] {
  const lines = host.must("sh", "-c", "ps -eo args= | grep -o '^[^ ]*qemu[^ ]* -name guest=[0-9a-f]*' || true");
  return lines
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => line.replace(/^.*guest=/, ""));
}

export async function check(cluster: Cluster, { hostUuids }: Place): Promise<void> {
  const { door, hosts } = cluster;
  const machines = (await door.call("QueryVmInstance", { limit: 1000 })).inventories as RecordOf<"VmInstance">[];
  const there = hosts.map((host) => domainsOf(host));
  for (const [nth, host] of hosts.entries()) {
    const active = (there[nth] ?? []).filter(({ state }) => state !== "shut off").map(({ uuid }) => uuid);
    assert.deepEqual(processesOf(host).sort(), active.sort(), "libvirt knows of all processes, and each is there once");
    const isOn = (machine: RecordOf<"VmInstance">) => machine.hostUuid === hostUuids[nth];
    const wanted = machines.filter((each) => isOn(each) && vmStates[each.state].onHost).map(({ uuid }) => uuid);
    assert.deepEqual(active.sort(), wanted.sort(), `what runs on node-${nth + 1}, and what should`);
    for (const { uuid } of there[nth] ?? [])
      assert.ok(
        machines.some((each) => each.uuid === uuid),
        `node-${nth + 1} keeps ${uuid}, which is gone`,
      );
    const saved = host.must("virsh", "-q", "list", "--inactive", "--with-managed-save", "--name").trim();
    const suspended = machines.filter((each) => each.state === "Suspended" && each.lastHostUuid === hostUuids[nth]);
    assert.deepEqual(saved.split("\n").filter(Boolean).sort(), suspended.map(({ uuid }) => uuid).sort(), "memory kept");
  }
  for (const machine of machines) {
    const { uuid, state, operation } = machine;
    assert.equal(operation, null, JSON.stringify(machine));
    assert.ok(vmStates[state].settled && state !== "Unknown" && state !== "Error", JSON.stringify(machine));
    const wanted = { Running: "running", Rescued: "running", Paused: "paused" }[String(state)];
    const states = there.flat().filter((each) => each.uuid === uuid && each.state !== "shut off");
    assert.deepEqual(
      states.map((each) => each.state),
      wanted === undefined ? [] : [wanted],
      JSON.stringify(machine),
    );
  }
  const destroyed = new Set(machines.filter(({ state }) => state === "Destroyed").map(({ uuid }) => uuid));
  await checkFiles(cluster, destroyed);
  await checkNetworks(cluster, machines, hostUuids);
}

async function checkFiles({ door, hosts, shared }: Cluster, destroyed: ReadonlySet<string>): Promise<void> {
  const volumes = (await door.call("QueryVolume", { limit: 1000 })).inventories as RecordOf<"Volume">[];
  for (const volume of volumes)
    assert.ok(["Ready", "NotInstantiated", "Deleted"].includes(volume.status), JSON.stringify(volume));
  const files = () => {
    const found = readdirSync(join(shared, "volumes"), { recursive: true, withFileTypes: true });
    return found.flatMap((each) =>
      each.isFile() ? [join("/srv/shared", each.parentPath.slice(shared.length), each.name)] : [],
    );
  };
  const there = files();
  const known = new Map(
    volumes.flatMap((volume) => (volume.installPath === null ? [] : [[volume.installPath, volume] as const])),
  );
  for (const file of there) assert.ok(known.has(file), `${file} belongs to no volume`);
  for (const [path, volume] of known) {
    // One whose expunging was cut off, and is tried again: nobody wants it any more.
    const isDeleted = destroyed.has(volume.vmInstanceUuid ?? "") || volume.status === "Deleted";
    assert.ok(isDeleted || there.includes(path), `${path} is lost: ${JSON.stringify(volume)}`);
  }
  for (const host of hosts)
    await until(
      "nothing to be left of moves",
      () => host.must("sh", "-c", "ls /run/binnacle-migration 2>/dev/null || true") === "",
      120_000,
    );
}

/** Bridges and DHCP servers are where a machine needs them, and there only. */
async function checkNetworks(cluster: Cluster, machines: RecordOf<"VmInstance">[], hostUuids: readonly string[]) {
  for (const [nth, host] of cluster.hosts.entries()) {
    const isNeeded = machines.some((each) => each.hostUuid === hostUuids[nth] && each.vmNicUuids.length > 0);
    const isThere = () => /br_eth1/.test(host.must("ip", "link"));
    const servers = () => host.must("sh", "-c", "ps -eo args= | grep -c '^[^ ]*dnsmasq' || true").trim();
    const what = `node-${nth + 1} to have ${isNeeded ? "its" : "no"} network`;
    await until(what, () => isThere() === isNeeded && servers() === (isNeeded ? "1" : "0"), 180_000);
  }
}
