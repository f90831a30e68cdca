import * as z from "zod/mini";
import { parseAddress } from "../../core/model/address.ts";
import { hashPrefixes, hashProblem } from "../../core/model/installation/crypt-hash.ts";
import { installRoles } from "../../core/model/installation/draft.ts";
import { parseSize, sizeForm } from "./sizes.ts";

/*
 * The form of an answer file, after YAML: every single value is still text, as it was written, so that a serial number
 * 0123 stays one. The message of each schema says what is allowed; that of a mapping lists its keys.
 */

/** Version of the format; it changes when an older file would mean something else. */
export const answersVersion = "1";

function mapping<Shape extends z.core.$ZodShape>(shape: Shape) {
  return z.strictObject(shape, { error: Object.keys(shape).join(", ") });
}

/** A single value that `parse` understands; `allowed` says which those are. */
function value<T>(allowed: string, parse: (text: string) => T | undefined) {
  return z.pipe(
    z.string({ error: allowed }),
    z.transform((text: string, context): T => {
      const parsed = text === "" ? undefined : parse(text);
      if (parsed !== undefined) return parsed;
      context.issues.push({ code: "custom", message: allowed, input: text });
      return z.NEVER;
    }),
  );
}

function word<const Words extends readonly string[]>(words: Words) {
  return z.enum(words, { error: words.join(", ") });
}

function text(allowed: string) {
  return value(allowed, (given) => given);
}

function list<Item extends z.ZodMiniType>(item: Item, example: string) {
  return z.array(item, { error: `a list, such as [${example}]` });
}

const truth = value("true, false", (given) => (given === "true" ? true : given === "false" ? false : undefined));
const size = value(sizeForm, parseSize);
const sizeOr = (other: string, meaning: number | null) =>
  value(`${other}, or ${sizeForm}`, (given) => (given === other ? { bytes: meaning } : wrapped(parseSize(given))));

function wrapped(bytes: number | undefined): { bytes: number } | undefined {
  return bytes === undefined ? undefined : { bytes };
}

const sizeRule = z.union([
  z.pipe(
    value(`${sizeForm}, or a mapping with min, max`, parseSize),
    // A disk that is sold with 480 GB has 480.1; the next larger kind is far off.
    z.transform((bytes) => ({ min: bytes * 0.99, max: bytes * 1.01 })),
  ),
  mapping({ min: z.optional(size), max: z.optional(size) }),
]);

const diskForm = "first-empty, or a mapping with name, model, serial, size";
const diskRule = z.union([
  z.literal("first-empty", { error: diskForm }),
  mapping({
    name: z.optional(text("the kernel's name of the disk, such as sda or nvme0n1")),
    model: z.optional(text("a model, in which * stands for any characters and ? for one, such as SAMSUNG*")),
    serial: z.optional(text("a serial number, in which * stands for any characters and ? for one")),
    size: z.optional(sizeRule),
  }).check(z.refine((rule) => Object.keys(rule).length > 0, { error: "at least one of name, model, serial, size" })),
]);
export type DiskRule = z.infer<typeof diskRule>;

const hash = value(
  `a crypt(3) hash that begins with ${hashPrefixes.join(", ")}; mkpasswd --method=yescrypt makes one`,
  (given) => (hashProblem(given) === undefined ? given : undefined),
);

const staticAddress = (family: 4 | 6) => {
  const example = family === 4 ? "192.168.1.10/24" : "fd00:1::10/64";
  return z.pipe(
    mapping({
      address: value(`an IPv${family} address with its prefix, such as ${example}`, (given) => {
        const found = /^([\da-f.:]+)\/(\d{1,3})$/i.exec(given);
        return parseAddress(found?.[1] ?? "")?.family === family
          ? { address: found?.[1] ?? "", prefix: Number(found?.[2]) }
          : undefined;
      }),
      gateway: z.optional(text(`an IPv${family} address`)),
    }),
    z.transform(({ address, gateway }) => ({ method: "static" as const, ...address, gateway: gateway ?? null })),
  );
};

const method = <const Words extends readonly string[]>(words: Words) =>
  z.pipe(
    z.enum(words, { error: `${words.join(", ")}, or a mapping with address, gateway` }),
    z.transform((given) => ({ method: given })),
  );

export const answersFormat = mapping({
  binnacle: z.literal(answersVersion, { error: answersVersion }),
  role: word(installRoles),
  locale: z.optional(
    mapping({
      language: z.optional(word(["en_US", "zh_CN"])),
      keyboard: z.optional(text("the short name of a keyboard layout, such as us, gb, de or cn")),
      timezone: z.optional(text("a name of the time zone database, such as Asia/Shanghai")),
    }),
  ),
  disk: mapping({
    system: diskRule,
    mirror: z.optional(diskRule),
    erase: z.optional(truth),
    lvm: z.optional(truth),
    partitions: z.optional(
      mapping({
        efi: z.optional(size),
        boot: z.optional(size),
        swap: z.optional(sizeOr("none", 0)),
        root: z.optional(sizeOr("rest", null)),
        data: z.optional(
          value(`none, rest, or ${sizeForm}`, (given) =>
            given === "none" ? { bytes: 0 } : given === "rest" ? { bytes: null } : wrapped(parseSize(given)),
          ),
        ),
      }),
    ),
  }),
  network: z.optional(
    mapping({
      hostname: z.optional(text("a host name, such as node-1")),
      links: z.optional(
        list(text("the name of a network interface, or its MAC address"), "eno1, eno2").check(
          z.minLength(1, { error: "a list of at least one interface" }),
        ),
      ),
      bond: z.optional(
        mapping({
          name: z.optional(text("a name, such as bond0")),
          mode: word(["active-backup", "802.3ad"]),
        }),
      ),
      vlan: z.optional(
        value("a number from 1 to 4094", (given) => (/^\d{1,5}$/.test(given) ? Number(given) : undefined)),
      ),
      ipv4: z.optional(z.union([method(["dhcp", "none"]), staticAddress(4)])),
      ipv6: z.optional(z.union([method(["auto", "dhcp", "none"]), staticAddress(6)])),
      "name-servers": z.optional(list(text("an address"), "192.168.1.1")),
      "time-servers": z.optional(list(text("a host name or an address"), "ntp.example.com")),
    }),
  ),
  passwords: mapping({ root: hash, admin: z.optional(hash) }),
  afterwards: z.optional(word(["reboot", "poweroff", "ask"])),
});
export type Answers = z.infer<typeof answersFormat>;
