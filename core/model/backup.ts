import * as z from "zod/mini";

/*
 * Backups of a manager: one archive file, with a copy of the store as SQLite whatever the store is, and what a manager
 * on another machine needs to go on with the same hosts. Source: ../shared/spec/management.md, "zstack-ctl".
 */

export const backupFormat = 1;
export const backupProduct = "Binnacle";
/** Backups that are kept unless told. */
export const keptBackups = 14;
export const mostKeptBackups = 10_000;

/** The folder in the archive, and its members in their order: the manifest first, so that it is found at once. */
export const backupFolder = "binnacle-backup";
export const manifestMember = "manifest.json";
export const storeMember = "store.db";
export const backupMembers = ["manager.conf", "ca.crt", "ca.key", storeMember] as const;
export type BackupMember = (typeof backupMembers)[number];

const sha256 = z.string().check(z.regex(/^[\da-f]{64}$/));
const whole = z.int().check(z.minimum(0));

/** What every backup says of itself, of whatever version and product. */
export const manifestHead = z.looseObject({ product: z.string(), kind: z.string(), format: z.int() });

export const backupManifest = z.object({
  product: z.literal(backupProduct),
  kind: z.literal("manager-backup"),
  format: z.literal(backupFormat),
  /** Of the product. */
  version: z.string(),
  /** Milliseconds since the epoch. */
  madeAt: z.number(),
  hostname: z.string(),
  /** Name and fingerprint of the cloud's authority: what its hosts trust. null: the manager had none. */
  cloud: z.nullable(z.object({ name: z.string(), fingerprint: z.string() })),
  store: z.object({
    /** Where the records came from; the copy is SQLite whichever it is. */
    type: z.enum(["sqlite", "etcd"]),
    /** Of the copy. */
    schema: whole,
    /** How many records of each kind. */
    records: z.record(z.string(), whole),
  }),
  members: z.partialRecord(z.enum(backupMembers), z.object({ sizeBytes: whole, sha256 })),
});
export type BackupManifest = z.infer<typeof backupManifest>;

/** A finished backup on this node. */
export const backupInfo = z.strictObject({
  /** Names it in calls, and is its file's name without the ending. */
  name: z.string(),
  /** With its path. */
  file: z.string(),
  madeAt: z.number(),
  sizeBytes: whole,
  /** Of the file. */
  sha256,
  /** How many records it holds. */
  records: whole,
});
export type BackupInfo = z.infer<typeof backupInfo>;

export const backupEnding = ".tar.gz";
/** `mgmt01-store-20261121-140307.tar.gz`, and `…-2` for a second one of the same second. The time is UTC. */
const backupFile = /^([A-Za-z\d][A-Za-z\d-]{0,39})-store-(\d{8}-\d{6})(?:-(\d{1,4}))?\.tar\.gz$/;

/** How a backup's file is called; `nth` above 1 when the name is taken. */
export function backupFileName(hostname: string, at: number, nth = 1): string {
  const host = hostname
    .replace(/[^A-Za-z\d-]/g, "")
    .replace(/^-+/, "")
    .slice(0, 40);
  const time = new Date(at)
    .toISOString()
    .replace(/[-:]|\..*/g, "")
    .replace("T", "-");
  return `${host === "" ? "node" : host}-store-${time}${nth === 1 ? "" : `-${nth}`}${backupEnding}`;
}

/** What a file's name tells when it is that of a finished backup; undefined for every other file. */
export function readBackupName(file: string): { host: string; order: string } | undefined {
  const [, host, time, nth = "1"] = backupFile.exec(file) ?? [];
  return host === undefined || time === undefined ? undefined : { host, order: `${time}-${nth.padStart(4, "0")}` };
}

/** `host`: only those of this one. `made`: the one that was made just now, which is never surplus. */
export type OfBackups = { host?: string; made?: string | undefined };

/**
 * Which of a folder's files to delete so that the newest `keep` backups stay. Files that are none are never among them;
 * nor are backups of another host, where `host` is given.
 */
export function surplusBackups(files: readonly string[], keep: number, { host, made }: OfBackups = {}): string[] {
  const known = files.flatMap((file) => {
    const told = readBackupName(file);
    return told === undefined || (host !== undefined && told.host !== host) ? [] : [{ file, order: told.order }];
  });
  known.sort((a, b) => (a.order < b.order ? 1 : a.order > b.order ? -1 : 0));
  // A clock that was ahead has left names of the future: what was made just now stays whatever its own says.
  const others = known.filter(({ file }) => file !== made);
  return others.slice(Math.max(keep, 1) - (others.length < known.length ? 1 : 0)).map(({ file }) => file);
}
