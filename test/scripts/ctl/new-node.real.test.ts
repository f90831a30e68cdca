import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ManagerDoor } from "../../../core/api/manager-door.ts";
import { type BedNode, NodesBed } from "../../support/cloud/namespaces.ts";
import { needsPrivateMounts } from "../../support/private-mounts.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

/*
 * A management node is lost, and another one becomes the manager of the same host by the lost one's backup: the real
 * programs on nodes in namespaces, a real agent as the host.
 */

const longestMs = 60_000;

async function managementNode(bed: NodesBed, name: string, address: string): Promise<BedNode> {
  const node = await bed.node({ name, role: "management", address, password: "Management-1" });
  node.must("mount", "-t", "tmpfs", "tmpfs", "/usr/local/sbin");
  copyFileSync(join(import.meta.dirname, "new-node.systemctl.sh"), node.inside("/usr/local/sbin/systemctl"));
  node.must("chmod", "755", "/usr/local/sbin/systemctl");
  return node;
}

async function ctl(node: BedNode, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await node.run(["zstack-ctl", ...words]);
  assert.equal(code, 0, `${words.join(" ")}\n${stdout}${stderr}`);
  return stdout;
}

const doorOf = (node: BedNode) => new ManagerDoor(node.inside("/run/binnacle/manager.sock"));

async function ended(node: BedNode, uuid: string): Promise<void> {
  const deadline = performance.now() + longestMs;
  for (;;) {
    const { inventory } = await doorOf(node).ask("GetTask", { uuid });
    if (inventory.state === "Succeeded") return;
    const isOver = inventory.state === "Failed" || inventory.state === "Cancelled";
    if (isOver || performance.now() > deadline) assert.fail(JSON.stringify(inventory));
    await pause(50);
  }
}

test("a new management node takes over the hosts of a lost one by its backup", needsPrivateMounts(), async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const bed = new NodesBed(folder.path);
  undoAfter(t, () => bed.stop());
  await bed.start();
  const former = await managementNode(bed, "mgmt-1", "10.0.0.10/24");
  const host = await bed.node({ name: "node-1", role: "compute", address: "10.0.0.11/24", password: "First-Host-1" });
  await host.startUnit("binnacle-agent.service", "/run/binnacle/agent.sock", ["--hypervisor", "simulated"]);

  assert.match(await ctl(former, "start"), /^MN status: Running \[PID:\d+\]$/m);
  const zone = await doorOf(former).ask("CreateZone", { name: "east" });
  const cluster = await doorOf(former).ask("CreateCluster", {
    name: "blue",
    zoneUuid: zone.inventory.uuid,
    hypervisorType: "KVM",
  });
  const wish = { name: "node-1", clusterUuid: cluster.inventory.uuid, managementIp: "10.0.0.11" };
  const added = await doorOf(former).ask("AddKVMHost", { ...wish, username: "root", password: "First-Host-1" });
  await ended(former, added.task.uuid);

  const backup = /^Backup: (.*)$/m.exec(await ctl(former, "dump_mysql"))?.[1] ?? "";
  const kept = join(folder.path, "backup with blanks.tar.gz");
  copyFileSync(former.inside(backup), kept);
  await former.powerOff();

  const fresh = await managementNode(bed, "mgmt-2", "10.0.0.20/24");
  // The cloud that a fresh node makes of its own.
  await ctl(fresh, "start");
  mkdirSync(fresh.inside("/var/tmp/in"));
  copyFileSync(kept, fresh.inside("/var/tmp/in/backup with blanks.tar.gz"));
  const said = await ctl(fresh, "restore_mysql", "-f", "/var/tmp/in/backup with blanks.tar.gz", "--yes");
  assert.match(said, /^The authority of this node is replaced by that of the backup\.$/m);
  assert.match(said, /^Hosts that trust it already: node-1$/m);

  const { inventories } = await doorOf(fresh).ask("QueryHost", {});
  assert.deepEqual(
    inventories.map(({ name }) => name),
    ["node-1"],
  );
  const again = await doorOf(fresh).ask("ReconnectHost", { uuid: String(inventories[0]?.["uuid"]) });
  await ended(fresh, again.task.uuid);
  const [found] = (await doorOf(fresh).ask("QueryHost", {})).inventories;
  assert.equal(found?.["status"], "Connected");
  // Whoever trusts the restored authority trusts the API of the new node.
  writeFileSync(fresh.inside("/var/tmp/password"), "password\n", { mode: 0o600 });
  const login = [
    "env",
    "HOME=/var/tmp",
    "zstack-cli",
    "LogInByAccount",
    "accountName=admin",
    "-P",
    "/var/tmp/password",
  ];
  const { code, stderr } = await fresh.run(login);
  assert.equal(code, 0, stderr);
});
