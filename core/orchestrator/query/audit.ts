import type { JsonObject } from "../../store/record.ts";
import { maxPage, type Store } from "../../store/store.ts";
import type { Condition } from "./condition.ts";
import { orderOf, pageOf } from "./order.ts";
import { Pace } from "./pace.ts";
import { refused } from "./refusals.ts";
import type { Query } from "./request.ts";
import { answer, type QueryResult } from "./result.ts";

/*
 * The audit grows without end and stands in the store alone. It is read by the index of its createDate, the newest
 * first, though the store lists an index only upwards: a span of time that is one page is read whole and turned round,
 * a longer one is halved.
 */

/** What the store has to be opened with. */
export const auditIndexes = { AuditRecord: ["createDate"] } as const;

/** Records that one query looks at. */
const mostLooked = 100_000;

/** Milliseconds of the first span that is read, and how much longer the next is after one with less than a page. */
const firstSpanMs = 3_600_000;
const spanGrowth = 4;

type AuditStore = Pick<Store, "list">;
/** Milliseconds since the epoch: from `from` up to, without, `to`. */
type Span = { readonly from: number; readonly to: number };

/**
 * Carries out a query of the audit. Unsorted, the newest calls come first, and reading ends with the page. Conditions
 * on createDate bound what is read.
 *
 * @throws SYS.1036 when too much would have to be read, and what the store throws
 */
export async function queryAudit(store: AuditStore, query: Query): Promise<QueryResult> {
  const end = query.start + query.limit;
  const isEnough = (found: number) => query.sort === undefined && !query.withTotal && found >= end;
  const found: JsonObject[] = [];
  let looked = 0;
  for await (const records of newestFirst(store, spanOf(query.conditions))) {
    looked += records.length;
    found.push(...records.filter((record) => query.conditions.every(({ field, test }) => test(record[field.name]))));
    if (isEnough(found.length)) break;
    if (looked >= mostLooked) throw tooMuch();
  }
  if (query.isCount) return answer(query, [], found.length);
  const page = query.sort === undefined ? found.slice(query.start, end) : await pageOf(found, query, new Pace());
  return answer(query, page, found.length);
}

function tooMuch() {
  return refused(
    "SYS.1036",
    "conditions",
    `More than ${mostLooked} records of the audit would have to be read.`,
    "Bound the time, such as createDate>=2026-01-31 and createDate<2026-02-01; leave sortBy and the count out.",
  );
}

/** What the conditions on createDate leave of time. */
function spanOf(conditions: readonly Condition[]): Span {
  let [from, to] = [0, Number.MAX_SAFE_INTEGER];
  for (const { field, operator, values } of conditions) {
    const [moment] = values;
    if (field.name !== "createDate" || typeof moment !== "number") continue;
    if (operator === ">=" || operator === "=") from = Math.max(from, moment);
    if (operator === ">") from = Math.max(from, moment + 1);
    if (operator === "<") to = Math.min(to, moment);
    if (operator === "<=" || operator === "=") to = Math.min(to, moment + 1);
  }
  return { from, to };
}

/** The records of a span in batches, the newest first, and by their uuids within a millisecond. */
async function* newestFirst(store: AuditStore, { from, to }: Span): AsyncGenerator<JsonObject[]> {
  let upTo = await endOf(store, { from, to });
  let length = firstSpanMs;
  while (upTo > from) {
    const span = { from: Math.max(from, upTo - length), to: upTo };
    let batches = 0;
    for await (const records of within(store, span)) {
      batches++;
      yield records;
    }
    length = batches > 1 ? firstSpanMs : length * spanGrowth;
    upTo = span.from;
  }
}

/** The first moment that no record of the span is as new as. The clock of whoever wrote them may have been wrong. */
async function endOf(store: AuditStore, { from, to }: Span): Promise<number> {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    const { records } = await store.list({ ...entries({ from: middle, to }), limit: 1 });
    if (records.length === 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

async function* within(store: AuditStore, span: Span): AsyncGenerator<JsonObject[]> {
  const page = await store.list({ ...entries(span), limit: maxPage });
  const records = page.records.map(({ value }) => value);
  if (page.next === null) {
    if (records.length > 0) yield records.sort(newest);
    return;
  }
  const middle = span.from + Math.floor((span.to - span.from) / 2);
  if (middle > span.from) {
    yield* within(store, { from: middle, to: span.to });
    yield* within(store, { from: span.from, to: middle });
    return;
  }
  for (let after: string | null = page.next; after !== null; ) {
    const more = await store.list({ ...entries(span), limit: maxPage, after });
    records.push(...more.records.map(({ value }) => value));
    after = more.next;
  }
  yield records.sort(newest);
}

function entries({ from, to }: Span) {
  return { kind: "AuditRecord", where: { index: "createDate", from, to } };
}

const newest = orderOf({ name: "createDate", isDescending: true });
