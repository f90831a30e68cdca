import assert from "node:assert/strict";
import { test } from "node:test";
import { noIpv4, noIpv6 } from "../../../../core/model/network/configuration.ts";
import { keptConfigurations } from "../../../../core/model/network/transaction.ts";
import { openJournal, remember } from "../../../../core/node/network/journal.ts";
import { temporaryFolder } from "../../../support/programs.ts";

test("what a node with two hundred VLANs has kept and is changing is there after a restart of the agent", async (t) => {
  const folder = temporaryFolder();
  t.after(() => folder.dispose());
  const noDamage = (damage: object) => assert.fail(JSON.stringify(damage));
  const ids = Array.from({ length: 200 }, (_, i) => i + 1);
  const configuration = {
    hostname: "node01",
    timeServers: [],
    managementLink: "eth0",
    links: ids.map((id) => ({
      kind: "vlan" as const,
      name: `eth0.${id}`,
      mtu: null,
      vlan: { parent: "eth0", id },
      ipv4: noIpv4,
      ipv6: noIpv6,
    })),
  };
  const changes = ids.map((id) => ({
    link: `eth0.${id}`,
    what: "link" as const,
    key: "",
    before: null,
    after: "VLAN",
  }));
  const record = {
    id: "c1",
    console: "root",
    phase: "applying" as const,
    startedAt: 0,
    endedAt: null,
    remainingMs: null,
    changes,
    probes: [],
    why: null,
    error: null,
  };
  const tried = ids.map((id) => ({ name: `eth0.${id}.nmconnection`, before: null }));
  const empty = { bootId: "b", cards: {}, kept: [], uuids: [], active: [], renames: [], checkpoint: null };
  const running = { record, before: configuration, after: configuration, tried, ...empty };
  const { journal, history } = await openJournal(folder.path, noDamage);
  await journal.update((document) => ({ ...document, running }));
  for (let i = 0; i < keptConfigurations; i++)
    await remember(history, { id: `s${i}`, at: i, console: "root", changes, configuration });

  const again = await openJournal(folder.path, noDamage);
  assert.deepEqual(again.journal.value.running, running);
  assert.equal(again.history.value.saved.length, keptConfigurations);
});
