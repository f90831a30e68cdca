import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetworkConfiguration } from "../../../../core/model/network/configuration.ts";
import { committedFiles } from "../../../../core/node/network/commit-files.ts";
import type { Present } from "../../../../core/node/network/present.ts";

const before: NetworkConfiguration = {
  hostname: "node01.example.com",
  timeServers: ["10.0.0.1", "pool.example.com"],
  managementLink: "eth0",
  links: [],
};

async function written(after: Partial<NetworkConfiguration>, path: string, text: string): Promise<string | null> {
  const files = await committedFiles({
    present: { configuration: before } as Present,
    configuration: { ...before, ...after },
    writes: [],
    linkFiles: [],
    read: async (asked) => (asked === path ? text : undefined),
  });
  return files.find((file) => file.path === path)?.text ?? null;
}

const hosts: [what: string, text: string, after: string][] = [
  [
    "keeps the other names of the own address, and its comment",
    "127.0.0.1 localhost\n127.0.1.1\tnode01.example.com node01 licence # by hand\n10.0.0.5 node01\n",
    "127.0.0.1 localhost\n127.0.1.1\tnode02.example.com node02 licence # by hand\n10.0.0.5 node01\n",
  ],
  ["adds the own address", "127.0.0.1 localhost", "127.0.0.1 localhost\n127.0.1.1 node02.example.com node02\n"],
  ["takes no longer address for the own one", "127.0.1.10 x\n", "127.0.1.10 x\n127.0.1.1 node02.example.com node02\n"],
];
for (const [what, text, after] of hosts)
  test(`a new name of the node ${what} in /etc/hosts`, async () => {
    assert.equal(await written({ hostname: "node02.example.com" }, "/etc/hosts", text), after);
  });

test("a time server that stays keeps the options that somebody gave it, and comments stay", async () => {
  const text = "# by hand\nserver 10.0.0.1 iburst prefer\n\npool pool.example.com maxsources 2\n";
  const path = "/etc/chrony/sources.d/binnacle.sources";
  const after = await written({ timeServers: ["10.0.0.2", "10.0.0.1"] }, path, text);
  assert.equal(after, "# by hand\nserver 10.0.0.2 iburst\nserver 10.0.0.1 iburst prefer\n");
  assert.equal(await written({ timeServers: [] }, path, "server 10.0.0.1 iburst\n"), null);
});

test("a node's file keeps what it holds beside the management interface, and a damaged one is not written over", async () => {
  const path = "/etc/binnacle/node.json";
  const after = await written({ managementLink: "lan0" }, path, '{ "role": "compute", "newer": [1] }');
  assert.deepEqual(JSON.parse(after ?? ""), { role: "compute", newer: [1], managementLink: "lan0" });
  for (const damaged of ["{", "[]", ""])
    await assert.rejects(written({ managementLink: "lan0" }, path, damaged), { code: "NET.NODE_FILE" });
});
