import assert from "node:assert/strict";
import { test } from "node:test";
import { host } from "../../../../core/model/cloud/host.ts";
import type { ResourceKind } from "../../../../core/model/cloud/resources.ts";
import { vmInstance } from "../../../../core/model/cloud/vm.ts";
import { parseCondition } from "../../../../core/orchestrator/query/condition.ts";
import { type Field, fieldsOf, operatorsOf } from "../../../../core/orchestrator/query/fields.ts";
import { runQuery } from "../../../../core/orchestrator/query/query.ts";
import { relationsOf } from "../../../../core/orchestrator/query/relations.ts";
import { holding } from "../../../../core/orchestrator/query/walk.ts";
import type { Json, JsonObject } from "../../../../core/store/record.ts";
import { Random } from "../../../support/random.ts";
import { samples } from "../../model/cloud/samples.ts";
import { type NaiveCondition, naiveHolds } from "./naive.ts";
import { type Cloud, ipOf, largeCloud, mirrorOf, randomCloud } from "./support.ts";

const noStore = {
  list: () => {
    throw new Error("Only the audit is read from the store.");
  },
};

const patterns = ["%", "web%", "%1", "%e%-%", "web__", "_b\\_1", "WEB-1", "%b%1%", "a\\%b", "%ö", "____", ""];

function randomCondition(random: Random, cloud: Cloud, kind: ResourceKind): NaiveCondition {
  const path: string[] = [];
  let at = kind;
  while (path.length < 4 && random.chance(45)) {
    const relations = [...relationsOf(at).values()];
    if (relations.length === 0) break;
    const relation = random.pick(relations);
    path.push(relation.name);
    at = relation.kind;
  }
  const names = [...fieldsOf(at).keys()].filter((name) => random.chance(30) || /(^u|U)uids?$|^ip$|^name$/.test(name));
  const field = fieldsOf(at).get(random.pick([...names, "uuid"]));
  assert.ok(field);
  const operator = random.chance(40) ? "=" : random.pick(operatorsOf(field));
  const isEquality = operator === "=" || operator === "!=";
  if (isEquality && field.isNullable && random.chance(15)) return { path, field: field.name, operator, values: [null] };
  if (operator.includes("~")) return { path, field: field.name, operator, values: [random.pick(patterns)] };
  const seen = (cloud.get(at) ?? []).flatMap((record): readonly Json[] => [record[field.name] ?? null].flat());
  const values = Array.from({ length: operator.includes("?") ? 1 + random.below(3) : 1 }, () => {
    const value = seen.length > 0 ? random.pick(seen) : null;
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : one(field);
  });
  // An empty text can't stand in a list, nor the text null after `=`.
  const given = values.map((value) => (value === "" || value === "null" ? "web-1" : value));
  return { path, field: field.name, operator, values: given };
}

function one({ type, choices }: Field): string | number | boolean {
  if (type === "text") return "web-1";
  if (type === "boolean") return true;
  return type === "choice" ? (choices[0] ?? "") : Number(choices[0] ?? 1024);
}

function textOf({ path, field, operator, values }: NaiveCondition): string {
  return `${[...path, field].join(".")}${operator}${values.map(String).join(",")}`;
}

function rank(value: Json | undefined): [number, number | string] {
  if (value === null || value === undefined) return [0, 0];
  return [1, typeof value === "string" || typeof value === "number" ? value : Number(value)];
}

function naiveOrder(name: string, sign: number) {
  return (a: JsonObject, b: JsonObject): number => {
    const [[aHas, one], [bHas, other]] = [rank(a[name]), rank(b[name])];
    if (aHas !== bHas) return sign * (aHas - bHas);
    if (one !== other) return one < other ? -sign : sign;
    return String(a["uuid"]) < String(b["uuid"]) ? -1 : 1;
  };
}

test("a planned query finds, in order, what looking at every record finds", async () => {
  const seeds = Array.from({ length: 12 }, (_, i) => 1000 + i);
  let [found, empty] = [0, 0];
  for (const seed of seeds) {
    const random = new Random(seed);
    // A few records are looked at without any plan, so most clouds have more.
    const stored = randomCloud(random, random.chance(80) ? 200 : 12);
    const mirror = await mirrorOf(stored);
    // With the figures that the mirror adds up.
    const mirrored = (kind: ResourceKind, record: JsonObject): JsonObject =>
      mirror.get(kind, String(record["uuid"]))?.value ?? record;
    const cloud: typeof stored = new Map(
      [...stored].map(([kind, records]) => [kind, records.map((record) => mirrored(kind, record))]),
    );
    for (let i = 0; i < 150; i++) {
      const kind = random.pick([...cloud.keys()]);
      const conditions = Array.from({ length: random.below(4) }, () => randomCondition(random, cloud, kind));
      const sortable = [...fieldsOf(kind).values()].filter(({ isList }) => !isList);
      const sort = random.chance(50) ? random.pick(sortable).name : undefined;
      const sign = sort !== undefined && random.chance(50) ? -1 : 1;
      const [start, limit] = [random.below(6), 1 + random.below(8)];
      const sortBy = sort === undefined ? {} : { sortBy: `${sign < 0 ? "-" : random.pick(["+", ""])}${sort}` };
      const request = { conditions: conditions.map(textOf), start, limit, replyWithCount: true, ...sortBy };
      const all = (cloud.get(kind) ?? [])
        .filter((record) => conditions.every((condition) => naiveHolds(cloud, kind, record, condition)))
        .sort(naiveOrder(sort ?? "createDate", sign));
      const result = await runQuery({ mirror, store: noStore }, kind, request);
      const said = `seed ${seed}, query ${i}: ${kind} ${JSON.stringify(request)}`;
      assert.deepEqual(result, { inventories: all.slice(start, start + limit), total: all.length }, said);
      if (all.length > 0) found++;
      else empty++;
    }
    await mirror.close();
  }
  // Queries that find nothing would prove little.
  assert.ok(found > 700 && empty > 100, `${found} found something, ${empty} nothing`);
});

test("pages put together are the whole, each record once, wherever they are cut", async () => {
  const random = new Random(7);
  const cloud = new Map([["VmNic", randomCloud(random, 400).get("VmNic") ?? []]] as const);
  const mirror = await mirrorOf(cloud);
  const sources = { mirror, store: noStore };
  for (const sortBy of [undefined, "deviceId", "-name"]) {
    const order = sortBy === undefined ? {} : { sortBy };
    const whole = await runQuery(sources, "VmNic", { limit: 1000, ...order });
    const pages: JsonObject[] = [];
    for (let start = 0; start < whole.inventories.length; start += 7)
      pages.push(...(await runQuery(sources, "VmNic", { start, limit: 7, ...order })).inventories);
    assert.deepEqual(pages, whole.inventories);
    assert.equal(new Set(pages.map(({ uuid }) => uuid)).size, cloud.get("VmNic")?.length);
  }
  await mirror.close();
});

test("a count gives no records, a page its fields only, and a total when it is asked for", async () => {
  const cloud = randomCloud(new Random(3), 9);
  const mirror = await mirrorOf(cloud);
  const sources = { mirror, store: noStore };
  const total = cloud.get("Host")?.length ?? 0;
  assert.ok(total > 1);
  assert.deepEqual(await runQuery(sources, "Host", { count: true, limit: 1 }), { inventories: [], total });
  const page = await runQuery(sources, "Host", { fields: ["state", "uuid", "state"], limit: 1 });
  assert.deepEqual(Object.keys(page), ["inventories"]);
  assert.deepEqual(page.inventories.map(Object.keys), [["state", "uuid"]]);
  await mirror.close();
});

test("a plan that leads to most of the records is given up, and all are found", async () => {
  const machines = 25_000;
  const mirror = await mirrorOf(largeCloud(machines));
  const totalOf = async (kind: ResourceKind, ...conditions: string[]) =>
    (await runQuery({ mirror, store: noStore }, kind, { conditions, count: true })).total;
  assert.equal(await totalOf("VmInstance", "host.cluster.zone.name=zone-0"), machines);
  assert.equal(await totalOf("VmInstance", "vmNics.ip~=10.%", "host.name=kvm-7"), 100);
  assert.equal(await totalOf("Host", "vmInstance.vmNics.ip~=10.%"), machines / 100);
  assert.equal(await totalOf("Host", `vmInstance.vmNics.ip=${ipOf(777)}`), 1);
  await mirror.close();
});

test("a path that goes forth and back looks at each related record once", async () => {
  const sample = vmInstance.parse(samples.VmInstance);
  const machines = Array.from({ length: 300 }, (_, i) => ({ ...sample, hostUuid: "h", uuid: `m${i}`, name: "m" }));
  const mirror = await mirrorOf(
    new Map<ResourceKind, readonly JsonObject[]>([
      ["Host", [{ ...host.parse(samples.Host), uuid: "h", clusterUuid: "c", tags: [] }]],
      ["VmInstance", machines],
    ]),
  );
  const condition = parseCondition("VmInstance", "host.vmInstance.host.vmInstance.name~=%x", "conditions.0");
  let looks = 0;
  const counted = (value: Json | undefined) => {
    looks++;
    return condition.test(value);
  };
  const holds = holding(mirror, { ...condition, test: counted });
  assert.deepEqual(
    machines.filter((machine) => holds(machine)),
    [],
  );
  assert.equal(looks, machines.length);
  await mirror.close();
});
