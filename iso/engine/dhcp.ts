import { NodeError } from "../../core/model/error.ts";
import type { NetworkAnswers } from "../../core/model/installation/draft.ts";
import { parseLinks, parseNameServers, parseRoutes } from "../../core/node/facts/links.ts";
import { runText } from "../../core/node/facts/source.ts";
import { type Machine, readOrNothing } from "../../core/node/machine.ts";
import { managementLink } from "./configuration/network-files.ts";

export type Lease = { address: string; gateway: string | null; nameServers: string[]; seconds: number };

const limitSeconds = 20;
const profile = "binnacle-installer";

/**
 * Asks for an address by DHCP on the draft's links, through NetworkManager where it runs. The address stays: a URL may
 * be needed later.
 * @throws NodeError NET.NO_LINK, NET.NO_CARRIER, NET.NO_LEASE
 */
export async function tryDhcp(machine: Machine, network: NetworkAnswers, signal: AbortSignal): Promise<Lease> {
  const link = managementLink(network);
  if (link === null)
    throw new NodeError("NET.NO_LINK", "No interface is chosen.", { remedy: "Choose the interface with the cable." });
  const startedMs = machine.monotonicMs();
  await requireCarrier(machine, network.links, signal);
  const managed = await networkManagerRuns(machine, signal);
  if (managed) await byNetworkManager(machine, network, link, signal);
  else await byClient(machine, network, link, signal);
  const lease = await leaseOf(machine, link, signal);
  if (lease === undefined) throw noLease(link);
  return { ...lease, seconds: Math.round((machine.monotonicMs() - startedMs) / 1000) };
}

/** An interface tells of its cable only when it is up. */
async function requireCarrier(machine: Machine, links: readonly string[], signal: AbortSignal): Promise<void> {
  for (const link of links)
    await machine.run("ip", ["link", "set", "dev", link, "up"], { timeoutMs: 5000, signal }).catch(() => undefined);
  const waitUntil = machine.monotonicMs() + 5000;
  for (;;) {
    const states = await Promise.all(links.map((link) => readOrNothing(machine, `/sys/class/net/${link}/carrier`)));
    if (states.includes("1")) return;
    if (machine.monotonicMs() >= waitUntil || signal.aborted) break;
    await new Promise<void>((resolve) => machine.after(250, resolve));
  }
  throw new NodeError("NET.NO_CARRIER", `There is no signal on ${links.join(", ")}.`, {
    remedy: "Plug the cable in, look at the switch's port, or choose another interface.",
    values: { links: links.join(", ") },
  });
}

async function networkManagerRuns(machine: Machine, signal: AbortSignal): Promise<boolean> {
  const args = ["--terse", "--fields", "RUNNING", "general"];
  const result = await machine.run("nmcli", args, { timeoutMs: 5000, signal }).catch(() => undefined);
  return result?.code === 0 && result.stdout.trim() === "running";
}

/** Profiles that are never saved, from the cable up; those of a former attempt go first. */
async function byNetworkManager(
  machine: Machine,
  network: NetworkAnswers,
  link: string,
  signal: AbortSignal,
): Promise<void> {
  const nmcli = (args: readonly string[], timeoutMs = 10_000) => machine.run("nmcli", args, { timeoutMs, signal });
  const add = (name: string, type: string, more: readonly string[]) =>
    nmcli(["connection", "add", "save", "no", "type", type, "con-name", name, "autoconnect", "no", ...more]);
  const { links, bond, vlan } = network;
  const base = bond?.name ?? links[0] ?? "";
  const names = [profile, `${profile}-base`, ...links.map((leg) => `${profile}-${leg}`)];
  for (const name of names) await nmcli(["connection", "delete", "id", name]);
  const dhcp = ["ipv4.method", "auto", "ipv6.method", "auto", "ipv6.may-fail", "yes", "ipv4.may-fail", "no"];
  const none = ["ipv4.method", "disabled", "ipv6.method", "disabled"];
  const baseName = vlan === null ? profile : `${profile}-base`;
  if (bond === null) await add(baseName, "ethernet", ["ifname", base, ...(vlan === null ? dhcp : none)]);
  else {
    const options = `mode=${bond.mode},miimon=100`;
    await add(baseName, "bond", ["ifname", base, "bond.options", options, ...(vlan === null ? dhcp : none)]);
    for (const leg of links) await add(`${profile}-${leg}`, "ethernet", ["ifname", leg, "master", base]);
    for (const leg of links) await nmcli(["--wait", "5", "connection", "up", "id", `${profile}-${leg}`]);
  }
  if (vlan !== null) {
    await nmcli(["--wait", "5", "connection", "up", "id", baseName]);
    await add(profile, "vlan", ["ifname", link, "dev", base, "id", String(vlan), ...dhcp]);
  }
  const { code } = await nmcli(
    ["--wait", String(limitSeconds), "connection", "up", "id", profile],
    (limitSeconds + 5) * 1000,
  );
  if (code !== 0) throw noLease(link);
}

/** Without NetworkManager only a plain interface can be tried; bonds and VLANs are left to the installed system. */
async function byClient(machine: Machine, network: NetworkAnswers, link: string, signal: AbortSignal): Promise<void> {
  if (network.bond !== null || network.vlan !== null) throw noLease(link);
  const clients: [string, string[]][] = [
    ["dhcpcd", ["--oneshot", "--waitip=4", "--timeout", String(limitSeconds), link]],
    ["busybox", ["udhcpc", "-i", link, "-n", "-q", "-f", "-t", "6", "-T", "3"]],
  ];
  for (const [command, args] of clients) {
    try {
      const { code } = await machine.run(command, args, { timeoutMs: limitSeconds * 1000, signal, reason: "try DHCP" });
      if (code === 0) return;
    } catch (error) {
      if (!(error instanceof NodeError && error.code === "RUN.NOT_FOUND")) throw noLease(link);
    }
  }
  throw noLease(link);
}

async function leaseOf(
  machine: Machine,
  link: string,
  signal: AbortSignal,
): Promise<Omit<Lease, "seconds"> | undefined> {
  const limits = { timeoutMs: 5000, signal };
  const links = parseLinks(await runText(machine, "ip", ["-j", "-d", "-s", "addr", "show"], limits));
  const own = links.find(({ ifname }) => ifname === link)?.addr_info ?? [];
  const found = own.find(({ family, scope, local }) => family === "inet" && scope === "global" && local !== undefined);
  if (found?.local === undefined) return undefined;
  const routes = parseRoutes(await runText(machine, "ip", ["-j", "route", "show", "default"], limits), "inet");
  const resolv = (await readOrNothing(machine, "/etc/resolv.conf")) ?? "";
  return {
    address: `${found.local}/${found.prefixlen}`,
    gateway: routes.find((route) => route.link === link)?.address ?? null,
    nameServers: parseNameServers(resolv),
  };
}

function noLease(link: string): NodeError {
  return new NodeError("NET.NO_LEASE", `No DHCP server gave ${link} an address within ${limitSeconds} s.`, {
    remedy: "Look at cable, switch port and VLAN, or give a static address.",
    values: { link },
  });
}
