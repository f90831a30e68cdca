import fc from "fast-check";
import type { CloudCall } from "../../../../core/model/cloud/calls/call.ts";
import { exampleInput } from "../../../../core/model/cloud/calls/example.ts";
import { type CloudCallName, cloudCalls, secretFields } from "../../../../core/model/cloud/calls/index.ts";
import { pathFields } from "../../../../core/model/cloud/calls/openapi.ts";
import { settings } from "../../../../core/model/cloud/settings.ts";
import { valuesOf } from "../../../support/schema-values.ts";
import {
  contentTypes,
  hostileBodies,
  hostileParts,
  hostileQueries,
  hostileTexts,
  plantedSecret,
  wrongValues,
} from "./hostile.ts";

export type Fuzzed = {
  /** How it was made. */
  kind: "valid" | "broken" | "raw";
  call: CloudCallName;
  /** A part that does not belong in the path, at its end or in place of its last part. */
  part?: string;
  query?: string;
  input?: Readonly<Record<string, unknown>>;
  /** The body as it goes over the line, in place of the input. */
  body?: string;
  contentType?: string;
  idempotencyKey?: string;
  token?: string;
};

/** Good values of fields that only a function knows. */
const texts: readonly string[] = [
  ...["east", "web-1", "云主机", "👩‍💻", "; rm -rf /", "../x", "%", "__proto__", 'it\'s "quoted"', "a,b"],
  ...["10.0.0.1", "10.0.0.9", "10.0.0.20", "10.0.0.254", "192.168.7.3", "fd00::1", "fd00::ff", "1.1.1.1"],
  ...["10.0.0.0/24", "10.9.0.0/30", "192.168.0.0/16", "10.0.0.0/31", "fd00::/64", "fd00::/8", "0.0.0.0/1"],
  ...["255.255.255.0", "255.255.255.252", "255.0.0.0", "eth0", "bond0.100", "br_x"],
  ...["/binnacle_ps", "/mnt/ocfs2", "/etc", "192.168.0.1:/nfs_root", "host:/a/../b", "[fd00::1]:/x", "/"],
  ...["reservedMemory::2G", "reservedMemory::", "os::distribution::debian", "capability:x", "2G", "512M"],
  ...settings.flatMap(({ category, name, default: preset }) => [category, name, String(preset)]),
  ...["true", "false", "0", "1", "3", "60", "2.5", "Delay"],
];

/**
 * What stands for the uuid of something: `@KIND` for one that exists, as far as there is one. A schema does not take it,
 * so it is put in place of what was made.
 */
function withUuids(call: CloudCall, input: object, chosen: readonly number[]): Record<string, unknown> {
  const own: string = call.resource;
  return Object.fromEntries(
    Object.entries(input).map(([field, value], nth) => {
      const choice = chosen[nth % chosen.length] ?? 0;
      if (choice % 5 === 0 || !/uuid/i.test(field)) return [field, value];
      const kind = field === "uuid" ? own : (field[0] ?? "").toUpperCase() + field.slice(1).replace(/Uuids?.*$/, "");
      const uuid = `@${kind}:${choice}`;
      return [field, Array.isArray(value) ? [uuid] : uuid];
    }),
  );
}

/** Settings are named by two fields that belong together. */
function withSetting(input: Record<string, unknown>, choice: number): Record<string, unknown> {
  if (!("category" in input) || choice % 4 === 0) return input;
  const setting = settings[choice % settings.length];
  if (setting === undefined) return input;
  const { category, name, default: preset } = setting;
  return { ...input, category, name, ...("value" in input && choice % 3 === 0 ? { value: String(preset) } : {}) };
}

function planted(input: Record<string, unknown>): Record<string, unknown> {
  for (const field of Object.keys(input)) if (secretFields.has(field)) input[field] = plantedSecret;
  return input;
}

/** Many a password is typed as a name: half of the log-ins have one. */
function mistyped(input: Record<string, unknown>, choice: number): Record<string, unknown> {
  return "accountName" in input && choice % 2 === 0 ? { ...input, accountName: plantedSecret } : input;
}

/** A good input; a third of them the call's example, whose values belong together. */
export function validInput(name: CloudCallName): fc.Arbitrary<Record<string, unknown>> {
  const call: CloudCall = cloudCalls[name];
  const choices = fc.array(fc.nat(99), { minLength: 4, maxLength: 4 });
  const example = exampleInput(name, call);
  return fc.tuple(valuesOf(call.input, texts), choices).map(([input, chosen]) => {
    const [first = 0, second = 0] = chosen;
    const given = { ...(input as object), ...(second % 3 === 0 ? example : {}) };
    return planted(mistyped(withSetting(withUuids(call, given, chosen), first), second));
  });
}

/** A good input of which one field is missing, of another type, hostile, or not the call's. */
function brokenInput(name: CloudCallName): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.keys(cloudCalls[name].input.shape);
  const field = fc.constantFrom(...fields, "extra", "__proto__", "constructor", "toString");
  const breakage = fc.oneof(
    fc.record({ do: fc.constant("remove") }),
    fc.record({ do: fc.constant("put"), value: fc.constantFrom(...wrongValues, ...hostileTexts) }),
    fc.record({ do: fc.constant("put"), value: fc.jsonValue({ maxDepth: 3, stringUnit: "binary" }) }),
    fc.record({ do: fc.constant("wrap") }),
  );
  return fc.tuple(validInput(name), field, breakage).map(([input, at, breaks]) => {
    const { [at]: before, ...rest } = input;
    if (breaks.do === "remove") return rest;
    const broken = breaks.do === "wrap" ? [before ?? null] : "value" in breaks ? breaks.value : null;
    // A secret that stands in a wrong place is still one.
    const value = secretFields.has(at) && typeof broken === "string" ? `${broken}${plantedSecret}` : broken;
    Object.defineProperty(rest, at, { value, enumerable: true });
    return rest;
  });
}

export function requestsOf(name: CloudCallName): fc.Arbitrary<Fuzzed> {
  const key = fc.constantFrom("k1", "k2", "", "a".repeat(129), "ü", "a b");
  const call = fc.constant(name);
  const valid = fc.record({ kind: fc.constant("valid" as const), call, input: validInput(name) });
  const repeated = fc.record({
    kind: fc.constant("valid" as const),
    call,
    input: validInput(name),
    idempotencyKey: key,
  });
  const broken = fc.record({ kind: fc.constant("broken" as const), call, input: brokenInput(name) });
  const raw = fc.record(
    {
      kind: fc.constant("raw" as const),
      call,
      part: fc.constantFrom(...hostileParts),
      query: fc.constantFrom(...hostileQueries),
      input: validInput(name),
      body: fc.oneof(fc.constantFrom(...hostileBodies), fc.json({ maxDepth: 4 }), fc.string({ unit: "binary" })),
      contentType: fc.constantFrom(...contentTypes),
      idempotencyKey: key,
      token: fc.constantFrom("", "eve", plantedSecret, "a".repeat(9_000)),
    },
    { requiredKeys: ["kind", "call"] },
  );
  return fc.oneof(
    { weight: 5, arbitrary: valid },
    { weight: 1, arbitrary: repeated },
    { weight: 6, arbitrary: broken },
    { weight: 3, arbitrary: raw },
  );
}

/** A path's part or a query's value of any text; what is no text at all goes over the line as it is, too. */
function encoded(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}

export type Sent = {
  method: CloudCall["method"];
  url: string;
  headers: Record<string, string>;
  payload?: string;
};

/** What goes over the line. `uuidFor`: a uuid in place of a mark. */
export function sentOf(fuzzed: Fuzzed, uuidFor: (mark: string) => string): Sent {
  const { method, path, ...call }: CloudCall = cloudCalls[fuzzed.call];
  const given = marksReplaced(fuzzed.input ?? {}, uuidFor);
  const inPath = pathFields(path);
  // A field that is missing in the path leaves an empty part.
  const filled = inPath.reduce(
    (text, field) => text.replace(`:${field}`, () => encoded(given[field] ?? "")),
    `${path}`,
  );
  const others = Object.entries(given).filter(([field]) => !inPath.includes(field));
  const hasBody = method === "POST" || method === "PUT";
  const pairs = others.flatMap(([field, value]) =>
    (Array.isArray(value) ? value : [value]).map((each) => `${encoded(field)}=${encoded(each)}`),
  );
  const query = fuzzed.query ?? (hasBody || pairs.length === 0 ? "" : `?${pairs.join("&")}`);
  const body = fuzzed.body ?? (hasBody ? JSON.stringify(objectOf(others)) : undefined);
  return {
    method,
    url: `${filled}${fuzzed.part === undefined ? "" : `/${fuzzed.part}`}${query}`,
    headers: {
      ...(call.access === "public" ? {} : { authorization: `Bearer ${fuzzed.token ?? "admin"}` }),
      ...(body === undefined ? {} : { "content-type": fuzzed.contentType ?? "application/json" }),
      ...(fuzzed.idempotencyKey === undefined ? {} : { "idempotency-key": fuzzed.idempotencyKey }),
    },
    ...(body === undefined ? {} : { payload: body }),
  };
}

/** An object that may have a field `__proto__` of its own. */
function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const made = {};
  for (const [field, value] of entries) Object.defineProperty(made, field, { value, enumerable: true });
  return made;
}

function marksReplaced(input: object, uuidFor: (mark: string) => string): Record<string, unknown> {
  const replaced = (value: unknown): unknown => {
    if (typeof value === "string" && /^@[A-Z]\w*:\d+$/.test(value)) return uuidFor(value);
    return Array.isArray(value) && value.length < 20 ? value.map(replaced) : value;
  };
  const made: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(input))
    Object.defineProperty(made, field, { value: replaced(value), enumerable: true });
  return made;
}
