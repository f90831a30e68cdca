import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { deciders } from "../../../core/orchestrator/calls/index.ts";
import { Retention, type RetentionSetting } from "../../../core/orchestrator/retention.ts";
import type { Change, Store } from "../../../core/store/store.ts";
import { type CloudBed, cloudBed, newUuid, onStore } from "./bed.ts";

const day = 86_400_000;

/** Records of these moments, in days before now. */
async function fill(store: Store, kind: "AuditRecord" | "IdempotencyKey", now: number, ages: readonly number[]) {
  const field = kind === "AuditRecord" ? "createDate" : "at";
  for (let from = 0; from < ages.length; from += 1000)
    await store.transact(
      ages.slice(from, from + 1000).map((age): Change => {
        const [key, moment] = [newUuid(), now - age * day];
        return { do: "put", kind, key, value: { uuid: key, age, [field]: moment } };
      }),
    );
}

/** The ages of those that are left, the oldest first; of the first thousand. */
async function left(store: Store, kind: "AuditRecord" | "IdempotencyKey"): Promise<number[]> {
  const { records } = await store.list({ kind });
  return records.map(({ value }) => Number(value["age"])).sort((a, b) => b - a);
}

async function bed(t: TestContext) {
  const made = await cloudBed(t);
  const { store, settings, clock } = made;
  const retention = new Retention({ store, setting: (id) => settings.number(id), now: () => clock.now });
  return { ...made, retention };
}

async function set({ records, context }: CloudBed, id: RetentionSetting, value: number): Promise<void> {
  const [category = "", ...name] = id.split(".");
  const input = { category, name: name.join("."), value: String(value) };
  await records.change((tx) => deciders.UpdateGlobalConfig(tx, input));
  assert.equal(context.settings.number(id), value);
}

test("the audit is kept for ninety days and an answer for one, or as long as the settings say now", async (t) => {
  const cloud = await bed(t);
  const { store, clock, retention } = cloud;
  await fill(store, "AuditRecord", clock.now, [400, 91, 89, 3, 1, 0]);
  await fill(store, "IdempotencyKey", clock.now, [400, 1.1, 0.9, 0]);
  assert.deepEqual(await retention.sweep(), { keys: 2, audit: 2 });
  assert.deepEqual(await left(store, "AuditRecord"), [89, 3, 1, 0]);
  assert.deepEqual(await left(store, "IdempotencyKey"), [0.9, 0]);
  await set(cloud, "managementServer.audit.retention", (2 * day) / 1000);
  await set(cloud, "managementServer.idempotencyKey.retention", 3600);
  assert.deepEqual(await retention.sweep(), { keys: 1, audit: 2 });
  assert.deepEqual(await left(store, "AuditRecord"), [1, 0]);
  assert.deepEqual(await retention.sweep(), { keys: 0, audit: 0 });
});

test("of more records than the audit may have the oldest go, a bounded part with each sweep, until it has them", async (t) => {
  const cloud = await bed(t);
  const { store, clock, retention } = cloud;
  await set(cloud, "managementServer.audit.maxRecords", 1000);
  const ages = Array.from({ length: 13_500 }, (_, nth) => 80 - nth / 1000);
  await fill(store, "AuditRecord", clock.now, ages);
  const removed: number[] = [];
  for (let n = 0; n < 4; n++) removed.push((await retention.sweep()).audit);
  assert.deepEqual(
    removed.reduce((sum, each) => sum + each),
    12_500,
  );
  assert.ok(Math.max(...removed) <= 10_000, String(removed));
  assert.deepEqual(await left(store, "AuditRecord"), ages.slice(-1000));
  // What has come since then counts as well.
  clock.now += day;
  await fill(store, "AuditRecord", clock.now, [0.5, 0.4]);
  assert.equal((await retention.sweep()).audit, 2);
  assert.equal((await retention.sweep()).audit, 0);
});

test("two managers that sweep at the same moment remove each record once and nothing else", async (t) => {
  const { store, clock, settings } = await bed(t);
  const other = await onStore(t, store);
  await fill(store, "AuditRecord", clock.now, [100, 99, 98, 1]);
  const sweeps = [settings, other.settings].map((each) =>
    new Retention({ store, setting: (id) => each.number(id), now: () => clock.now }).sweep(),
  );
  const removed = (await Promise.allSettled(sweeps)).map((each) =>
    each.status === "fulfilled" ? each.value.audit : 0,
  );
  assert.deepEqual(
    removed.sort((a, b) => a - b),
    [0, 3],
  );
  assert.deepEqual(await left(store, "AuditRecord"), [1]);
});
