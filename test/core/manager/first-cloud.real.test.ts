import assert from "node:assert/strict";
import { test } from "node:test";
import { replay } from "../../scripts/cloud/transcript.ts";
import { passwords, threeNodes } from "../../support/cloud/three-nodes.ts";
import { openConsole } from "../../support/console.ts";
import { needsPrivateMounts } from "../../support/private-mounts.ts";
import { undoAfter } from "../../support/undo.ts";

/** Of a host: the computer that this test runs on. And the time. */
const settled = [
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "2027-01-15 08:00:00"],
  [
    /(?<=fingerprint=)[\dA-F:]{95}/g,
    "40:9A:3B:46:9D:FB:70:FD:E7:E4:C9:2A:6E:19:70:D3:F5:2F:F3:55:7C:5E:C2:CD:DC:7D:FF:96:62:63:EC:43",
  ],
  [/^(cpuCores +)\d+$/gm, "$132"],
  [/^(memoryTotal +)\S+$/gm, "$1125G"],
  [/^(tags +)\S.*$/gm, "$1cpu::model::AMD-EPYC,hypervisor::simulated,os::distribution::de~"],
] as const;

/** What waits for the machine below, not for what it does. */
const patienceMs = 60_000;

test(
  "the first cloud of the manager's page is made by the real programs, on three nodes",
  needsPrivateMounts(),
  async (t) => {
    const { manager, cli, logs } = await threeNodes(t);
    await replay(
      "core/manager/README.md",
      (words) => manager.run(cli(...words)),
      (text) => settled.reduce((one, [pattern, by]) => one.replace(pattern, by), text),
    );
    for (const log of logs()) for (const password of Object.values(passwords)) assert.ok(!log.includes(password), log);
  },
);

test(
  "at a terminal a host's password is asked for after its certificate was compared, and by no means before",
  needsPrivateMounts(),
  async (t) => {
    const { manager, hosts, cli, logs } = await threeNodes(t);
    await manager.run(cli("LogInByAccount", "accountName=admin", "-P", "admin.password"));
    const { inventory } = JSON.parse((await manager.run(cli("CreateZone", "name=z"))).stdout);
    const zoneUuid = `zoneUuid=${inventory.uuid}`;
    const cluster = JSON.parse((await manager.run(cli("CreateCluster", "name=c", zoneUuid))).stdout).inventory;
    const own = hosts[0]?.must(
      "openssl",
      "x509",
      "-noout",
      "-fingerprint",
      "-sha256",
      "-in",
      "/etc/binnacle/tls/node.crt",
    );
    const [, digits = "none"] = /=([\dA-F:]{95})/.exec(own ?? "") ?? [];
    const add = async () => {
      const words = cli("AddKVMHost", "name=n", `clusterUuid=${cluster.uuid}`, "managementIp=10.0.0.11");
      const command = manager.commandLine(...words);
      const console = await openConsole({ socketPath: "", command, columns: 110, rows: 30, env: { HOME: "/root" } });
      undoAfter(t, () => console.close());
      await console.until(digits, patienceMs);
      return console;
    };
    const refused = await add();
    refused.type("no\r");
    await refused.until("CLOUD.OTHER_HOST", patienceMs);
    assert.equal((await refused.exited).exitCode, 1);
    assert.doesNotMatch(refused.text(), /Password/);
    assert.doesNotMatch(logs().join(""), /joining a cloud/);
    const accepted = await add();
    accepted.type("yes\r");
    await accepted.until("Password:", patienceMs);
    accepted.type(`${passwords["node-1"]}\r`);
    await accepted.until('"status": "Connected"', patienceMs);
  },
);
