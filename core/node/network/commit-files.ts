import { join } from "node:path";
import * as z from "zod";
import type { NetworkConfiguration } from "../../model/network/configuration.ts";
import type { Renames } from "../../model/network/rename.ts";
import { nodeFilePath } from "../facts/node-file.ts";
import type { FileChange } from "./commit.ts";
import { hostnamePath, type Present, readSetting, timeServersPath } from "./present.ts";
import { profileFolders } from "./profiles.ts";
import type { ProfileWrite } from "./write-profiles.ts";

const hostsPath = "/etc/hosts";
export const linkFilesFolder = "/etc/systemd/network";

type Wanted = {
  present: Present;
  configuration: NetworkConfiguration;
  writes: readonly ProfileWrite[];
  renames: Renames;
  read: (path: string) => Promise<string | undefined>;
};

/** Every file of /etc that a change of the configuration changes, as it has to be. */
export async function committedFiles(wanted: Wanted): Promise<FileChange[]> {
  const { present, configuration, writes, read } = wanted;
  const before = present.configuration;
  const changes = [...profileFiles(writes), ...linkFiles(wanted)];
  if (before.hostname !== configuration.hostname) {
    changes.push(plain(hostnamePath, `${configuration.hostname}\n`));
    const hosts = await read(hostsPath);
    if (hosts !== undefined) changes.push(plain(hostsPath, withOwnName(hosts, configuration.hostname)));
  }
  if (before.timeServers.join() !== configuration.timeServers.join()) {
    const lines = configuration.timeServers.map((server) => `server ${server} iburst\n`);
    changes.push({ path: timeServersPath, mode: 0o644, text: lines.length === 0 ? null : lines.join("") });
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

/**
 * A link file pins a name to a card, by the address that is burnt into it. Source: systemd.link(5); the options beside
 * the name are those of Debian's 99-default.link, which it takes the place of.
 */
function linkFiles({ present, renames }: Wanted): FileChange[] {
  return [...renames].flatMap(([from, to]) => {
    const mac = present.hardware.links.find(({ name }) => name === from)?.mac;
    if (mac === undefined || mac === null) return [];
    const text = `[Match]\nPermanentMACAddress=${mac}\n\n[Link]\nName=${to}\nAlternativeNamesPolicy=database onboard slot path\nMACAddressPolicy=persistent\n`;
    return [plain(`${linkFilesFolder}/70-binnacle-${mac.replaceAll(":", "")}.link`, text)];
  });
}

/** Debian's convention: 127.0.1.1 is the machine's own name. */
function withOwnName(hosts: string, hostname: string): string {
  const [short = hostname] = hostname.split(".");
  const line = `127.0.1.1 ${short === hostname ? hostname : `${hostname} ${short}`}`;
  return /^127\.0\.1\.1\b.*$/m.test(hosts)
    ? hosts.replace(/^127\.0\.1\.1\b.*$/m, line)
    : `${hosts.trimEnd()}\n${line}\n`;
}

const anyObject = z.record(z.string(), z.unknown());

function withManagementLink(text: string | undefined, link: string | null): string {
  const parsed = text === undefined ? undefined : anyObject.safeParse(JSON.parse(text));
  const { managementLink: _, ...others } = parsed?.success === true ? parsed.data : { role: "none" };
  return `${JSON.stringify(link === null ? others : { ...others, managementLink: link }, null, 2)}\n`;
}

/** Reads a file of the node for {@link committedFiles}. */
export function settingReader(machine: Parameters<typeof readSetting>[0], root: string): Wanted["read"] {
  return (path) => readSetting(machine, root, path);
}
