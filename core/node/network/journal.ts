import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { networkConfiguration } from "../../model/network/configuration.ts";
import { keptConfigurations, networkTransaction, savedConfiguration } from "../../model/network/transaction.ts";
import { type Damage, Document } from "../document.ts";

/** A change that has begun, with all that is needed to take it back after a crash of the agent. */
const runningChange = z.object({
  record: networkTransaction,
  bootId: z.string(),
  before: networkConfiguration,
  /** MAC addresses of the cards by their names before. */
  cards: z.record(z.string(), z.string()),
  after: networkConfiguration,
  /** Files in /run that belong to the try, and what was there before. */
  tried: z.array(z.object({ name: z.string().regex(/^[^/\0]+$/), before: z.string().nullable() })),
  /** Names of the files in /etc when it began. */
  kept: z.array(z.string()),
  /** Of the profiles that it changes, makes or takes away. */
  uuids: z.array(z.string()).default([]),
  /** Profiles that were active, by the device's name before the change. */
  active: z.array(z.object({ device: z.string(), uuid: z.string() })),
  renames: z.array(z.tuple([z.string(), z.string()])),
  checkpoint: z.string().nullable(),
});
export type RunningChange = z.infer<typeof runningChange>;

const journalSchema = z.object({
  running: runningChange.nullable().default(null),
  /** The change that ended last. */
  last: z.nullable(networkTransaction).default(null),
});
const historySchema = z.object({ saved: z.array(savedConfiguration).default([]) });

export type NetworkJournal = Document<z.infer<typeof journalSchema>>;
export type NetworkHistory = Document<z.infer<typeof historySchema>>;

/** Eleven configurations of some hundred links, each of about twenty values, and what the changes were. */
const mostValues = 200_000;

/** The list of files of a commit: `commit.ts`. */
export function commitFile(folder: string): string {
  return join(folder, "commit.json");
}

export async function openJournal(
  folder: string,
  onDamage: (damage: Damage) => void,
): Promise<{ journal: NetworkJournal; history: NetworkHistory }> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const more = { onDamage, notSaved: "NET.NOT_SAVED", mostValues };
  const journal = await Document.open({
    file: join(folder, "change.json"),
    schema: journalSchema,
    empty: { running: null, last: null },
    ...more,
  });
  const history = await Document.open({
    file: join(folder, "history.json"),
    schema: historySchema,
    empty: { saved: [] },
    ...more,
  });
  return { journal, history };
}

/** Adds a configuration that stops being in force; the oldest goes. */
export async function remember(history: NetworkHistory, saved: z.infer<typeof savedConfiguration>): Promise<void> {
  await history.update((draft) => ({ saved: [saved, ...draft.saved].slice(0, keptConfigurations) }));
}
