import type { CloudClient } from "../../core/api/cloud-client.ts";
import { type CloudCallName, cloudCalls } from "../../core/model/cloud/calls/index.ts";
import type { ResourceKind } from "../../core/model/cloud/resources.ts";

export type Found = { readonly uuid: string; readonly name: string };

/** What completion asks the manager. Whoever waits for it has pressed a key: what is late is nothing. */
export type Lookup = {
  /** Resources of a kind whose name or uuid begins with a text. */
  resources(kind: ResourceKind, text: string): Promise<readonly Found[]>;
  /** Values of a field that begin with a text. */
  values(kind: ResourceKind, field: string, text: string): Promise<readonly string[]>;
};

const most = 100;
const patienceMs = 2_000;

export function lookupWith(client: CloudClient): Lookup {
  const rows = async (kind: ResourceKind, conditions: readonly string[], fields: readonly string[]) => {
    const name = `Query${kind}`;
    if (client.token === undefined || !isCall(name)) return [];
    const answer = await client
      .ask(name, { q: conditions, fields, limit: most }, AbortSignal.timeout(patienceMs))
      .catch(() => ({}));
    const found = new Map<string, unknown>(Object.entries(answer)).get("inventories");
    return Array.isArray(found) ? found.map((row: unknown) => textsOf(row)) : [];
  };
  return {
    async resources(kind, text) {
      const asked = [...(/^[\da-f]+$/.test(text) ? ["uuid"] : []), "name"].map((field) =>
        rows(kind, text === "" ? [] : [startsWith(field, text)], ["uuid", "name"]),
      );
      const all = (await Promise.all(asked)).flat().flatMap((row) => {
        const [uuid, name] = [row.get("uuid"), row.get("name")];
        return uuid === undefined || !/^[\da-f]{32}$/.test(uuid) ? [] : [{ uuid, name: name ?? "" }];
      });
      return [...new Map(all.map((each) => [each.uuid, each])).values()];
    },
    async values(kind, field, text) {
      const found = await rows(kind, text === "" ? [] : [startsWith(field, text)], [field]);
      return [...new Set(found.flatMap((row) => row.get(field) ?? []))];
    },
  };
}

function isCall(name: string): name is CloudCallName {
  return Object.hasOwn(cloudCalls, name);
}

function startsWith(field: string, text: string): string {
  return `${field}~=${text.replaceAll(/[%_\\]/g, "\\$&")}%`;
}

/** Texts that can be typed again; what a terminal would obey can't. */
function textsOf(row: unknown): ReadonlyMap<string, string> {
  if (typeof row !== "object" || row === null) return new Map();
  return new Map(
    Object.entries(row).flatMap(([field, value]) =>
      typeof value === "string" && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(value) ? [[field, value] as const] : [],
    ),
  );
}
