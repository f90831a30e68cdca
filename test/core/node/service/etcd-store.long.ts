import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, it } from "node:test";
import { unpackBackup } from "../../../../core/backup/read.ts";
import { type ManagerConfiguration, parseManagerConfiguration } from "../../../../core/model/manager-configuration.ts";
import { realMachine } from "../../../../core/node/machine.ts";
import { etcdStore } from "../../../../core/node/service/etcd-store.ts";
import { EtcdStore } from "../../../../core/store/etcd.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { EtcdCluster } from "../../store/etcd-cluster.ts";

/* The store in a real etcd is counted, put aside and emptied; what other programs keep there stays. */

const never = new AbortController().signal;
let cluster: EtcdCluster;
let folder: ReturnType<typeof temporaryFolder>;
let kept = "";
const paths = () => ({ configuration: join(folder.path, "manager.conf"), keptStores: kept });
let configuration: ManagerConfiguration;

/** Other clocks, so that what waits for the end of a lease does so at once. */
function store(stepMs = 0) {
  const machine = realMachine();
  let ms = 0;
  const monotonicMs = () => {
    ms += stepMs;
    return ms;
  };
  return etcdStore(stepMs === 0 ? machine : { ...machine, monotonicMs }, configuration, paths());
}

async function fill(count: number): Promise<void> {
  const opened = await EtcdStore.open({ endpoints: cluster.endpoints, indexes: { Host: ["name"] } });
  const put = (kind: string, i: number) =>
    ({ do: "put", kind, key: `k${i}`, value: { name: `n${i}`, text: "x".repeat(200) } }) as const;
  for (let from = 0; from < count; from += 100)
    await opened.transact(Array.from({ length: 100 }, (_, i) => put(from === 0 ? "Host" : "Volume", from + i)));
  await opened.close();
}

before(async () => {
  cluster = await EtcdCluster.start();
  folder = temporaryFolder();
  const lines = ["store.type=etcd", `store.etcd.endpoints=${cluster.endpoints.join(",")}`];
  configuration = parseManagerConfiguration(lines.join("\n"));
});
after(async () => {
  await cluster?.stop();
  folder?.dispose();
});
let nth = 0;
beforeEach(() => {
  cluster.ctl(["del", "--prefix", "/binnacle/"]);
  nth += 1;
  mkdirSync(join(folder.path, String(nth)));
  kept = join(folder.path, String(nth), "kept");
});

it("an etcd without our records is no store", async () => {
  assert.deepEqual(await store().look(never), { state: "none" });
  assert.equal(await store().empty(false, never), null);
});

it("a store of many pages is put aside whole, and only what is ours is removed", async () => {
  cluster.ctl(["put", "/other/program", "stays"]);
  cluster.ctl(["put", "/binnacle0", "stays"]);
  await fill(1_300);
  const look = await store().look(never);
  assert.ok(look.state === "readable" && look.records === 1_300 && look.hosts === 100 && look.machines === 0);
  const file = await store().empty(false, never);
  assert.ok(file?.startsWith(`${kept}/`));
  const unpacked = join(folder.path, `unpacked-${nth}`);
  mkdirSync(unpacked);
  const { manifest } = await unpackBackup(file ?? "", unpacked);
  assert.deepEqual(manifest.store.records, { Host: 100, Volume: 1_200 });
  assert.equal(cluster.ctl(["get", "--prefix", "/binnacle/", "--keys-only"]).trim(), "");
  assert.match(cluster.ctl(["get", "/other/program"]), /stays/);
  assert.match(cluster.ctl(["get", "/binnacle0"]), /stays/);
  await fill(100);
  assert.equal((await store().look(never)).state, "readable");
});

it("a store that this version can't read is put aside as it is", async () => {
  await fill(100);
  cluster.ctl(["put", "/binnacle/m/schema", "99"]);
  const file = await store().empty(false, never);
  assert.match(file ?? "", /\/etcd\.jsonl$/);
  const lines = readFileSync(file ?? "", "utf8")
    .trimEnd()
    .split("\n");
  const names = lines.map((line) => Buffer.from(String(JSON.parse(line).key), "base64").toString("latin1"));
  assert.equal(new Set(names).size, names.length);
  assert.equal(names.filter((name) => name.startsWith("/binnacle/r/")).length, 100);
  assert.equal(cluster.ctl(["get", "--prefix", "/binnacle/", "--keys-only"]).trim(), "");
});

it("a store whose backup can't be written stays as it is", async () => {
  await fill(100);
  writeFileSync(kept, "in the way");
  await assert.rejects(store().empty(true, never), { code: "SERVICE.NOT_KEPT" });
  assert.equal(readFileSync(kept, "utf8"), "in the way");
  assert.equal((await store().look(never)).state, "readable");
});

it("a store that a manager is in is never emptied; one whose manager has gone is", async () => {
  await fill(100);
  cluster.ctl(["put", "/binnacle/r/ManagementNode/m1", JSON.stringify({ uuid: "m1", hostname: "mgmt02" })]);
  await assert.rejects(store(20_000).empty(true, never), { code: "SERVICE.STORE_IN_USE", message: /mgmt02/ });
  assert.ok(!existsSync(kept));
  assert.equal((await store().look(never)).state, "readable");
  const emptying = store().empty(false, never);
  cluster.ctl(["del", "/binnacle/r/ManagementNode/m1"]);
  assert.notEqual(await emptying, null);
});

it("a store whose etcd does not answer can't be read, and stays", async () => {
  await fill(100);
  await cluster.kill(0);
  await cluster.kill(1);
  try {
    const look = await store().look(never);
    assert.ok(look.state === "unreadable");
    await assert.rejects(store().empty(true, never), { code: "STORE.UNREACHABLE" });
  } finally {
    cluster.run(0);
    cluster.run(1);
    await cluster.healthy();
  }
  const look = await store().look(never);
  assert.ok(look.state === "readable" && look.records === 100);
});
