import type { CloudCall } from "../model/cloud/calls/call.ts";
import type { CloudRequest } from "./cloud-connection.ts";

/** The HTTP request of a call: what is in its path, and the rest in the body or in the query string. */
export function requestOf(
  call: CloudCall,
  input: Readonly<Record<string, unknown>>,
): CloudRequest & { body?: string | undefined } {
  const inPath = new Set<string>();
  const path = call.path.replace(/:(\w+)/g, (_, field: string) => {
    inPath.add(field);
    return encodeURIComponent(String(input[field] ?? ""));
  });
  const others = Object.entries(input).filter(([field, value]) => !inPath.has(field) && value !== undefined);
  if (call.method === "POST" || call.method === "PUT")
    return { method: call.method, path, headers: {}, body: JSON.stringify(Object.fromEntries(others)) };
  const query = new URLSearchParams(others.flatMap(([field, value]) => queryPairs(field, value)));
  return { method: call.method, path: others.length === 0 ? path : `${path}?${query}`, headers: {} };
}

/** A list is its elements, each with the name; an empty one is the name alone. */
function queryPairs(field: string, value: unknown): [string, string][] {
  if (!Array.isArray(value)) return [[field, String(value)]];
  return value.length === 0 ? [[field, ""]] : value.map((each) => [field, String(each)]);
}
