import type { Draft } from "../../core/model/installation/draft.ts";
import { formatBinary } from "../../core/model/installation/problem.ts";
import { formatRule } from "./disks.ts";
import type { Answers } from "./format.ts";
import { shown } from "./words.ts";

/** What an answer file without errors will do, a line each. */
export function summarize(answers: Answers, draft: Draft): string[] {
  const { network } = draft;
  const { disk } = answers;
  const rows: [string, string][] = [
    ["Role", draft.role],
    ["Locale", `${draft.locale.language}, keyboard ${draft.locale.keyboard}, ${draft.locale.timezone}`],
    ["Disk", draft.disk.disk ?? formatRule(disk.system)],
    ...(disk.mirror === undefined
      ? []
      : [["Mirror", draft.disk.mirror ?? formatRule(disk.mirror)] as [string, string]]),
    ["Erase", draft.disk.erase ? "whatever is on it" : "nothing: only an empty disk is taken"],
    ["Partitions", scheme(draft)],
    [
      "Host name",
      answers.network?.hostname === undefined && draft.disk.disk === null
        ? "binnacle- and the end of the MAC address"
        : network.hostname,
    ],
    ["Interface", interfaces(answers, draft)],
    ["IPv4", address(network.ipv4)],
    ["IPv6", address(network.ipv6)],
    ["Servers", servers(draft)],
    ["Passwords", draft.passwords.admin === null ? "root" : "root, cloud administrator"],
    ["Afterwards", draft.afterwards],
  ];
  return rows.map(([name, text]) => `  ${name.padEnd(12)}${text}`);
}

function scheme({ disk }: Draft): string {
  if (disk.custom === null) return "automatic";
  const { sizes, lvm } = disk.custom;
  const part = (name: string, bytes: number | null) => {
    if (bytes === 0) return [];
    return [`${name} ${bytes === null ? "the rest" : formatBinary(bytes)}`];
  };
  const parts = [
    ...part("/boot/efi", sizes.efiBytes),
    ...part("/boot", sizes.bootBytes),
    ...part("swap", sizes.swapBytes),
    ...part("/", sizes.rootBytes),
    ...part("/var/lib/binnacle", sizes.dataBytes),
  ];
  return `${parts.join(", ")}${lvm ? " (LVM)" : ""}`;
}

function interfaces(answers: Answers, draft: Draft): string {
  const { network } = draft;
  const links =
    answers.network?.links === undefined && draft.disk.disk === null
      ? "the first with carrier"
      : network.links.map(plain).join(", ");
  const bond = network.bond === null ? links : `${plain(network.bond.name)} (${network.bond.mode}) of ${links}`;
  return network.vlan === null ? bond : `VLAN ${network.vlan} on ${bond}`;
}

function plain(text: string): string {
  return /^[\w.:-]+$/.test(text) ? text : shown(text);
}

function address(answers: Draft["network"]["ipv4"] | Draft["network"]["ipv6"]): string {
  if (answers.method !== "static") return answers.method;
  const gateway = answers.gateway === null ? "no gateway" : `gateway ${answers.gateway}`;
  return `${answers.address}/${answers.prefix}, ${gateway}`;
}

function servers({ network }: Draft): string {
  const learns = network.ipv4.method === "dhcp" || network.ipv6.method === "dhcp" || network.ipv6.method === "auto";
  const none = learns ? "as learnt" : "none";
  const names = network.nameServers.length === 0 ? none : network.nameServers.join(", ");
  const times = network.timeServers.length === 0 ? none : network.timeServers.join(", ");
  return `names ${names}; time ${times}`;
}
