import assert from "node:assert/strict";
import { test } from "node:test";
import { threeNodes } from "../../support/cloud/three-nodes.ts";
import { needsPrivateMounts } from "../../support/private-mounts.ts";

test(
  "collect_log packs the logs of all nodes of a cloud, and says which one it could not reach",
  needsPrivateMounts(),
  async (t) => {
    const { manager, agents, cli } = await threeNodes(t);
    await manager.startUnit("binnacle-agent.service", "/run/binnacle/root.sock");
    const made = async (...words: string[]): Promise<string> => {
      const { stdout, stderr } = await manager.run(cli(...words));
      return JSON.parse(stdout || stderr).inventory.uuid;
    };
    await manager.run(cli("LogInByAccount", "accountName=admin", "-P", "admin.password"));
    const zone = await made("CreateZone", "name=z");
    const cluster = await made("CreateCluster", "name=c", `zoneUuid=${zone}`);
    for (const [name, ip] of [
      ["node-1", "10.0.0.11"],
      ["node-2", "10.0.0.12"],
    ] as const) {
      const { stdout } = await manager.run(cli("GetHostFingerprint", `managementIp=${ip}`));
      const host = [`managementIp=${ip}`, `fingerprint=${JSON.parse(stdout).fingerprint}`, "-P", `${name}.password`];
      await made("AddKVMHost", `name=${name}`, `clusterUuid=${cluster}`, ...host);
    }

    const collected = async () => {
      const run = await manager.run(["zstack-ctl", "collect_log", "--range", "hour"]);
      const file = /Archive: (\S+\.tar\.gz)/.exec(run.stdout)?.[1] ?? "none";
      const inside = (await manager.run(["tar", "-tzf", file])).stdout.trim().split("\n").sort();
      return { ...run, file, inside };
    };
    // The key that makes certificates is not needed.
    const [key, away] = ["/etc/binnacle/tls/ca.key", "/etc/binnacle/tls/away"];
    assert.equal((await manager.run(["mv", key, away])).code, 0);
    const all = await collected();
    assert.equal((await manager.run(["mv", away, key])).code, 0);
    assert.equal(all.code, 0, all.stderr);
    assert.equal(all.inside.length, 3, all.stdout);
    assert.match(
      all.inside.join(" "),
      /^mgmt-logs-\d{8}-\d{6}\.tar\.gz node-1-[\da-f]{8}\.tar\.gz node-2-[\da-f]{8}\.tar\.gz$/,
    );
    const script = `tar -xzOf ${all.file} ${all.inside[1] ?? ""} | tar -tz`;
    assert.match((await manager.run(["sh", "-c", script])).stdout, /^node-1-logs-\S+INDEX\.txt$/m);

    await agents[1]?.kill();
    const some = await collected();
    assert.equal(some.code, 1);
    assert.equal(some.inside.length, 2, some.stdout);
    assert.match(some.stderr, /node-2: .*can't be reached[\s\S]*CTL\.LEFT_OUT: Left out: node-2\./);
  },
);
