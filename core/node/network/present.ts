import { join } from "node:path";
import * as z from "zod";
import { isMac } from "../../model/address.ts";
import type { FactValue, Link } from "../../model/facts.ts";
import { jsonOrNothing } from "../../model/json.ts";
import type { NetworkConfiguration, NetworkHardware } from "../../model/network/configuration.ts";
import { networkSource } from "../facts/network.ts";
import { nodeFilePath, readNodeFile } from "../facts/node-file.ts";
import { type Machine, readIfThere } from "../machine.ts";
import type { OtherProfile, PresentLink } from "./bind-profiles.ts";
import { type EffectiveProfiles, effectiveProfiles } from "./profiles.ts";
import { readConfiguration } from "./read-configuration.ts";
import { readProfileFiles } from "./read-profiles.ts";

export const hostnamePath = "/etc/hostname";
export const timeServersPath = "/etc/chrony/sources.d/binnacle.sources";

/** The network as it is configured and as it is, read at one moment. */
export type Present = {
  configuration: NetworkConfiguration;
  others: OtherProfile[];
  profiles: EffectiveProfiles;
  links: PresentLink[];
  network: FactValue<"network">;
  hardware: NetworkHardware;
};

export type PresentOptions = { machine: Machine; root: string; signal: AbortSignal };

/**
 * Reads profiles, names and links.
 *
 * @param options.root "" on a node; otherwise a folder whose files stand before those of the machine
 * @throws FactMissing or NodeError when the links can't be read
 */
export async function readPresent({ machine, root, signal }: PresentOptions): Promise<Present> {
  const [network, limits, files, hostname, timeServers, managementLink] = await Promise.all([
    networkSource().read(machine, signal),
    readMtuLimits(machine, signal),
    readProfileFiles(root),
    readSetting(machine, root, hostnamePath),
    readSetting(machine, root, timeServersPath),
    readManagementLink(machine, root),
  ]);
  const profiles = effectiveProfiles(files);
  const links = network.links.map(presentLink);
  const read = readConfiguration({
    profiles: profiles.profiles,
    hostname: hostname?.trim() ?? "localhost",
    timeServers: parseTimeServers(timeServers ?? ""),
    managementLink,
    present: links,
  });
  return {
    configuration: read.configuration,
    others: read.others,
    profiles,
    links,
    network,
    hardware: hardwareOf(network, limits, read.configuration),
  };
}

export function presentLink({ name, kind, mac, permanentMac }: Link): PresentLink {
  return { name, kind, mac: permanentMac ?? mac };
}

/** A setting of the node; that of `root`, where there is one, stands before the machine's. */
export async function readSetting(machine: Machine, root: string, path: string): Promise<string | undefined> {
  if (root !== "") {
    const own = await readIfThere(machine, join(root, path)).catch(() => undefined);
    if (own !== undefined) return own;
  }
  return readIfThere(machine, path);
}

async function readManagementLink(machine: Machine, root: string): Promise<string | null> {
  const rooted = root === "" ? machine : { ...machine, readFile: readFirst(machine, root) };
  // A damaged file must not keep anybody from mending the network.
  const file = await readNodeFile(rooted).catch(() => undefined);
  return file?.managementLink ?? null;
}

function readFirst(machine: Machine, root: string): Machine["readFile"] {
  return async (path) =>
    path === nodeFilePath
      ? ((await readSetting(machine, root, path)) ?? machine.readFile(path))
      : machine.readFile(path);
}

/** `server NAME options` and `pool NAME options` of chrony.conf(5). */
function parseTimeServers(text: string): string[] {
  return [...text.matchAll(/^\s*(?:server|pool)\s+(\S+)/gm)].map((found) => found[1] ?? "");
}

const ipLimits = z.array(z.object({ ifname: z.string().optional(), max_mtu: z.number().optional() }));

async function readMtuLimits(machine: Machine, signal: AbortSignal): Promise<Map<string, number>> {
  const run = machine.run("ip", ["-j", "-d", "link", "show"], { timeoutMs: 4000, signal });
  // A limit that is not known forbids nothing.
  const text = await run.then(
    ({ stdout }) => stdout,
    () => "[]",
  );
  const parsed = ipLimits.safeParse(jsonOrNothing(text));
  const limits = parsed.success ? parsed.data : [];
  return new Map(
    limits.flatMap(({ ifname, max_mtu }) =>
      ifname === undefined || max_mtu === undefined || max_mtu === 0 ? [] : [[ifname, max_mtu] as const],
    ),
  );
}

function hardwareOf(
  { links }: FactValue<"network">,
  limits: ReadonlyMap<string, number>,
  configuration: NetworkConfiguration,
): NetworkHardware {
  const made = new Set(configuration.links.map(({ name }) => name));
  return {
    links: links.filter(isCard).map(({ name, permanentMac, mac, speedMbps, carrier }) => {
      const address = permanentMac ?? mac;
      return {
        name,
        mac: address !== null && isMac(address) ? address : null,
        speedMbps,
        carrier,
        maxMtu: limits.get(name) ?? null,
      };
    }),
    otherNames: links.filter((link) => !isCard(link) && !made.has(link.name)).map(({ name }) => name),
  };
}

/** A pair of virtual links stands for a card and its cable in a machine that is a container or a namespace. */
function isCard({ kind, driver }: FactValue<"network">["links"][number]): boolean {
  return kind === "physical" || (kind === "virtual" && driver === "veth");
}
