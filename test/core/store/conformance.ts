import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import type { Change, Indexes, IndexQuery, Page, Store, StoreRecord, WatchBatch } from "../../../core/store/store.ts";
import { Random } from "../../support/random.ts";

/* What every store does: the same tests for each. */

export const indexes: Indexes = { vm: ["name", "hostUuid", "cpuNum", "nics.ip", "isLocked"], host: ["name"] };

export type Bed = {
  /** An empty store with {@link indexes}. */
  open(): Promise<Store>;
  /** Closes what was opened. */
  end(store: Store): Promise<void>;
};

/** Long enough for etcd, which knows whole seconds and no less than two. */
const ttlMs = 2000;

export async function refuses(attempt: Promise<unknown>, code: string, values: object = {}): Promise<NodeError> {
  let caught: unknown;
  await attempt.catch((error: unknown) => {
    caught = error;
  });
  assert.ok(caught instanceof NodeError, `${code} was expected, not ${String(caught)}`);
  assert.equal(caught.code, code, caught.message);
  assert.deepEqual({ ...caught.values, ...values }, caught.values);
  return caught;
}

/** The first batches of a watch, until they have so many events. */
export async function batchesOf(watch: AsyncGenerator<WatchBatch, void>, events: number): Promise<WatchBatch[]> {
  const batches: WatchBatch[] = [];
  let count = 0;
  for await (const batch of watch) {
    batches.push(batch);
    count += batch.events.length;
    if (count >= events) break;
  }
  return batches;
}

export async function allOf(store: Store, kind: string, where?: IndexQuery, limit = 1000): Promise<StoreRecord[]> {
  const records: StoreRecord[] = [];
  let after: string | undefined;
  do {
    const page: Page = await store.list({
      kind,
      limit,
      ...(where === undefined ? {} : { where }),
      ...(after === undefined ? {} : { after }),
    });
    assert.ok(page.records.length <= limit);
    records.push(...page.records);
    after = page.next ?? undefined;
  } while (after !== undefined);
  return records;
}

const put = (key: string, value: Extract<Change, { do: "put" }>["value"], more: object = {}): Change => ({
  do: "put",
  kind: "vm",
  key,
  value,
  ...more,
});
const keys = (records: readonly StoreRecord[]) => records.map(({ key }) => key);

export function conformance(name: string, bed: Bed): void {
  describe(`${name}: a store`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await bed.open();
    });
    afterEach(() => bed.end(store));

    it("gives back what was put, with the revision of the transaction", async () => {
      const value = {
        name: "web",
        nested: { list: [1, 2.5, -0.25, null, true, "ü\u0000\ud800 \u{1f600}"] },
        empty: {},
      };
      const revision = await store.transact([put("a", value), put("b", {})]);
      assert.deepEqual(await store.get("vm", "a"), { kind: "vm", key: "a", value, revision });
      assert.deepEqual(await store.get("vm", "b"), { kind: "vm", key: "b", value: {}, revision });
      assert.equal(await store.get("vm", "c"), undefined);
      assert.equal(await store.get("host", "a"), undefined);
      const later = await store.transact([put("a", { name: "db" })]);
      assert.ok(later > revision);
      assert.equal((await store.get("vm", "b"))?.revision, revision);
    });

    it("makes all changes of a transaction, or none when one is not as expected", async () => {
      const first = await store.transact([put("a", { n: 1 }, { expected: 0 })]);
      await refuses(store.transact([put("a", { n: 2 }, { expected: 0 })]), "STORE.CONFLICT", {
        ...{ kind: "vm", key: "a", expected: 0, found: first },
      });
      await refuses(store.transact([put("b", {}), put("a", {}, { expected: first + 100 })]), "STORE.CONFLICT");
      await refuses(
        store.transact([put("b", {}), { do: "delete", kind: "vm", key: "x", expected: 1 }]),
        "STORE.CONFLICT",
        {
          found: 0,
        },
      );
      await refuses(
        store.transact([put("b", {}), { do: "expect", kind: "vm", key: "a", expected: 0 }]),
        "STORE.CONFLICT",
      );
      assert.deepEqual(keys(await allOf(store, "vm")), ["a"]);
      const second = await store.transact([
        put("a", { n: 2 }, { expected: first }),
        { do: "expect", kind: "vm", key: "b", expected: 0 },
      ]);
      await store.transact([{ do: "delete", kind: "vm", key: "a", expected: second }]);
      assert.equal(await store.get("vm", "a"), undefined);
      assert.equal(await store.transact([{ do: "delete", kind: "vm", key: "a" }]), await store.transact([]));
    });

    it("lets one of many win who change a record at once", async () => {
      const first = await store.transact([put("a", { n: 0 })]);
      const attempts = Array.from({ length: 20 }, (_, n) => store.transact([put("a", { n }, { expected: first })]));
      const results = await Promise.allSettled(attempts);
      const won = results.filter((result) => result.status === "fulfilled");
      assert.equal(won.length, 1);
      for (const result of results)
        if (result.status === "rejected") assert.equal(result.reason.code, "STORE.CONFLICT");
      assert.equal((await store.get("vm", "a"))?.revision, won[0]?.value);
    });

    it("makes many blind changes of one record at once, one after the other", async () => {
      const attempts = Array.from({ length: 20 }, (_, n) => store.transact([put("a", { name: `n${n}` })]));
      const revisions = await Promise.all(attempts);
      assert.equal(new Set(revisions).size, 20);
      const last = revisions.indexOf(Math.max(...revisions));
      assert.deepEqual((await store.get("vm", "a"))?.value, { name: `n${last}` });
      const found = await allOf(store, "vm", { index: "name", startsWith: "n" });
      assert.deepEqual(
        found.map(({ value }) => value),
        [{ name: `n${last}` }],
      );
    });

    it("refuses what can't be stored, and says what", async () => {
      for (const key of ["", "a\u0000b", "a\nb", "x".repeat(257), "\ud800"])
        await refuses(store.transact([put(key, {})]), "STORE.BAD_KEY");
      await refuses(store.get("no kind", "a"), "STORE.BAD_KEY");
      await refuses(store.transact([put("a", {}), put("a", {})]), "STORE.BAD_CHANGE");
      await refuses(store.transact([put("a", {}, { expected: -1 })]), "STORE.BAD_CHANGE");
      await refuses(store.transact([put("a", { text: "x".repeat(600_000) })]), "STORE.TOO_LARGE");
      const many = Array.from({ length: 1001 }, (_, n) => put(`k${n}`, {}));
      await refuses(store.transact(many), "STORE.TOO_LARGE");
      await refuses(store.list({ kind: "vm", limit: 0 }), "STORE.BAD_QUERY");
      await refuses(store.list({ kind: "vm", after: "?" }), "STORE.BAD_QUERY");
      await refuses(store.list({ kind: "vm", where: { index: "nothing", equals: 1 } }), "STORE.BAD_QUERY");
      await refuses(store.transact([put("a", {}, { lease: "123" })]), "STORE.LEASE_GONE");
      assert.deepEqual(await allOf(store, "vm"), []);
    });

    it("takes a transaction of as many changes as it says", async () => {
      const many = Array.from({ length: 1000 }, (_, n) => put(`k${n}`, { name: `n${n}`, cpuNum: n % 7 }));
      await store.transact(many);
      assert.equal((await allOf(store, "vm", { index: "cpuNum", equals: 3 }, 50)).length, 143);
      await store.transact(many.map(({ kind, key }) => ({ do: "delete", kind, key })));
      assert.deepEqual(await allOf(store, "vm", { index: "cpuNum" }), []);
    });

    it("lists by key in pages, each record once, in the order of the bytes", async () => {
      const names = ["a", "B", "ä", "\u{1f600}", "\uffff", "a/b", "a0", "vm-1"];
      await store.transact(names.map((key) => put(key, {})));
      await store.transact([{ do: "put", kind: "vm-x", key: "other", value: {} }]);
      const sorted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      for (const limit of [1, 3, names.length, 1000])
        assert.deepEqual(keys(await allOf(store, "vm", undefined, limit)), sorted);
    });

    it("finds by an index what has the value, and nothing else, after every change", async () => {
      const long = "x".repeat(300);
      await store.transact([
        put("a", { name: "web", nics: [{ ip: "10.0.0.1" }, { ip: "10.0.0.2" }], isLocked: true }),
        put("b", { name: "web\u0000", hostUuid: null }),
        put("c", { name: "web2", hostUuid: "h1", nics: [] }),
        put("d", { name: `${long}a` }),
        put("e", { name: `${long}b` }),
        { do: "put", kind: "host", key: "a", value: { name: "web" } },
      ]);
      const by = async (where: IndexQuery) => keys(await allOf(store, "vm", where, 2));
      assert.deepEqual(await by({ index: "name", equals: "web" }), ["a"]);
      assert.deepEqual(await by({ index: "name", equals: "web\u0000" }), ["b"]);
      assert.deepEqual(await by({ index: "name", equals: `${long}b` }), ["e"]);
      assert.deepEqual(await by({ index: "name", equals: long }), []);
      assert.deepEqual(await by({ index: "name", startsWith: "web" }), ["a", "b", "c"]);
      assert.deepEqual(await by({ index: "nics.ip", equals: "10.0.0.2" }), ["a"]);
      assert.deepEqual(await by({ index: "nics.ip" }), ["a", "a"]);
      assert.deepEqual(await by({ index: "hostUuid", equals: null }), ["b"]);
      assert.deepEqual(await by({ index: "isLocked", equals: true }), ["a"]);
      assert.deepEqual(await by({ index: "isLocked", equals: "true" }), []);
      await store.transact([
        put("a", { name: "db", nics: [{ ip: "10.0.0.1" }] }),
        { do: "delete", kind: "vm", key: "b" },
      ]);
      assert.deepEqual(await by({ index: "name", startsWith: "web" }), ["c"]);
      assert.deepEqual(await by({ index: "name", equals: "db" }), ["a"]);
      assert.deepEqual(await by({ index: "nics.ip" }), ["a"]);
      assert.deepEqual(await by({ index: "hostUuid", equals: null }), []);
    });

    it("sorts an index: null, booleans, numbers by size, texts; and gives ranges of it", async () => {
      const sorted = [
        null,
        false,
        true,
        -1e300,
        -256,
        -1.5,
        -1,
        0,
        5e-324,
        1,
        1.5,
        255,
        256,
        1e300,
        "",
        "\u0000",
        "1",
        "a",
        "ä",
      ];
      await store.transact(sorted.map((cpuNum, n) => put(`k${99 - n}`, { cpuNum })));
      const by = async (where: IndexQuery) => (await allOf(store, "vm", where, 4)).map(({ value }) => value["cpuNum"]);
      assert.deepEqual(await by({ index: "cpuNum" }), sorted);
      assert.deepEqual(await by({ index: "cpuNum", from: -1.5, to: 255 }), [-1.5, -1, 0, 5e-324, 1, 1.5]);
      assert.deepEqual(await by({ index: "cpuNum", from: "" }), sorted.slice(14));
      assert.deepEqual(await by({ index: "cpuNum", to: true }), [null, false]);
    });

    it("agrees with a simple model after many random transactions", async () => {
      const random = new Random(4711);
      const model = new Map<string, { value: { name: string; cpuNum: number }; revision: number }>();
      for (let round = 0; round < 150; round++) {
        const chosen = new Set(Array.from({ length: 1 + random.below(4) }, () => `k${random.below(12)}`));
        const changes = [...chosen].map((key): Change => {
          const known = model.get(key)?.revision ?? 0;
          const expected = random.chance(15) ? known + 1 : random.chance(50) ? known : undefined;
          const more = expected === undefined ? {} : { expected };
          if (random.chance(30)) return { do: "delete", kind: "vm", key, ...more };
          return put(key, { name: `n${random.below(4)}`, cpuNum: random.below(3) }, more);
        });
        const isBad = changes.some(
          ({ key, expected }) => expected !== undefined && expected !== (model.get(key)?.revision ?? 0),
        );
        if (isBad) {
          await refuses(store.transact(changes), "STORE.CONFLICT");
          continue;
        }
        const revision = await store.transact(changes);
        for (const change of changes)
          if (change.do === "put") {
            const { name, cpuNum } = change.value;
            assert.ok(typeof name === "string" && typeof cpuNum === "number");
            model.set(change.key, { value: { name, cpuNum }, revision });
          } else model.delete(change.key);
      }
      const expected = [...model]
        .map(([key, rest]) => ({ kind: "vm", key, ...rest }))
        .toSorted((a, b) => (a.key < b.key ? -1 : 1));
      assert.deepEqual(await allOf(store, "vm", undefined, 5), expected);
      for (const name of ["n0", "n1", "n2", "n3"])
        assert.deepEqual(
          await allOf(store, "vm", { index: "name", equals: name }, 2),
          expected.filter(({ value }) => value.name === name),
        );
    });

    it("tells a watch what happened after a revision, one batch for each transaction, then what happens", async () => {
      const start = await store.transact([put("a", { n: 1 })]);
      const second = await store.transact([put("a", { n: 2 }), put("b", { name: "x" })]);
      const third = await store.transact([
        { do: "delete", kind: "vm", key: "a" },
        { do: "put", kind: "host", key: "h", value: {} },
      ]);
      const watching = batchesOf(store.watch({ after: start }), 5);
      const fourth = await store.transact([put("c", {})]);
      assert.deepEqual((await watching).map(sorted), [
        {
          revision: second,
          events: [
            { type: "put", record: { kind: "vm", key: "a", value: { n: 2 }, revision: second } },
            { type: "put", record: { kind: "vm", key: "b", value: { name: "x" }, revision: second } },
          ],
        },
        {
          revision: third,
          events: [
            { type: "put", record: { kind: "host", key: "h", value: {}, revision: third } },
            { type: "delete", kind: "vm", key: "a", revision: third },
          ],
        },
        { revision: fourth, events: [{ type: "put", record: { kind: "vm", key: "c", value: {}, revision: fourth } }] },
      ]);
      const hosts = await batchesOf(store.watch({ after: start, kinds: ["host"] }), 1);
      assert.deepEqual(
        hosts.map(({ revision, events }) => [revision, events.length]),
        [[third, 1]],
      );
    });

    it("a watch from the revision of a list misses nothing", async () => {
      const writing = (async () => {
        for (let n = 0; n < 60; n++) await store.transact([put(`k${n}`, { n })]);
      })();
      const { records, revision } = await store.list({ kind: "vm" });
      const seen = new Set(keys(records));
      const rest = 60 - seen.size;
      if (rest > 0)
        for (const { events } of await batchesOf(store.watch({ after: revision }), rest))
          for (const event of events) if (event.type === "put") seen.add(event.record.key);
      await writing;
      assert.equal(seen.size, 60);
    });

    it("ends a watch without an error when its signal says so, and when the store is closed", async () => {
      const controller = new AbortController();
      const first = batchesOf(store.watch({ after: 0, signal: controller.signal, kinds: ["none"] }), 1);
      const second = batchesOf(store.watch({ after: 0, kinds: ["none"] }), 1);
      await store.transact([put("a", {})]);
      controller.abort();
      assert.deepEqual(await first, []);
      await store.close();
      assert.deepEqual(await second, []);
      await refuses(store.get("vm", "a"), "STORE.CLOSED");
      await refuses(store.transact([put("a", {})]), "STORE.CLOSED");
    });

    it("lets the records of a lease go when it is no longer renewed, indexes and watches included", async () => {
      const lease = await store.grantLease({ ttlMs, keepAlive: false });
      const revision = await store.transact([
        put("a", { name: "leased" }, { lease: lease.id }),
        put("b", { name: "own" }),
      ]);
      assert.ok(lease.validUntil <= performance.now() + lease.ttlMs);
      const [batch] = await batchesOf(store.watch({ after: revision }), 1);
      assert.ok(performance.now() >= lease.validUntil, "it ended before the holder had to expect it");
      assert.deepEqual(batch?.events, [{ type: "delete", kind: "vm", key: "a", revision: batch?.revision }]);
      assert.deepEqual(keys(await allOf(store, "vm", { index: "name" })), ["b"]);
      assert.ok(lease.lost.aborted);
      await refuses(lease.renew(), "STORE.LEASE_GONE");
      await refuses(store.transact([put("a", {}, { lease: lease.id })]), "STORE.LEASE_GONE");
    });

    it("keeps a lease alive by itself until it is released", async () => {
      const lease = await store.grantLease({ ttlMs });
      await store.transact([put("a", { name: "held" }, { lease: lease.id })]);
      const first = lease.validUntil;
      // Another lease of the same length measures the time, and ends.
      const other = await store.grantLease({ ttlMs, keepAlive: false });
      await new Promise((resolve) => other.lost.addEventListener("abort", resolve, { once: true }));
      assert.ok(!lease.lost.aborted);
      assert.ok(lease.validUntil > first);
      assert.equal((await store.get("vm", "a"))?.key, "a");
      await lease.release();
      assert.ok(lease.lost.aborted);
      assert.equal(await store.get("vm", "a"), undefined);
      assert.deepEqual(await allOf(store, "vm", { index: "name" }), []);
      await lease.release();
    });

    it("a record put again without the lease outlives it", async () => {
      const lease = await store.grantLease({ ttlMs, keepAlive: false });
      await store.transact([put("a", { name: "x" }, { lease: lease.id })]);
      await store.transact([put("a", { name: "x" })]);
      await lease.release();
      assert.equal((await store.get("vm", "a"))?.key, "a");
      assert.deepEqual(keys(await allOf(store, "vm", { index: "name" })), ["a"]);
    });
  });
}

/** Inside a transaction the order of the records is not promised. */
function sorted({ revision, events }: WatchBatch): WatchBatch {
  const name = (event: WatchBatch["events"][number]) => (event.type === "put" ? event.record : event);
  const text = (event: WatchBatch["events"][number]) => `${name(event).kind}/${name(event).key}`;
  return { revision, events: events.toSorted((a, b) => (text(a) < text(b) ? -1 : 1)) };
}
