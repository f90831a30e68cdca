import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { replay } from "../../scripts/cloud/transcript.ts";
import { NodesBed } from "../../support/cloud/namespaces.ts";
import { needsPrivateMounts } from "../../support/private-mounts.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

/** Of a host: the computer that this test runs on. And the time. */
const settled = [
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "2027-01-15 08:00:00"],
  [/^(cpuCores +)\d+$/gm, "$132"],
  [/^(memoryTotal +)\S+$/gm, "$1125G"],
  [/^(tags +)\S.*$/gm, "$1cpu::model::AMD-EPYC,hypervisor::simulated,os::distribution::de~"],
] as const;

const agentSocket = "/run/binnacle/agent.sock";

test(
  "the first cloud of the manager's page is made by the real programs, on three nodes",
  needsPrivateMounts(),
  async (t) => {
    const folder = temporaryFolder();
    undoAfter(t, folder.dispose);
    const bed = new NodesBed(folder.path);
    undoAfter(t, () => bed.stop());
    await bed.start();
    const passwords = { admin: "Cloud-Admin-1", "node-1": "First-Host-1", "node-2": "Second-Host-2" };
    const manager = await bed.node({
      name: "mgmt",
      role: "management",
      address: "10.0.0.10/24",
      password: "Management-1",
    });
    for (const [name, password] of Object.entries(passwords))
      writeFileSync(manager.inside(`/root/${name}.password`), `${password}\n`, { mode: 0o600 });
    writeFileSync(manager.inside("/etc/binnacle/admin-password"), `${passwords.admin}\n`, { mode: 0o600 });
    const logs = [await manager.startUnit("binnacle-manager.service", "/run/binnacle/manager.sock")];
    for (const [name, address] of [
      ["node-1", "10.0.0.11/24"],
      ["node-2", "10.0.0.12/24"],
    ] as const) {
      const node = await bed.node({ name, role: "compute", address, password: passwords[name] });
      logs.push(await node.startUnit("binnacle-agent.service", agentSocket, ["--hypervisor", "simulated"]));
    }
    await replay(
      "core/manager/README.md",
      (words) => manager.run(["sh", "-c", 'cd && exec zstack-cli "$@"', "sh", ...words]),
      (text) => settled.reduce((one, [pattern, by]) => one.replace(pattern, by), text),
    );
    for (const { log } of logs)
      for (const password of Object.values(passwords)) assert.ok(!log().includes(password), log());
  },
);
