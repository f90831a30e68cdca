import type { ResourceKind } from "../../model/cloud/resources.ts";
import type { JsonObject } from "../../store/record.ts";
import type { Store } from "../../store/store.ts";
import { queryAudit } from "./audit.ts";
import { candidates } from "./candidates.ts";
import { pageOf } from "./order.ts";
import { Pace } from "./pace.ts";
import { parseQuery, type Query, type QueryRequest } from "./request.ts";
import { answer, type QueryResult } from "./result.ts";
import { holding, type QuerySource } from "./walk.ts";

export type QuerySources = { mirror: QuerySource; store: Pick<Store, "list"> };

/**
 * Carries out a query of a kind. When all records are looked at, they are those of one moment; what an index finds, and
 * what records are related to, is taken as it is when its turn comes, in a large cloud some hundred milliseconds later.
 *
 * @throws SYS.1030 to SYS.1035 for what is wrong in the request, SYS.1036 for the audit, and what the store throws
 */
export async function runQuery(
  { mirror, store }: QuerySources,
  kind: ResourceKind,
  request: QueryRequest,
): Promise<QueryResult> {
  const query = parseQuery(kind, request);
  return kind === "AuditRecord" ? queryAudit(store, query) : queryMirror(mirror, query);
}

async function queryMirror(mirror: QuerySource, query: Query): Promise<QueryResult> {
  const pace = new Pace();
  const found = await filter(mirror, query, pace);
  return answer(query, query.isCount ? [] : await pageOf(found, query, pace), found.length);
}

async function filter(mirror: QuerySource, { kind, conditions }: Query, pace: Pace): Promise<JsonObject[]> {
  // A condition on the record itself costs less than one on others.
  const tests = conditions.toSorted((a, b) => a.path.length - b.path.length).map((each) => holding(mirror, each));
  const found: JsonObject[] = [];
  let looked = 0;
  for (const record of await candidates(mirror, kind, conditions, pace)) {
    if (tests.every((holds) => holds(record))) found.push(record);
    // The clock costs as much as looking at a record.
    if (++looked % 16 === 0 && pace.isOver()) await pace.rest();
  }
  return found;
}
