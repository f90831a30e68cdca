import { isMac } from "../address.ts";
import type { Draft, NetworkAnswers } from "./draft.ts";
import type { Hardware, InstallDisk, InstallLink } from "./hardware.ts";

/**
 * The draft before anybody has answered: what a technician who presses Enter all the way installs, a management node.
 * Only the passwords are missing. Values: ../shared/spec/image.md, "The installer's questions".
 */
export function firstDraft(hardware: Hardware): Draft {
  const link = preferredLink(hardware.links);
  return {
    locale: { language: "en_US", keyboard: "us", timezone: "Asia/Shanghai" },
    role: "management",
    disk: { disk: preferredDisk(hardware.disks)?.name ?? null, mirror: null, custom: null, erase: false },
    network: firstNetwork(hardware, link),
    passwords: { root: null, admin: null },
    afterwards: "ask",
  };
}

function firstNetwork(hardware: Hardware, link: InstallLink | undefined): NetworkAnswers {
  return {
    hostname: `binnacle-${distinction(hardware, link)}`,
    links: link === undefined ? [] : [link.name],
    bond: null,
    vlan: null,
    ipv4: { method: link === undefined ? "none" : "dhcp" },
    ipv6: { method: link === undefined ? "none" : "auto" },
    nameServers: [],
    timeServers: [],
  };
}

/** The link that has carrier; of several the one that has an address already, then the first. */
function preferredLink(links: readonly InstallLink[]): InstallLink | undefined {
  const withCarrier = links.filter((link) => link.carrier === true);
  return withCarrier.find((link) => link.addresses.length > 0) ?? withCarrier[0] ?? links[0];
}

/**
 * The first disk that can hold the system. One that fails, one on USB and one with data come after all others, in this
 * order: nobody should have to notice that the preselected disk is the wrong one.
 */
function preferredDisk(disks: readonly InstallDisk[]): InstallDisk | undefined {
  const drawbacks = (disk: InstallDisk) =>
    (disk.health === "failing" ? 4 : 0) + (disk.bus === "usb" ? 2 : 0) + (disk.empty ? 0 : 1);
  return disks.filter((disk) => disk.unusable === null).toSorted((a, b) => drawbacks(a) - drawbacks(b))[0];
}

/**
 * Six characters that tell this machine from its neighbours: the end of a MAC address, as it is printed on the card;
 * without a network card the end of a disk's serial number; without either the time of the installation.
 */
function distinction(hardware: Hardware, link: InstallLink | undefined): string {
  const macs = [link, ...hardware.links].map((candidate) => candidate?.mac ?? "");
  const mac = macs.find((candidate) => isMac(candidate) && /[^0:]/.test(candidate));
  if (mac !== undefined) return mac.replaceAll(":", "").slice(-6).toLowerCase();
  const serials = hardware.disks.map((disk) => (disk.serial ?? "").toLowerCase().replace(/[^\da-z]/g, ""));
  const serial = serials.find((candidate) => candidate.length >= 6);
  const seconds = Math.floor(hardware.clock.now / 1000);
  return serial?.slice(-6) ?? seconds.toString(16).padStart(6, "0").slice(-6);
}
