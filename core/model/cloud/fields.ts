import * as z from "zod/mini";
import { addressKind, isMac, longestPrefix, networkRange, parseAddress } from "../address.ts";

/* Kinds of fields that several resources have. Each field carries its description into the API's documentation. */

/** Version 4 without hyphens: 32 hexadecimal digits, lower case. Source: ../shared/spec/cloud.md, "Resources". */
export const uuidPattern = /^[\da-f]{12}4[\da-f]{3}[89ab][\da-f]{15}$/;

const longestName = 255;
const longestDescription = 2048;

/**
 * A name needs not be unique. It has something to see, no space at its ends, and nothing that a terminal, a log or a
 * table would obey: no control characters, no marks that turn the direction of writing, no halves of characters.
 */
function isResourceName(text: string): boolean {
  return text === text.trim() && isOneLine(text);
}

function isOneLine(text: string): boolean {
  // \p{C} has the joiner U+200D, which emoji and some scripts need.
  return !/[\p{C}\p{Zl}\p{Zp}]/u.test(text.replaceAll("\u200d", ""));
}

/** Several lines may be in it. */
function isDescription(text: string): boolean {
  return isOneLine(text.replaceAll(/[\n\t]/g, " "));
}

type Meta = Parameters<typeof z.describe>[0];
/** A schema with the sentence that documents it. */
export function say<T extends z.ZodMiniType>(schema: T, description: Meta): T {
  return schema.check(z.describe(description)) as T;
}

export const uuid = z.string().check(z.regex(uuidPattern));
export const uuids = z.array(uuid).check(
  z.maxLength(1024),
  z.refine((all) => new Set(all).size === all.length),
);
// Each wrong text is told once: one of a wrong length is not looked at further.
const name = z
  .string()
  .check(z.minLength(1, { abort: true }), z.maxLength(longestName, { abort: true }), z.refine(isResourceName));
const description = z.string().check(z.maxLength(longestDescription, { abort: true }), z.refine(isDescription));
/** Text of a machine, such as a path: one line. */
export const line = (longest: number) => z.string().check(z.minLength(1), z.maxLength(longest), z.refine(isOneLine));
/** What a number counts, where people may write it in another way: `1G`, a date. It stands beside the description. */
export type Unit = "bytes" | "moment";
export const unit = (meta: Unit) => z.meta({ unit: meta });
/** Milliseconds since the epoch. */
export const moment = z.int().check(z.nonnegative(), unit("moment"));
export const bytes = z.int().check(z.nonnegative(), unit("bytes"));
export const count = z.int().check(z.nonnegative());
export const ipAddress = z.string().check(
  z.maxLength(45),
  z.refine((text) => {
    const address = parseAddress(text);
    return address !== undefined && addressKind(address) === "host";
  }),
);
/** Where an agent listens: loopback leads to this computer's own, as a simulated cloud has them. */
export const agentAddress = z.string().check(
  z.maxLength(45),
  z.refine((text) => {
    const address = parseAddress(text);
    return address !== undefined && ["host", "loopback"].includes(addressKind(address));
  }),
);
/** A network as its first address and prefix: 10.0.0.0/24. */
export const cidr = z.string().check(z.maxLength(49), z.refine(isNetwork));
function isNetwork(text: string): boolean {
  const [first = "", length = "", ...more] = text.split("/");
  const address = parseAddress(first);
  if (address === undefined || more.length > 0 || !/^[1-9]\d{0,2}$/.test(length)) return false;
  const prefix = Number(length);
  return prefix <= longestPrefix(address.family) && networkRange(address, prefix).first.value === address.value;
}
/** In lower case, as libvirt writes it, so that two of them can be compared. */
export const mac = z.string().check(z.refine((text) => isMac(text) && text === text.toLowerCase()));

type Json = null | boolean | number | string | readonly Json[] | { readonly [field: string]: Json };
/** Whatever JSON can say. */
export const anyJson = z.json();
/** The same with names. */
export const jsonObject: z.ZodMiniType<{ readonly [field: string]: Json }> = z.record(z.string(), anyJson);

/** `name::value`, or `capability:name`: what the manager or an administrator notes on a resource. */
export const tag = z.string().check(z.maxLength(1024), z.regex(/^[A-Za-z][\w-]*(::?[\w.+/~@,=-]+)*$/));
export const tags = z.array(tag).check(z.maxLength(256));

/** What every resource has. */
const common = {
  uuid: say(uuid, "Version 4 UUID as 32 hexadecimal digits, given by the manager."),
  name: say(name, "For people: one line without blanks at its ends; several resources may have the same."),
  description: say(z.nullable(description), "Free text, or null."),
  createDate: say(moment, "When it was made, in milliseconds since the epoch."),
  lastOpDate: say(moment, "When it was last changed, in milliseconds since the epoch."),
};

/** The schema of a stored resource: the common fields and its own. An unknown field is an error, never dropped. */
export function record<T extends Record<string, z.ZodMiniType>>(own: T) {
  return z.strictObject({ ...common, ...own });
}
