import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { TransactionPhase } from "../../../../core/model/network/transaction.ts";
import { effects } from "../../../../core/node/effects.ts";
import { fixtureMachine } from "../../../../core/node/fixture.ts";
import { NetworkChanges } from "../../../../core/node/network/changes.ts";
import { openJournal } from "../../../../core/node/network/journal.ts";
import { networkWorld } from "../../../../core/node/network/world.ts";
import { readRecording } from "../../../support/machines.ts";
import { temporaryFolder } from "../../../support/programs.ts";

const noDamage = (damage: object) => assert.fail(JSON.stringify(damage));
const hosts = "/etc/hosts";
const none = { hostname: "node01", timeServers: [], managementLink: null, links: [] };

describe("a change that the agent's end has interrupted", () => {
  let home: ReturnType<typeof temporaryFolder>;
  let pauses: number[];
  /** What becomes of the machine while the agent waits for the n-th time. */
  let meanwhile: (nth: number) => void;
  beforeEach(() => {
    home = temporaryFolder();
    pauses = [];
    meanwhile = () => undefined;
  });
  afterEach(() => home.dispose());

  const at = (file: string) => join(home.path, "machine", file);
  /** Where its file should be there is a folder: it can be neither read nor written. */
  const spoil = () => mkdirSync(at(hosts), { recursive: true });

  async function started(phase: TransactionPhase): Promise<NetworkChanges> {
    const machine = {
      ...fixtureMachine(readRecording("bonded-server")),
      after(delayMs: number, action: () => void) {
        pauses.push(delayMs);
        meanwhile(pauses.length);
        setImmediate(action);
        return () => undefined;
      },
    };
    const folder = join(home.path, "network");
    const { journal } = await openJournal(folder, noDamage);
    const record = { id: "c1", console: "tty1", phase, startedAt: 0, endedAt: null, remainingMs: null };
    const running = {
      record: { ...record, changes: [], probes: [], why: null, error: null },
      ...{ bootId: "b", before: none, after: none, cards: {}, tried: [], kept: [], uuids: [], active: [], renames: [] },
      checkpoint: null,
    };
    await journal.update((document) => ({ ...document, running }));
    const file = { path: hosts, mode: 0o644 };
    const list = { id: "c1", after: [{ ...file, text: "new\n" }], before: [{ ...file, text: "old\n" }] };
    writeFileSync(join(folder, "commit.json"), JSON.stringify(list));
    const { change } = effects("preview", machine, home.path);
    const root = join(home.path, "machine");
    const activity = async () => ({
      ...{ managementAddresses: [], managementLink: null, sessions: [], storageMounts: [] },
      ...{ runningMigrations: 0, runningVirtualMachines: 0 },
    });
    const given = { machine, root, folder, change, resolver: async () => undefined, onTrouble: () => undefined };
    const world = { ...networkWorld({ ...given, activity }, false), bootId: async () => "b" };
    return NetworkChanges.open(world, noDamage);
  }

  it("is brought to its end once that can be done", async () => {
    spoil();
    meanwhile = (nth) => {
      if (nth !== 2) return;
      rmdirSync(at(hosts));
      writeFileSync(at(hosts), "old\n");
    };
    const changes = await started("committing");
    await changes.recover();
    assert.equal(changes.transaction?.phase, "committed");
    assert.equal(readFileSync(at(hosts), "utf8"), "new\n");
    assert.deepEqual(pauses, [1_000, 5_000]);
  });

  for (const [phase, end] of [
    ["committing", "failed"],
    ["waiting", "rolledBack"],
  ] as const)
    it(`while it was ${phase} ends as ${end} and says why when that can't be done, and others can begin`, async () => {
      spoil();
      const changes = await started(phase);
      await changes.recover();
      const { transaction } = changes;
      assert.deepEqual([transaction?.phase, transaction?.error?.code], [end, "NET.NOT_RECOVERED"]);
      assert.match(transaction?.error?.description ?? "", /could not be brought to its end because EISDIR\./);
      assert.equal(pauses.length, 3);
      assert.equal(existsSync(join(home.path, "network/commit.json")), phase === "committing");
      rmdirSync(at(hosts));
      const operations = [{ do: "hostname" as const, hostname: "node02" }];
      const begun = await changes.start({ operations, keep: "always", seconds: 10, console: "tty2" });
      await changes.settled();
      assert.deepEqual([changes.get(begun.id).phase, changes.get(begun.id).error], ["committed", null]);
    });
});
