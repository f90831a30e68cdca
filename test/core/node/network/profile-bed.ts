import { readdirSync, readFileSync } from "node:fs";
import { type NetworkConfiguration, networkConfiguration } from "../../../../core/model/network/configuration.ts";
import type { PresentLink } from "../../../../core/node/network/bind-profiles.ts";
import { effectiveProfiles, type ProfileFile, type ProfilePlace } from "../../../../core/node/network/profiles.ts";
import { readConfiguration } from "../../../../core/node/network/read-configuration.ts";
import { type ProfileChange, type ProfileWrite, writeProfiles } from "../../../../core/node/network/write-profiles.ts";

export const present: PresentLink[] = ["eno1", "eno2", "eno3", "eno4", "ens5f0", "ens5f1"].map((name, i) => ({
  name,
  kind: "ethernet",
  mac: `00:11:22:33:44:5${i}`,
}));

export function fileOf(
  name: string,
  text: string,
  more: Partial<{ place: ProfilePlace; mode: number; uid: number }> = {},
) {
  const { place = "etc", mode = 0o100600, uid = 0 } = more;
  const common = { place, name, path: `/${place}/${name}`, kind: "file" as const };
  return { ...common, bytes: new TextEncoder().encode(text), mode, uid, mtimeMs: 0 };
}

export function filesOf(texts: Readonly<Record<string, string>>): ProfileFile[] {
  return Object.entries(texts).map(([name, text]) => fileOf(name, text));
}

/** Profiles of which nmcli 1.52 made the files. */
export function nmcliFiles(): Record<string, string> {
  const folder = new URL("../../../fixtures/profiles/nmcli/", import.meta.url);
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), "utf8")]));
}

export function reading(texts: Readonly<Record<string, string>>) {
  const before = effectiveProfiles(filesOf(texts));
  const sources = { hostname: "node1", timeServers: [], managementLink: null, present };
  return { before, ...readConfiguration({ profiles: before.profiles, ...sources }) };
}

export function countedUuids(): () => string {
  let count = 0;
  return () => {
    count += 1;
    return `00000000-0000-4000-8000-${String(count).padStart(12, "0")}`;
  };
}

export function applied(
  texts: Readonly<Record<string, string>>,
  writes: readonly ProfileWrite[],
): Record<string, string> {
  const gone = new Set(writes.map(({ file }) => file));
  const kept = Object.entries(texts).filter(([name]) => !gone.has(name));
  const written = writes.flatMap(({ file, text }): [string, string][] => (text === null ? [] : [[file, text]]));
  return Object.fromEntries([...kept, ...written]);
}

/** What is written when a configuration is changed, and the texts as they are then. */
export function changed(
  texts: Readonly<Record<string, string>>,
  change: (configuration: NetworkConfiguration) => void,
  more: Pick<ProfileChange, "renames"> & { newUuid?: () => string } = {},
) {
  const { before, configuration: previous } = reading(texts);
  const configuration = structuredClone(previous);
  change(configuration);
  networkConfiguration.parse(configuration);
  const { newUuid = countedUuids(), ...rest } = more;
  const writes = writeProfiles({ before, previous, configuration, present, newUuid, ...rest });
  return { writes, configuration, texts: applied(texts, writes) };
}
