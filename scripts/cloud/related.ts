import type { CloudClient } from "../../core/api/cloud-client.ts";
import type { CloudCallName } from "../../core/model/cloud/calls/index.ts";
import { NodeError } from "../../core/model/error.ts";
import type { Request } from "./request.ts";

/* What a table of machines says besides their own records: addresses are of their cards, hosts have names. */

type Row = Readonly<Record<string, unknown>>;

/** Uuids of one list: a condition has at most 1024 characters. */
const atOnce = 30;
/** Cards of so many machines, and more. */
const mostRows = 1000;

export type Asking = { client: CloudClient; signal: AbortSignal; warn: (line: string) => void };

/** The answer with `ip` and `host` in the rows of machines. Without them, and a warning, where they can't be asked for. */
export async function withRelated({ name, texts }: Request, answer: object, asking: Asking): Promise<object> {
  const rows = new Map<string, unknown>(Object.entries(answer)).get("inventories");
  if (name !== "QueryVmInstance" || texts.has("fields") || !Array.isArray(rows) || rows.length === 0) return answer;
  const machines = rows.filter(isRow);
  try {
    const cards = await found("QueryVmNic", "vmInstanceUuid", textsOf(machines, "uuid"), "ip,deviceId", asking);
    const hosts = await found("QueryHost", "uuid", textsOf(machines, "hostUuid"), "name", asking);
    const sorted = cards.toSorted((a, b) => Number(a["deviceId"]) - Number(b["deviceId"]));
    const inventories = machines.map((machine) => ({
      ...machine,
      ip: textsOf(
        sorted.filter((card) => card["vmInstanceUuid"] === machine["uuid"]),
        "ip",
      ),
      host: hosts.find((host) => host["uuid"] === machine["hostUuid"])?.["name"] ?? null,
    }));
    return { ...answer, inventories };
  } catch (error) {
    if (!(error instanceof NodeError)) throw error;
    asking.warn(`Addresses and hosts of the machines are not known: ${error.message}`);
    return answer;
  }
}

async function found(
  call: CloudCallName,
  field: string,
  values: readonly string[],
  fields: string,
  { client, signal }: Asking,
): Promise<Row[]> {
  const all: Row[] = [];
  for (let at = 0; at < values.length; at += atOnce) {
    const q = [`${field}?=${values.slice(at, at + atOnce).join(",")}`];
    const input = { q, fields: [field, ...fields.split(",")], limit: mostRows };
    const rows = new Map<string, unknown>(Object.entries(await client.ask(call, input, signal))).get("inventories");
    if (Array.isArray(rows)) all.push(...rows.filter(isRow));
  }
  return all;
}

/** Each text once. */
function textsOf(rows: readonly Row[], field: string): string[] {
  return [...new Set(rows.map((row) => row[field]).filter((value) => typeof value === "string"))];
}

function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
