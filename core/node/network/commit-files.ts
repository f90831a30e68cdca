import { join } from "node:path";
import * as z from "zod";
import { NodeError } from "../../model/error.ts";
import type { NetworkConfiguration } from "../../model/network/configuration.ts";
import { nodeFilePath } from "../facts/node-file.ts";
import type { FileChange } from "./commit.ts";
import { hostnamePath, type Present, readSetting, timeServersPath } from "./present.ts";
import { profileFolders } from "./profiles.ts";
import type { ProfileWrite } from "./write-profiles.ts";

const hostsPath = "/etc/hosts";

type Wanted = {
  present: Present;
  configuration: NetworkConfiguration;
  writes: readonly ProfileWrite[];
  /** What makes new names of cards last: `link-files.ts`. */
  linkFiles: readonly FileChange[];
  read: (path: string) => Promise<string | undefined>;
};

/** Every file of /etc that a change of the configuration changes, as it has to be. */
export async function committedFiles(wanted: Wanted): Promise<FileChange[]> {
  const { present, configuration, writes, linkFiles, read } = wanted;
  const before = present.configuration;
  const changes = [...profileFiles(writes), ...linkFiles];
  if (before.hostname !== configuration.hostname) {
    changes.push(plain(hostnamePath, `${configuration.hostname}\n`));
    const hosts = await read(hostsPath);
    if (hosts !== undefined)
      changes.push(plain(hostsPath, withOwnName(hosts, before.hostname, configuration.hostname)));
  }
  if (before.timeServers.join() !== configuration.timeServers.join()) {
    const text = withTimeServers((await read(timeServersPath)) ?? "", configuration.timeServers);
    changes.push({ path: timeServersPath, mode: 0o644, text: text === "" ? null : text });
  }
  if (before.managementLink !== configuration.managementLink) {
    changes.push(plain(nodeFilePath, withManagementLink(await read(nodeFilePath), configuration.managementLink)));
  }
  return changes;
}

function plain(path: string, text: string): FileChange {
  return { path, mode: 0o644, text };
}

/** Profiles are for root alone: NetworkManager ignores others. A profile that goes takes along what it has hidden. */
function profileFiles(writes: readonly ProfileWrite[]): FileChange[] {
  return writes.flatMap(({ file, text, was }) => {
    const hidden = text === null ? (was?.hidden ?? []).filter((path) => path.startsWith(`${profileFolders.etc}/`)) : [];
    const paths = [join(profileFolders.etc, file), ...hidden];
    return paths.map((path) => ({ path, mode: 0o600, text }));
  });
}

/** Debian's convention: 127.0.1.1 is the machine's own name. Other names that somebody gave it there stay. */
function withOwnName(hosts: string, former: string, hostname: string): string {
  const present = /^(127\.0\.1\.1[ \t]+)([^#\n\r]*?)([ \t]*#.*)?$/m.exec(hosts);
  const namesOf = (name: string) => [name, name.split(".")[0] ?? name];
  const own = new Set([...namesOf(former), ...namesOf(hostname)]);
  const others = (present?.[2] ?? "").split(/\s+/).filter((name) => name !== "" && !own.has(name));
  const names = [...new Set([...namesOf(hostname), ...others])].join(" ");
  if (present === null) return `${hosts.trimEnd()}\n127.0.1.1 ${names}\n`;
  const [line, address = "", , comment = ""] = present;
  return hosts.replace(line, () => `${address}${names}${comment}`);
}

/** chrony's sources. A server that stays keeps its line, with the options that somebody gave it; so do other lines. */
function withTimeServers(text: string, servers: readonly string[]): string {
  const open = new Set(servers);
  const lines = text.split("\n").filter((line) => {
    const server = /^\s*(?:server|pool)\s+(\S+)/.exec(line)?.[1];
    return line.trim() !== "" && (server === undefined || open.delete(server));
  });
  const others = lines.filter((line) => !/^\s*(?:server|pool)\s/.test(line));
  const lineOf = (server: string) =>
    lines.find((line) => /^\s*(?:server|pool)\s+(\S+)/.exec(line)?.[1] === server) ?? `server ${server} iburst`;
  return [...others, ...servers.map(lineOf)].map((line) => `${line}\n`).join("");
}

const anyObject = z.record(z.string(), z.unknown());

function withManagementLink(text: string | undefined, link: string | null): string {
  const { managementLink: _, ...others } = text === undefined ? { role: "none" } : nodeFileOf(text);
  return `${JSON.stringify(link === null ? others : { ...others, managementLink: link }, null, 2)}\n`;
}

function nodeFileOf(text: string): Record<string, unknown> {
  try {
    return anyObject.parse(JSON.parse(text));
  } catch (cause) {
    throw new NodeError(
      "NET.NODE_FILE",
      `${nodeFilePath} is damaged: the management interface can't be written there.`,
      {
        remedy: `Correct ${nodeFilePath} first.`,
        cause,
      },
    );
  }
}

/** Reads a file of the node for {@link committedFiles}. */
export function settingReader(machine: Parameters<typeof readSetting>[0], root: string): Wanted["read"] {
  return (path) => readSetting(machine, root, path);
}
