import * as z from "zod/mini";

/* Archives that a node makes for people: its collected logs, and backups of its store. */

export const collectJob = "logs.collect";
export const backupJob = "store.backup";

export const archiveKinds = ["logs", "backup"] as const;
export type ArchiveKind = (typeof archiveKinds)[number];

/** How far back logs are collected; `boot`: everything since this node was started. */
export const logRanges = ["hour", "day", "week", "boot"] as const;
export type LogRange = (typeof logRanges)[number];

export const archive = z.object({
  kind: z.enum(archiveKinds),
  /** Names it in calls, and is the beginning of its files' names. */
  name: z.string(),
  at: z.number(),
  /** Of the file that is fetched. */
  sizeBytes: z.number(),
  /** On the disk, with the folder beside it. */
  diskBytes: z.number(),
  /** Backups only; null when nobody wrote it down. */
  sha256: z.nullable(z.string()),
});
export type Archive = z.infer<typeof archive>;

export const logEstimate = z.object({
  range: z.enum(logRanges),
  /** The logs as text; null when the journal could not be asked. */
  logBytes: z.nullable(z.number()),
  /** For folder and archive, with what is left free. */
  neededBytes: z.number(),
  freeBytes: z.number(),
});
export type LogEstimate = z.infer<typeof logEstimate>;

export const logCollections = z.object({
  archives: z.array(archive),
  estimates: z.array(logEstimate),
  /** Where archives are kept. */
  folder: z.string(),
});
export type LogCollections = z.infer<typeof logCollections>;

export const storeBackups = z.object({
  backups: z.array(archive),
  /** null: this node has no store of its own. */
  store: z.nullable(z.object({ file: z.string(), sizeBytes: z.number() })),
  folder: z.string(),
  freeBytes: z.number(),
});
export type StoreBackups = z.infer<typeof storeBackups>;

export const servingMinutes = { initial: 60, most: 24 * 60 } as const;

/** An archive that can be fetched over HTTP now. Whoever has an address of it can read it. */
export const serving = z.object({
  kind: z.enum(archiveKinds),
  name: z.string(),
  /** The console that asked for it. */
  console: z.string(),
  /** With the token; that of the management network first. Empty when no address is known. */
  addresses: z.array(z.string()),
  port: z.number(),
  endsAt: z.number(),
  /** Answers that gave a file or a part of one, and requests with a wrong token. */
  downloads: z.number(),
  wrong: z.number(),
  /** `none`: this node has no firewall of ours, so none had to be opened. `closed`: it could not be opened. */
  firewall: z.enum(["open", "none", "closed"]),
  /** A preview listens on this machine's loopback only. */
  local: z.boolean(),
});
export type Serving = z.infer<typeof serving>;
