import { isMac } from "../../core/model/address.ts";
import { firstDraft } from "../../core/model/installation/defaults.ts";
import type { Draft, DraftProblem, PartitionSizes } from "../../core/model/installation/draft.ts";
import type { Hardware, InstallLink } from "../../core/model/installation/hardware.ts";
import { keyboardLayouts, timeZones } from "../../core/model/installation/locales.ts";
import { automaticSizes } from "../../core/model/installation/partitions.ts";
import { draftProblems } from "../../core/model/installation/problems.ts";
import { listDisks, matchDisk } from "./disks.ts";
import type { Answers } from "./format.ts";
import type { AnswerProblem } from "./problem.ts";
import type { ReadAnswers } from "./read.ts";
import { closest } from "./words.ts";
import type { Path } from "./yaml.ts";

/**
 * The draft that an answer file leads to on a machine, with everything that is wrong with it. While there is an error
 * among the problems, nothing may be touched. Without hardware, all that can be said without the machine: the draft then
 * has no disk, and interfaces as they were written.
 */
export function draftFromAnswers(
  read: ReadAnswers,
  hardware: Hardware | null,
): { draft: Draft; problems: AnswerProblem[] } {
  const { answers } = read;
  const first = firstDraft(hardware ?? someMachine);
  const disks = hardware === null ? { disk: null, mirror: null, problems: [] } : chooseDisks(read, hardware);
  const { locale, network, passwords } = answers;
  const draft: Draft = {
    locale: {
      language: locale?.language ?? first.locale.language,
      keyboard: locale?.keyboard ?? first.locale.keyboard,
      timezone: locale?.timezone ?? first.locale.timezone,
    },
    role: answers.role,
    disk: {
      disk: disks.disk,
      mirror: disks.mirror,
      custom: customScheme(answers, hardware, disks.disk),
      erase: answers.disk.erase ?? false,
    },
    network: {
      hostname: network?.hostname ?? first.network.hostname,
      links: network?.links?.map((given) => linkName(given, hardware?.links ?? [])) ?? first.network.links,
      bond: network?.bond === undefined ? null : { name: network.bond.name ?? "bond0", mode: network.bond.mode },
      vlan: network?.vlan ?? null,
      ipv4: network?.ipv4 ?? first.network.ipv4,
      ipv6: network?.ipv6 ?? first.network.ipv6,
      nameServers: network?.["name-servers"] ?? [],
      timeServers: network?.["time-servers"] ?? [],
    },
    passwords: { root: passwords.root, admin: passwords.admin ?? null },
    afterwards: answers.afterwards ?? "reboot",
  };
  const located = draftProblems(draft, hardware)
    // The rule has said why it stands for no disk.
    .filter((problem) => problem.code !== "DISK.NONE")
    .filter((problem) => problem.code !== "NET.BOND_ONE_LEG" || network?.links !== undefined)
    .map((problem) => locate(problem, read, draft, hardware));
  return { draft, problems: [...disks.problems, ...contradictions(read), ...located] };
}

/** Stands for the machine while there is none: one network card, so that the network's defaults are the usual ones. */
const someMachine: Hardware = {
  cpus: 4,
  memoryBytes: 8e9,
  virtualization: "on",
  firmware: "uefi",
  secureBoot: false,
  clock: { now: 0, plausible: true },
  vendor: null,
  model: null,
  disks: [],
  links: [{ name: "eth0", mac: null, driver: null, carrier: true, speedMbps: null, addresses: [] }],
};

function chooseDisks(
  { answers, place }: ReadAnswers,
  hardware: Hardware,
): { disk: string | null; mirror: string | null; problems: AnswerProblem[] } {
  const chosen: { disk: string | null; mirror: string | null } = { disk: null, mirror: null };
  const problems: AnswerProblem[] = [];
  const rules = [
    ["disk", answers.disk.system, "system"],
    ["mirror", answers.disk.mirror, "mirror"],
  ] as const;
  for (const [which, rule, key] of rules) {
    if (rule === undefined) continue;
    const match = matchDisk(rule, hardware.disks, chosen.disk);
    if ("disk" in match) chosen[which] = match.disk.name;
    else {
      const description = `disk.${key}: ${match.description}`;
      const list = listDisks(hardware.disks);
      problems.push({ ...place(["disk", key]), severity: "error", description, remedy: match.remedy, list });
    }
  }
  return { ...chosen, problems };
}

/** Sizes that are not given are those of the automatic scheme; `/` takes the rest. */
function customScheme({ disk }: Answers, hardware: Hardware | null, chosen: string | null): Draft["disk"]["custom"] {
  if (disk.partitions === undefined && disk.lvm !== true) return null;
  const known = hardware?.disks.find(({ name }) => name === chosen);
  const automatic = automaticSizes(known ?? largeDisk, hardware?.firmware ?? "uefi");
  const given = disk.partitions;
  const sizes: PartitionSizes = {
    efiBytes: given?.efi ?? automatic.efiBytes,
    bootBytes: given?.boot ?? automatic.bootBytes,
    swapBytes: given?.swap?.bytes ?? automatic.swapBytes,
    rootBytes: given?.root === undefined ? automatic.rootBytes : given.root.bytes,
    dataBytes: given?.data === undefined ? automatic.dataBytes : given.data.bytes,
  };
  return { sizes, lvm: disk.lvm ?? false };
}

const largeDisk = { name: "", sizeBytes: 1e12, sectorBytes: 512 };

/** An interface may be named by its MAC address; an address that no interface has stays as it is, and is told of. */
function linkName(given: string, links: readonly InstallLink[]): string {
  if (!isMac(given)) return given;
  return links.find((link) => link.mac?.toLowerCase() === given.toLowerCase())?.name ?? given;
}

/** Answers that exclude each other on any machine. */
function contradictions({ answers, place }: ReadAnswers): AnswerProblem[] {
  const problems: AnswerProblem[] = [];
  const add = (path: Path, description: string, remedy: string) =>
    problems.push({ ...place(path), severity: "error", description, remedy, list: [] });
  const { network, passwords, role, disk } = answers;
  if (network?.bond !== undefined && network.links === undefined) {
    add(["network", "bond"], "A bond needs network.links, its legs.", "Add for instance: links: [eno1, eno2]");
  }
  if (passwords.admin !== undefined && role !== "management") {
    const remedy = "Take passwords.admin out, or make it a management node.";
    add(["passwords", "admin"], `There is no cloud administrator on a ${role} node.`, remedy);
  }
  for (const [key, rule] of [["system", disk.system] as const, ["mirror", disk.mirror] as const]) {
    if (rule === undefined || rule === "first-empty" || rule.size === undefined) continue;
    const { min, max } = rule.size;
    if (min !== undefined && max !== undefined && min > max) {
      add(["disk", key, "size"], `disk.${key}.size: min is larger than max.`, "Exchange them.");
    }
  }
  return problems;
}

/** Where in an answer file a field of the draft comes from. */
const sources: readonly [field: RegExp, path: Path][] = [
  [/^disk\.disk$/, ["disk", "system"]],
  [/^disk\.mirror$/, ["disk", "mirror"]],
  [/^disk\.custom\.sizes\.efiBytes$/, ["disk", "partitions", "efi"]],
  [/^disk\.custom\.sizes\.bootBytes$/, ["disk", "partitions", "boot"]],
  [/^disk\.custom\.sizes\.swapBytes$/, ["disk", "partitions", "swap"]],
  [/^disk\.custom\.sizes\.rootBytes$/, ["disk", "partitions", "root"]],
  [/^disk\.custom\.sizes\.dataBytes$/, ["disk", "partitions", "data"]],
  [/^network\.ipv4\.prefix$/, ["network", "ipv4", "address"]],
  [/^network\.ipv6\.prefix$/, ["network", "ipv6", "address"]],
];

function pathOf(field: string): Path {
  const found = sources.find(([pattern]) => pattern.test(field));
  if (found !== undefined) return found[1];
  const words = { nameServers: "name-servers", timeServers: "time-servers" } as const;
  return field.split(".").map((part) => {
    if (part === "nameServers" || part === "timeServers") return words[part];
    return /^\d+$/.test(part) ? Number(part) : part;
  });
}

function locate(problem: DraftProblem, read: ReadAnswers, draft: Draft, hardware: Hardware | null): AnswerProblem {
  const path = pathOf(problem.field);
  const { description, severity } = problem;
  const isAboutDisk = problem.section === "disk" && hardware !== null;
  return {
    ...read.place(path),
    severity,
    description: `${path.filter((part) => typeof part === "string").join(".")}: ${description}`,
    remedy: remedyFor(problem, draft),
    list: isAboutDisk && severity === "error" ? listDisks(hardware.disks) : [],
  };
}

function remedyFor(problem: DraftProblem, draft: Draft): string {
  switch (problem.code) {
    case "DISK.ERASE":
      return "If all of this may go, write below disk: erase: true";
    case "LOCALE.KEYBOARD":
      return problem.remedy + suggestion(draft.locale.keyboard, keyboardLayouts);
    case "LOCALE.TIMEZONE":
      return problem.remedy + suggestion(draft.locale.timezone, timeZones());
    default:
      return problem.remedy;
  }
}

function suggestion(word: string, words: readonly string[]): string {
  const near = closest(word, words);
  return near === undefined ? "" : ` Did you mean ${near}?`;
}
