import * as fs from "node:fs";
import * as z from "zod";
import { IsoError } from "./run.ts";

/*
 * iso/accounts.lock.json: the id of every user and group that an image ever had. Packages make their accounts as they
 * are installed and get the next id that is free, so one package more would give `_chrony` another id than the one that
 * owns /var/lib/chrony on a node that is upgraded.
 *
 * A name that the image no longer has keeps its id here: nodes may hold files of that owner, and nobody else shall get
 * them. The image doesn't have that account then, for nothing would use it.
 */

const kinds = ["users", "groups"] as const;
type Kind = (typeof kinds)[number];
type Ids = Readonly<Record<string, number>>;
export type AccountIds = Readonly<Record<Kind, Ids>>;
/** From the id that an account got to its id in the table, for those that differ. */
export type Moves = Readonly<Record<Kind, ReadonlyMap<number, number>>>;

const idsSchema = z.record(z.string(), z.number().int().min(0).max(65534));
const tableSchema = z.strictObject({ users: idsSchema, groups: idsSchema });

/** Ids that are given at installation; all others are the same on every Debian. Policy 9.2.2. */
const isGiven = (id: number) => id >= 100 && id <= 999;

/**
 * Where new accounts get theirs. Packages that a node's administrator installs take ids from both ends of the range:
 * adduser from 100 upwards, systemd-sysusers from 999 downwards.
 */
const firstNew = 500;

/** Names and ids in the text of passwd or group. */
export function idsOf(text: string): Record<string, number> {
  const lines = text.split("\n").filter((line) => line !== "");
  return Object.fromEntries(lines.map((line) => line.split(":")).map(([name = "", , id = ""]) => [name, Number(id)]));
}

/**
 * How a built tree's ids become those of the table.
 * @throws IsoError ISO.IDS for accounts that the table lacks, and for a fixed id that is no longer the table's.
 */
export function movesTo(table: AccountIds, built: AccountIds): Moves {
  const moves = { users: new Map<number, number>(), groups: new Map<number, number>() };
  const absent: string[] = [];
  const fixed: string[] = [];
  for (const kind of kinds)
    for (const [name, id] of Object.entries(built[kind])) {
      const wanted = table[kind][name];
      if (wanted === undefined) absent.push(`${kind}: ${name} not in the table, ${id} in the image`);
      else if (wanted === id) continue;
      else if (isGiven(wanted) && isGiven(id)) moves[kind].set(id, wanted);
      else fixed.push(`${kind}: ${name} ${wanted} in the table, ${id} in the image`);
    }
  if (fixed.length > 0)
    throw idsError(
      "Ids that Debian fixes are other ones than in iso/accounts.lock.json:",
      fixed,
      "Installed nodes hold files by the table's. Change it by hand, together with what changes those files.",
    );
  if (absent.length > 0)
    throw idsError(
      "The image has accounts that iso/accounts.lock.json has no id for:",
      absent,
      "Give them theirs for good: npm run iso -- --update",
    );
  return moves;
}

/**
 * The table with the accounts of a built tree that it lacked; all that was in it stays.
 * @throws IsoError ISO.IDS when a new account has a fixed id that is another's in the table.
 */
export function withNew(table: AccountIds, built: AccountIds): AccountIds {
  const taken = new Set(kinds.flatMap((kind) => Object.values(table[kind])));
  const news = kinds.flatMap((kind) => Object.keys(built[kind]).filter((name) => table[kind][name] === undefined));
  // A user and the group of the same name get the same.
  const given = new Map<string, number>();
  for (const name of [...new Set(news)].sort()) {
    let id = firstNew;
    while (taken.has(id)) id += 1;
    taken.add(id);
    given.set(name, id);
  }
  const added = (kind: Kind) => {
    const ids = Object.entries(built[kind]).map(([name, id]) => [name, isGiven(id) ? (given.get(name) ?? id) : id]);
    return { ...Object.fromEntries(ids), ...table[kind] };
  };
  const all = { users: added("users"), groups: added("groups") };
  refuseTwice(all);
  return all;
}

/** The text of passwd or group with ids changed; who is whose member, and all else, stays. */
export function renumbered(list: "passwd" | "group", text: string, { users, groups }: Moves): string {
  const moves = { passwd: [undefined, undefined, users, groups], group: [undefined, undefined, groups] }[list];
  const line = (text: string) => text.split(":").map((field, index) => moves[index]?.get(Number(field)) ?? field);
  return text
    .split("\n")
    .map((text) => line(text).join(":"))
    .join("\n");
}

/** @throws IsoError ISO.IDS when the file is not what `writeIds` writes, or gives an id to two. */
export function readIds(file: string): AccountIds {
  let table: AccountIds;
  try {
    table = tableSchema.parse(JSON.parse(fs.readFileSync(file, "utf8")));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw idsError(`${file} can't be used: ${why}`, [], "Take it from the history: installed nodes have its ids.");
  }
  refuseTwice(table);
  return table;
}

export function writeIds(file: string, table: AccountIds): void {
  const sorted = (ids: Ids) => Object.fromEntries(Object.entries(ids).sort(([, a], [, b]) => a - b));
  fs.writeFileSync(file, `${JSON.stringify({ users: sorted(table.users), groups: sorted(table.groups) }, null, 2)}\n`);
}

function refuseTwice(table: AccountIds): void {
  const twice = kinds.flatMap((kind) =>
    [...Map.groupBy(Object.entries(table[kind]), ([, id]) => id)]
      .filter(([, accounts]) => accounts.length > 1)
      .map(([id, accounts]) => `${kind}: ${accounts.map(([name]) => name).join(" and ")} ${id}`),
  );
  if (twice.length > 0)
    throw idsError(
      "An id is one account's for good, and in iso/accounts.lock.json it would be that of two:",
      twice,
      "Change that of the account that no image had yet, by hand.",
    );
}

function idsError(what: string, lines: readonly string[], remedy: string): IsoError {
  return new IsoError("ISO.IDS", [what, ...lines.map((line) => `  ${line}`), remedy].join("\n"));
}
