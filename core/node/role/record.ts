import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import * as z from "zod";
import { type InstallRole, installRoles } from "../../model/installation/draft.ts";
import { Document, type DocumentOptions } from "../document.ts";

const stepStates = ["waiting", "running", "pass", "skip", "fail"] as const;

const recordedStep = z.object({
  id: z.string(),
  group: z.string(),
  title: z.string(),
  state: z.enum(stepStates),
  /** When it ended, in milliseconds since the epoch; null before. */
  at: z.number().nullable(),
  /** Why it was skipped or failed, or what is to know of it. */
  why: z.string().nullable(),
  /** Of a failure: its stable code, and what to do. */
  code: z.string().nullable(),
  remedy: z.string().nullable(),
});
export type RecordedStep = z.infer<typeof recordedStep>;

/** How far the installation of the role has come. */
export const roleRecord = z.object({
  /** null: nothing was ever installed. */
  role: z.enum(installRoles).nullable(),
  /** The product's version that installed it; another one installs it again. */
  version: z.string(),
  state: z.enum(["installing", "ready", "failed"]),
  /** How often this role was tried in this version. */
  attempts: z.number(),
  steps: z.array(recordedStep),
});
export type RoleRecord = z.infer<typeof roleRecord>;

const nothingInstalled: RoleRecord = { role: null, version: "", state: "installing", attempts: 0, steps: [] };

/** Opens the record of this node; a damaged one is set aside, and the role is installed again. */
export async function openRoleRecord(
  file: string,
  more: Pick<DocumentOptions<RoleRecord>, "write" | "onDamage"> = {},
): Promise<Document<RoleRecord>> {
  await mkdir(dirname(file), { recursive: true, mode: 0o755 });
  return Document.open({ file, schema: roleRecord, empty: nothingInstalled, notSaved: "ROLE.NOT_SAVED", ...more });
}

/** Whether this role is installed, by this version, and its last check went well. */
export function isReady(record: RoleRecord, role: InstallRole, version: string): boolean {
  return record.state === "ready" && record.role === role && record.version === version;
}
