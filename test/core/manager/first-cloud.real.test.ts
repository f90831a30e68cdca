import assert from "node:assert/strict";
import { test } from "node:test";
import { replay } from "../../scripts/cloud/transcript.ts";
import { passwords, threeNodes } from "../../support/cloud/three-nodes.ts";
import { openConsole } from "../../support/console.ts";
import { needsPrivateMounts } from "../../support/private-mounts.ts";
import { undoAfter } from "../../support/undo.ts";

/** What the page has for the fingerprint of every host. */
const shownFingerprint =
  "40:9A:3B:46:9D:FB:70:FD:E7:E4:C9:2A:6E:19:70:D3:F5:2F:F3:55:7C:5E:C2:CD:DC:7D:FF:96:62:63:EC:43";
const fingerprint = /(?:[\dA-F]{2}:){31}[\dA-F]{2}/g;

/** Of a host: the computer that this test runs on. And the time. */
const settled = [
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "2027-01-15 08:00:00"],
  [fingerprint, shownFingerprint],
  [/^(cpuCores +)\d+$/gm, "$132"],
  [/^(memoryTotal +)\S+$/gm, "$1125G"],
  [
    /^(tags +)\S.*(\n {2,}\S.*)*$/gm,
    "$1cpu::model::AMD-EPYC,hypervisor::simulated,\n                os::distribution::debian,os::version::13",
  ],
] as const;

/** What waits for the machine below, not for what it does. */
const patienceMs = 60_000;

test(
  "the first cloud of the manager's page is made by the real programs, on three nodes",
  needsPrivateMounts(),
  async (t) => {
    const { manager, cli, logs } = await threeNodes(t);
    let told = shownFingerprint;
    await replay(
      "core/manager/README.md",
      async (words) => {
        const printed = await manager.run(cli(...words.map((word) => word.replace(shownFingerprint, told))));
        told = printed.stdout.match(fingerprint)?.at(-1) ?? told;
        return printed;
      },
      (text) => settled.reduce((one, [pattern, by]) => one.replace(pattern, by), text),
    );
    for (const log of logs()) for (const password of Object.values(passwords)) assert.ok(!log.includes(password), log);
  },
);

test(
  "without a terminal a host is told nothing before its certificate was compared",
  needsPrivateMounts(),
  async (t) => {
    const { manager, cli, logs } = await threeNodes(t);
    await manager.run(cli("LogInByAccount", "accountName=admin", "-P", "admin.password"));
    const words = ["AddKVMHost", "name=n", "clusterUuid=5f4f5bd1e0b24e9b8b4f5f5e6c3a2d10", "managementIp=10.0.0.11"];
    const { code, stdout, stderr } = await manager.run(cli(...words, "-P", "node-1.password"));
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^CLOUD\.UNKNOWN_HOST: /);
    assert.doesNotMatch(logs().join(""), /joining a cloud/);
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
