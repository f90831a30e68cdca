import type { Draft } from "../../../core/model/installation/draft.ts";
import type { Layout, Volume } from "../layout.ts";
import type { EtcFile, EtcLink } from "./files.ts";
import { managementLink, networkFiles } from "./network-files.ts";

/** Where the hash of the cloud administrator's first password waits for the installation of the role. */
export const adminPasswordPath = "/etc/binnacle/admin-password";

/** Everything that makes this node differ from the image, except for its accounts. */
export function etcFiles(draft: Draft, layout: Layout, newUuid: () => string): EtcFile[] {
  const { locale, network, role, passwords } = draft;
  const link = managementLink(network);
  const node = { role, ...(link === null ? {} : { managementLink: link }) };
  const secret =
    role === "management" && passwords.admin !== null
      ? [{ path: adminPasswordPath, mode: 0o600, text: `${passwords.admin}\n` }]
      : [];
  return [
    plain("/etc/hostname", `${network.hostname}\n`),
    plain("/etc/hosts", hostsText(network.hostname)),
    plain("/etc/fstab", fstabText(layout)),
    plain("/etc/default/locale", `LANG=${locale.language}.UTF-8\n`),
    plain("/etc/default/keyboard", keyboardText(locale.keyboard)),
    plain("/etc/timezone", `${locale.timezone}\n`),
    // Filled at the first boot: no two machines may share it.
    plain("/etc/machine-id", ""),
    plain("/etc/binnacle/node.json", `${JSON.stringify(node, null, 2)}\n`),
    ...networkFiles(draft, newUuid),
    ...timeFiles(network.timeServers),
    ...raidFiles(layout),
    ...secret,
  ];
}

export function etcLinks({ locale }: Pick<Draft, "locale">): EtcLink[] {
  return [{ path: "/etc/localtime", target: `/usr/share/zoneinfo/${locale.timezone}` }];
}

function plain(path: string, text: string): EtcFile {
  return { path, mode: 0o644, text };
}

function hostsText(hostname: string): string {
  const [short = hostname] = hostname.split(".");
  const names = short === hostname ? hostname : `${hostname} ${short}`;
  return `127.0.0.1 localhost
127.0.1.1 ${names}
::1 localhost ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
`;
}

/**
 * Root is no line: the initial RAM disk mounts it. Neither a missing swap nor a damaged EFI system partition may stop
 * a boot. They are waited for as long as systemd waits for any device: at a first boot on a slow machine, or behind a
 * controller with many disks, udev takes more than ten seconds. Nothing may write to where the data belong before
 * their file system is there.
 */
function fstabText({ volumes }: Layout): string {
  const lines = volumes.flatMap((volume, nth) => {
    const isFirstEfi = volumes.findIndex(({ purpose }) => purpose === "efi") === nth;
    return volume.purpose === "efi" && !isFirstEfi ? [] : fstabLine(volume);
  });
  return ["# Source Mount-point Type Options Dump Pass", ...lines, ""].join("\n");
}

function fstabLine({ purpose, uuid }: Volume): string[] {
  const source = `UUID=${uuid}`;
  switch (purpose) {
    case "boot":
      return [`${source} /boot ext4 defaults,nodev,nosuid,noexec 0 2`];
    case "efi":
      return [`${source} /boot/efi vfat umask=0077,nofail 0 0`];
    case "swap":
      return [`${source} none swap nofail 0 0`];
    case "data":
      return [`${source} /var/lib/binnacle ext4 defaults,nofail,x-systemd.before=local-fs.target 0 2`];
    case "root":
      return [];
  }
}

/** Source: keyboard(5), read by console-setup and systemd-localed. */
function keyboardText(layout: string): string {
  return `XKBMODEL="pc105"\nXKBLAYOUT="${layout}"\nXKBVARIANT=""\nXKBOPTIONS=""\nBACKSPACE="guess"\n`;
}

function timeFiles(servers: readonly string[]): EtcFile[] {
  if (servers.length === 0) return [];
  return [
    plain("/etc/chrony/sources.d/binnacle.sources", servers.map((server) => `server ${server} iburst\n`).join("")),
  ];
}

/** The arrays keep their names whatever host they were made on. */
function raidFiles({ disks }: Layout): EtcFile[] {
  if (disks.length < 2) return [];
  return [plain("/etc/mdadm/mdadm.conf", "HOMEHOST <ignore>\nMAILADDR root\nDEVICE partitions\n")];
}
