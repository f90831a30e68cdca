import { existsSync } from "node:fs";
import { resourceKinds } from "../orchestrator/kinds.ts";
import { recordsOfCopy } from "../store/sqlite/records.ts";
import type { UnpackedBackup } from "./read.ts";

export type Comparison = {
  /** Of the kinds that people know, those that are in either: how many now, and how many afterwards. */
  kinds: { kind: string; now: number | null; after: number }[];
  /** Hosts that are known now, and not any more afterwards. */
  lostHosts: string[];
  /** Hosts that the backup knows. */
  hosts: string[];
  authority: "same" | "other" | "absent";
};

/**
 * What a restore would change. `present`: a backup of what is there, undefined when there is nothing, or nothing that can
 * be read; `fingerprint`: of the present authority.
 */
export function compareBackups(
  chosen: UnpackedBackup,
  present: UnpackedBackup | undefined,
  fingerprint: string | undefined,
): Comparison {
  const [then, now] = [chosen.manifest.store.records, present?.manifest.store.records];
  const kinds = resourceKinds
    .filter((kind) => (then[kind] ?? 0) > 0 || (now?.[kind] ?? 0) > 0)
    .map((kind) => ({ kind, now: now === undefined ? null : (now[kind] ?? 0), after: then[kind] ?? 0 }));
  const [hosts, before] = [hostsOf(chosen), present === undefined ? new Map<string, string>() : hostsOf(present)];
  const cloud = chosen.manifest.cloud;
  return {
    kinds,
    hosts: [...hosts.values()],
    lostHosts: [...before].filter(([uuid]) => !hosts.has(uuid)).map(([, name]) => name),
    authority: cloud === null ? "absent" : cloud.fingerprint === fingerprint ? "same" : "other",
  };
}

/** Names by uuid. */
function hostsOf({ files }: UnpackedBackup): Map<string, string> {
  const copy = files["store.db"];
  if (copy === undefined || !existsSync(copy)) return new Map();
  return new Map([...recordsOfCopy(copy, "Host")].map(({ key, value }) => [key, String(value["name"] ?? key)]));
}
