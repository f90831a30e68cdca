import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { auditIndexes } from "../../../../core/orchestrator/query/audit.ts";
import { runQuery } from "../../../../core/orchestrator/query/query.ts";
import type { QueryRequest } from "../../../../core/orchestrator/query/request.ts";
import type { JsonObject } from "../../../../core/store/record.ts";
import { SqliteStore } from "../../../../core/store/sqlite.ts";
import type { ListQuery } from "../../../../core/store/store.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { Random } from "../../../support/random.ts";
import { undoAfter } from "../../../support/undo.ts";
import { samples, uuidOf } from "../../model/cloud/samples.ts";
import { mirrorOf } from "./support.ts";

const day = 86_400_000;
const first = Date.parse("2025-01-01");

/** A busy second with more than a page in one millisecond, an idle year, then calls every few minutes. */
function calls(random: Random): JsonObject[] {
  const moments = [
    ...Array.from({ length: 1500 }, () => first),
    ...Array.from({ length: 2500 }, () => first + random.below(1000)),
    ...Array.from({ length: 800 }, () => first + 365 * day + random.below(2 * day)),
  ];
  return moments.map((createDate, i) => ({
    ...(samples.AuditRecord as JsonObject),
    uuid: uuidOf(random.below(2 ** 30) * 10_000 + i),
    createDate,
    call: random.pick(["StartVmInstance", "StopVmInstance", "AddHost"]),
    succeeded: random.chance(80),
  }));
}

async function audit(t: TestContext, records: readonly JsonObject[]) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const store = await SqliteStore.open({ file: join(folder.path, "store.db"), indexes: auditIndexes });
  undoAfter(t, () => store.close());
  for (let i = 0; i < records.length; i += 500)
    await store.transact(
      records.slice(i, i + 500).map((value) => ({ do: "put", kind: "AuditRecord", key: String(value["uuid"]), value })),
    );
  const mirror = await mirrorOf(new Map());
  undoAfter(t, () => mirror.close());
  let pages = 0;
  const list = (query: ListQuery) => {
    pages++;
    return store.list(query);
  };
  return {
    query: (request: QueryRequest) => runQuery({ mirror, store: { list } }, "AuditRecord", request),
    pagesOf: async (request: QueryRequest) => {
      pages = 0;
      await runQuery({ mirror, store: { list } }, "AuditRecord", request);
      return pages;
    },
  };
}

function byAge(a: JsonObject, b: JsonObject): number {
  return Number(b["createDate"]) - Number(a["createDate"]) || (String(a["uuid"]) < String(b["uuid"]) ? -1 : 1);
}

test("the audit tells the newest calls first, over an idle year and a crowded millisecond", async (t) => {
  const records = calls(new Random(21));
  const { query, pagesOf } = await audit(t, records);
  const all = records.toSorted(byAge);
  for (const start of [0, 780, 1000, 3900, 4750])
    assert.deepEqual(await query({ start, limit: 100 }), { inventories: all.slice(start, start + 100) });
  assert.equal((await query({ count: true })).total, records.length);

  const failed = all.filter(({ succeeded, call }) => succeeded === false && call === "AddHost");
  const request = { conditions: ["succeeded=false", "call~=add%"], limit: 1000, replyWithCount: true };
  assert.deepEqual(await query(request), { inventories: failed, total: failed.length });

  const sorted = await query({ sortBy: "createDate", limit: 1000, start: 1000 });
  const upwards = records.toSorted((a, b) => -byAge(a, b)).map(({ createDate }) => createDate);
  assert.deepEqual(
    sorted.inventories.map(({ createDate }) => createDate),
    upwards.slice(1000, 2000),
  );
  // Finding the newest moment takes about fifty looks; the year without calls must not take one for each hour.
  assert.ok((await pagesOf({ limit: 10 })) < 70);
  assert.ok((await pagesOf({ start: 795, limit: 10 })) < 150);
});

test("conditions on the time bound what is read of the audit", async (t) => {
  const records = calls(new Random(22));
  const { query } = await audit(t, records);
  const expected = (holds: (at: number) => boolean) => records.filter(({ createDate }) => holds(Number(createDate)));
  const cases: [conditions: string[], holds: (at: number) => boolean][] = [
    [["createDate>=2026-01-01", "createDate<2026-01-02"], (at) => at >= first + 365 * day && at < first + 366 * day],
    [[`createDate=${first}`], (at) => at === first],
    [[`createDate>${first}`, `createDate<=${first + 500}`], (at) => at > first && at <= first + 500],
    [[`createDate!=${first}`], (at) => at !== first],
    [["createDate>2026-01-02", "createDate<2026-01-01"], () => false],
  ];
  for (const [conditions, holds] of cases) {
    const { total } = await query({ conditions, count: true });
    assert.equal(total, expected(holds).length, conditions.join(" "));
  }
});

test("a query that would read the whole of a huge audit is refused, and told what bounds it", async (t) => {
  const { mirror, store } = { mirror: await mirrorOf(new Map()), store: endlessStore };
  undoAfter(t, () => mirror.close());
  const query = (request: QueryRequest) => runQuery({ mirror, store }, "AuditRecord", request);
  await assert.rejects(query({ conditions: ["call=NoSuchCall"] }), { code: "SYS.1036" });
  assert.equal((await query({ limit: 7 })).inventories.length, 7);
  const bounded = { conditions: ["createDate>=1000000", "createDate<1050000"], count: true };
  assert.equal((await query(bounded)).total, 50_000);
});

/** One call in each of the first two million milliseconds. */
const endlessStore = {
  async list({ where, limit = 1000 }: ListQuery) {
    assert.ok(where !== undefined && "from" in where);
    const end = Math.min(Number(where.to), 2_000_000);
    const from = Number(where.from);
    const until = Math.min(end, from + limit);
    const records = Array.from({ length: Math.max(0, until - from) }, (_, i) => ({
      kind: "AuditRecord",
      key: uuidOf(from + i),
      value: { uuid: uuidOf(from + i), createDate: from + i, call: "Login" },
      revision: 1,
    }));
    return { records, revision: 1, next: until < end ? "more" : null };
  },
};
