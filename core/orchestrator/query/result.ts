import type { JsonObject } from "../../store/record.ts";
import type { Query } from "./request.ts";

export type QueryResult = {
  /** Empty when only the count was asked for. */
  inventories: JsonObject[];
  /** Only when it was asked for. */
  total?: number;
};

/** What a call is answered with. @param total of all records that fulfil the conditions */
export function answer(query: Query, page: readonly JsonObject[], total: number): QueryResult {
  const { fields } = query;
  const inventories = fields === undefined ? [...page] : page.map((record) => only(record, fields));
  return query.withTotal ? { inventories, total } : { inventories };
}

function only(record: JsonObject, fields: readonly string[]): JsonObject {
  return Object.fromEntries(fields.map((field) => [field, record[field] ?? null]));
}
