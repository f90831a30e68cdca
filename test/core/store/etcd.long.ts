import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Secret } from "../../../core/model/secret.ts";
import { EtcdStore, type EtcdStoreOptions } from "../../../core/store/etcd.ts";
import type { Change, WatchBatch } from "../../../core/store/store.ts";
import { skipFor, whyNot } from "../../support/bed-needs.ts";
import { allOf, batchesOf, conformance, indexes, refuses } from "./conformance.ts";
import { EtcdCluster } from "./etcd-cluster.ts";

/* The store on a real etcd of three members, which die, stand still, forget, and mistrust. */

const why = await whyNot([]);
const put = (key: string, value: Extract<Change, { do: "put" }>["value"] = {}): Change => ({
  do: "put",
  kind: "vm",
  key,
  value,
});
const keysOf = (batches: readonly WatchBatch[]) =>
  batches.flatMap(({ events }) => events.map((event) => (event.type === "put" ? event.record.key : event.key)));

/** How long it took, in milliseconds. */
async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

describe("a store on etcd", { skip: skipFor(why) }, () => {
  let cluster: EtcdCluster;
  const opened: EtcdStore[] = [];
  let prefixes = 0;
  before(async () => {
    assert.equal(why, undefined);
    cluster = await EtcdCluster.start();
  });
  after(() => cluster?.stop());
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });

  const open = async (more: Partial<EtcdStoreOptions> = {}) => {
    const store = await EtcdStore.open({
      endpoints: cluster.endpoints,
      indexes,
      prefix: `/test${prefixes++}/`,
      attemptMs: 2000,
      timeoutMs: 6000,
      ...more,
    });
    opened.push(store);
    return store;
  };

  conformance("etcd", { open: () => open(), end: (store) => store.close() });

  it("builds an index that is new when it is opened, and drops one that is gone", async () => {
    const prefix = "/indexed/";
    const first = await open({ prefix, indexes: { vm: ["name"] } });
    await first.transact(Array.from({ length: 120 }, (_, n) => put(`k${n}`, { name: `n${n}`, zone: `z${n % 2}` })));
    const second = await open({ prefix, indexes: { vm: ["zone"] } });
    assert.equal((await allOf(second, "vm", { index: "zone", equals: "z1" }, 50)).length, 60);
    await second.transact([put("k0", { name: "changed", zone: "z1" })]);
    const third = await open({ prefix, indexes: { vm: ["name"] } });
    assert.deepEqual(await allOf(third, "vm", { index: "name", equals: "n0" }), []);
    assert.equal((await allOf(third, "vm", { index: "name", equals: "changed" })).length, 1);
  });

  it("writes together what comes together; one that conflicts fails alone, and order is kept", async () => {
    const store = await open();
    const note = (key: string, n: number, expected?: number): Change => ({
      do: "put",
      kind: "note",
      key,
      value: { n },
      ...(expected === undefined ? {} : { expected }),
    });
    const held = await store.transact([note("held", 0, 0)]);
    const all = Array.from({ length: 300 }, (_, n) => store.transact([note(`k${n}`, n, 0), note("held", n, held)]));
    const outcomes = await Promise.allSettled(all);
    const made = outcomes.flatMap((outcome, n) => (outcome.status === "fulfilled" ? [n] : []));
    assert.equal(made.length, 1, "one of those that change the same record as it was");
    for (const outcome of outcomes)
      if (outcome.status === "rejected") assert.equal(outcome.reason.code, "STORE.CONFLICT");
    assert.deepEqual((await allOf(store, "note")).map(({ key }) => key).sort(), ["held", `k${made[0]}`].sort());
    const apart = Array.from({ length: 300 }, (_, n) => store.transact([note(`a${n}`, n, n === 150 ? 7 : 0)]));
    const ended = await Promise.allSettled(apart);
    assert.deepEqual(
      ended.flatMap(({ status }, n) => (status === "rejected" ? [n] : [])),
      [150],
    );
    const revisions = ended.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    assert.ok(new Set(revisions).size < 200, "most went with others");
    for (const [n, outcome] of ended.entries())
      if (outcome.status === "fulfilled") assert.equal((await store.get("note", `a${n}`))?.revision, outcome.value);
    // Without an expected revision the later one holds.
    await Promise.all(Array.from({ length: 50 }, (_, n) => store.transact([note("last", n)])));
    assert.deepEqual((await store.get("note", "last"))?.value, { n: 49 });
  });

  it("a record that keeps what it is found by goes together with others, and is found as before, once", async () => {
    const store = await open({ indexes: { vm: ["name"] } });
    const vm = (n: number, state: string): Change => ({
      ...{ do: "put", kind: "vm", key: `vm${n}`, keepsIndexed: true },
      value: { name: `n${n}`, state },
    });
    await store.transact(Array.from({ length: 300 }, (_, n) => vm(n, "old")));
    const revisions = await Promise.all(Array.from({ length: 300 }, (_, n) => store.transact([vm(n, "new")])));
    assert.ok(new Set(revisions).size < 100, "most went with others");
    for (const n of [0, 150, 299]) {
      const found = await allOf(store, "vm", { index: "name", equals: `n${n}` });
      assert.deepEqual(
        found.map(({ value }) => value),
        [{ name: `n${n}`, state: "new" }],
      );
    }
    await store.transact([put("vm0", { name: "other", state: "new" })]);
    assert.deepEqual(await allOf(store, "vm", { index: "name", equals: "n0" }), []);
  });

  it("refuses what a newer version wrote", async () => {
    cluster.ctl(["put", "/newer/m/schema", "2"]);
    await refuses(open({ prefix: "/newer/" }), "STORE.NEWER_SCHEMA", { version: 2, newest: 1 });
  });

  it("lists and watches more than fits into one message of gRPC", async () => {
    const store = await open();
    const text = "x".repeat(400_000);
    for (let n = 0; n < 16; n++) await store.transact([put(`k${10 + n}`, { name: "large", text })]);
    const page = await store.list({ kind: "vm" });
    assert.equal(page.records.length, 16);
    assert.equal((await allOf(store, "vm")).length, 16);
    assert.equal((await allOf(store, "vm", { index: "name", equals: "large" })).length, 16);
    const start = page.revision - 16;
    assert.equal(keysOf(await batchesOf(store.watch({ after: start }), 16)).length, 16);
  });

  it("says so when a watch asks for revisions that were compacted", async () => {
    const store = await open();
    const first = await store.transact([put("a")]);
    await store.transact([put("a", { n: 1 })]);
    const last = await store.transact([put("a", { n: 2 })]);
    cluster.ctl(["compaction", String(last)]);
    await refuses(batchesOf(store.watch({ after: first }), 1), "STORE.COMPACTED", { after: first, oldest: last });
    assert.equal((await batchesOf(store.watch({ after: last - 1 }), 1))[0]?.revision, last);
  });

  for (const [what, lose, regain] of [
    ["is killed and started again", (i: number) => cluster.kill(i), (i: number) => cluster.run(i)],
    ["stands still for a while", (i: number) => cluster.freeze(i), (i: number) => cluster.thaw(i)],
  ] as const)
    it(`goes on while each member in turn ${what}; a watch tells every change once`, { timeout: 180_000 }, async () => {
      const store = await open();
      const { revision } = await store.list({ kind: "vm" });
      const expected: string[] = [];
      const told: string[] = [];
      const watch = store.watch({ after: revision });
      const allTold = async () => {
        while (told.length < expected.length) {
          const { value } = await watch.next();
          assert.ok(value !== undefined);
          told.push(...keysOf([value]));
        }
        assert.deepEqual(told, expected);
      };
      const write = async () => {
        const key = `k${expected.length}`;
        expected.push(key);
        // Whoever is not told whether it was made looks, and repeats it.
        await store.transact([{ ...put(key), expected: 0 }]).catch(async (error: { code: string }) => {
          assert.equal(error.code, "STORE.UNCERTAIN");
          if ((await store.get("vm", key)) === undefined) await store.transact([{ ...put(key), expected: 0 }]);
        });
      };
      for (const i of [0, 1, 2]) {
        for (let n = 0; n < 2; n++) await write();
        await lose(i);
        for (let n = 0; n < 3; n++) assert.ok((await timed(write)) < 15_000);
        // While the member is still away: whoever watches through it must find another one.
        await allTold();
        regain(i);
        await cluster.healthy();
        await write();
      }
      await allTold();
      await watch.return();
    });

  it("ends every call in bounded time without a quorum, and goes on when there is one again", {
    timeout: 400_000,
  }, async () => {
    const store = await open();
    await store.transact([put("a", { name: "before" })]);
    const { revision } = await store.list({ kind: "vm" });
    const watching = batchesOf(store.watch({ after: revision }), 1);
    const lease = await store.grantLease({ ttlMs: 4000 });
    await Promise.all([cluster.kill(1), cluster.kill(2)]);
    // Six seconds each, on a machine that has nothing else to do.
    const bound = 45_000;
    assert.ok((await timed(() => refuses(store.get("vm", "a"), "STORE.UNREACHABLE"))) < bound);
    assert.ok((await timed(() => refuses(store.list({ kind: "vm" }), "STORE.UNREACHABLE"))) < bound);
    assert.ok((await timed(() => refuses(store.transact([put("b")]), "STORE.UNREACHABLE"))) < bound);
    assert.ok((await timed(() => refuses(store.grantLease({ ttlMs: 2000 }), "STORE.UNREACHABLE"))) < bound);
    assert.ok((await timed(() => refuses(open(), "STORE.UNREACHABLE"))) < bound);
    assert.ok(lease.lost.aborted, "a lease that can't be renewed is lost in its holder's eyes");
    cluster.run(1);
    cluster.run(2);
    await cluster.healthy();
    await store.transact([put("after")]);
    assert.deepEqual(keysOf(await watching), ["after"]);
    assert.deepEqual((await store.get("vm", "a"))?.value, { name: "before" });
    assert.equal(await store.get("vm", "b"), undefined);
  });

  it("is refused at once when nobody listens, and lets go of a call to somebody who never answers", async () => {
    assert.ok(
      (await timed(() => refuses(open({ endpoints: ["http://127.0.0.1:9"], timeoutMs: 500 }), "STORE.UNREACHABLE"))) <
        20_000,
    );
    const store = await open();
    for (const i of [0, 1, 2]) cluster.freeze(i);
    try {
      assert.ok((await timed(() => refuses(store.get("vm", "a"), "STORE.UNREACHABLE"))) < 45_000);
      assert.ok((await timed(() => refuses(store.transact([put("a")]), "STORE.UNREACHABLE"))) < 45_000);
    } finally {
      for (const i of [0, 1, 2]) cluster.thaw(i);
      await cluster.healthy();
    }
  });
});

describe("a store on etcd with TLS and users", { skip: skipFor(why) }, () => {
  let cluster: EtcdCluster;
  const password = new Secret("plAnted-etcd");
  const rootUser = ["--user", "root:plAnted-root"];
  const opened: EtcdStore[] = [];
  before(async () => {
    assert.equal(why, undefined);
    cluster = await EtcdCluster.start({ tls: true, more: ["--auth-token-ttl", "2"] });
    cluster.ctl(["user", "add", "root:plAnted-root"]);
    cluster.ctl(["user", "grant-role", "root", "root"]);
    cluster.ctl(["user", "add", "manager:plAnted-etcd"]);
    cluster.ctl(["role", "add", "manager"]);
    cluster.ctl(["role", "grant-permission", "manager", "readwrite", "/binnacle/", "--prefix"]);
    cluster.ctl(["user", "grant-role", "manager", "manager"]);
    cluster.ctl(["auth", "enable"]);
  });
  after(() => cluster?.stop());
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
  });

  const open = async (more: Partial<EtcdStoreOptions> = {}) => {
    const { endpoints, tls } = cluster;
    const user = { name: "manager", password };
    const store = await EtcdStore.open({ endpoints, tls, user, indexes, attemptMs: 2000, timeoutMs: 6000, ...more });
    opened.push(store);
    return store;
  };

  it("renews a token that has run out, and a watch goes on", async () => {
    const store = await open();
    const revision = await store.transact([put("a", { name: "x" })]);
    const watching = batchesOf(store.watch({ after: revision }), 1);
    // Twice as long as a token lives; nothing tells that it has ended.
    await pause(4000);
    assert.equal((await store.get("vm", "a"))?.revision, revision);
    await pause(4000);
    await store.transact([put("b")]);
    assert.deepEqual(keysOf(await watching), ["b"]);
  });

  it("renews a token that all members have forgotten, and a watch goes on", { timeout: 120_000 }, async () => {
    const store = await open();
    const revision = await store.transact([put("a", { name: "y" })]);
    const watching = batchesOf(store.watch({ after: revision }), 1);
    await Promise.all([0, 1, 2].map((i) => cluster.kill(i)));
    for (const i of [0, 1, 2]) cluster.run(i);
    await cluster.healthy(rootUser);
    await store.transact([put("c")]);
    assert.deepEqual(keysOf(await watching), ["c"]);
  });

  it("says no to a wrong password, to nobody, and to what the user may not do; never with the password", async () => {
    const wrong = await refuses(
      open({ user: { name: "manager", password: new Secret("plAnted-wrong") } }),
      "STORE.DENIED",
    );
    assert.doesNotMatch(JSON.stringify([wrong.message, wrong.values, String(wrong.cause)]), /plAnted/);
    await refuses(open({ prefix: "/elsewhere/" }), "STORE.DENIED");
    const { endpoints, tls } = cluster;
    await refuses(EtcdStore.open({ endpoints, tls, indexes }), "STORE.DENIED");
    const named = await refuses(open({ tls: cluster.named }), "STORE.BAD_CERTIFICATE");
    assert.match(named.remedy ?? "", /common name/);
  });

  it("talks to nobody whose certificate it can't check", async () => {
    await refuses(open({ tls: {}, timeoutMs: 1000 }), "STORE.UNREACHABLE");
    const { ca = "" } = cluster.tls;
    await refuses(open({ tls: { ca }, timeoutMs: 1000 }), "STORE.UNREACHABLE");
  });
});
