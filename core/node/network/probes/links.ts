import type { Link } from "../../../model/facts.ts";
import { linkOf as settingsOf } from "../../../model/network/configuration.ts";
import type { ProbeResult } from "../../../model/network/transaction.ts";
import { linkNow, type ProbeContext, probed, unlessManagement } from "./probe.ts";

/** What can be seen at the links themselves: cables, speeds, LACP partners, addresses. Nothing is sent. */
export function probeLinks(context: ProbeContext): ProbeResult[] {
  return context.touched.flatMap((name) => {
    const link = linkNow(context, name);
    if (link === undefined) {
      const description = `${name} does not exist.`;
      return [probed("carrier", name, unlessManagement(context, name), "CARRIER.NO_LINK", description, { link: name })];
    }
    return [
      ...carrier(context, link),
      ...speed(context, link),
      ...lacp(link),
      ...addresses(context, link, "ipv4"),
      ...addresses(context, link, "ipv6"),
    ];
  });
}

function carrier(context: ProbeContext, link: Link): ProbeResult[] {
  const values = { link: link.name };
  const legs = link.bond?.legs ?? [];
  const wanted = wantedLegs(context, link.name);
  const missing = wanted.filter((leg) => !legs.some((each) => each.link === leg));
  const dead = legs.filter(({ up }) => !up).map((leg) => leg.link);
  const without = [...dead, ...missing];
  if (link.bond !== null && wanted.length === 0)
    return [probed("carrier", link.name, "skipped", "CARRIER.NO_LEGS", `${link.name} has no legs yet.`, values)];
  if (link.carrier !== true) {
    const is = link.bond === null ? "has no carrier" : `has no leg with a carrier (${without.join(", ")})`;
    const description = `${link.name} ${is}: check the cable and the switch's port.`;
    return [probed("carrier", link.name, unlessManagement(context, link.name), "CARRIER.NONE", description, values)];
  }
  if (without.length > 0) {
    const description = `${link.name} works, but ${without.join(" and ")} has no carrier: check the cable.`;
    return [
      probed("carrier", link.name, "warning", "CARRIER.LEGS", description, { ...values, legs: without.join(", ") }),
    ];
  }
  return [probed("carrier", link.name, "passed", "CARRIER.OK", `${link.name} has a carrier.`, values)];
}

function wantedLegs({ configuration }: ProbeContext, link: string): readonly string[] {
  const settings = settingsOf(configuration, link);
  return settings?.kind === "bond" ? settings.bond.legs : [];
}

function speed({ network }: ProbeContext, link: Link): ProbeResult[] {
  const legs = (link.bond?.legs ?? []).filter(({ up }) => up).map((leg) => leg.link);
  const speeds = new Map(
    legs.flatMap((leg) => {
      const mbps = network.links.find(({ name }) => name === leg)?.speedMbps;
      return mbps === undefined || mbps === null ? [] : [[leg, mbps] as const];
    }),
  );
  if (new Set(speeds.values()).size < 2) return [];
  const told = [...speeds].map(([leg, mbps]) => `${leg} ${mbps}`).join(", ");
  const description = `The legs of ${link.name} differ in speed (Mbit/s: ${told}): an 802.3ad bond uses those of one speed only.`;
  return [probed("speed", link.name, "warning", "SPEED.DIFFERS", description, { link: link.name, speeds: told })];
}

function lacp(link: Link): ProbeResult[] {
  if (link.bond?.mode !== "802.3ad") return [];
  const up = link.bond.legs.filter((leg) => leg.up);
  if (up.length === 0) return [];
  const silent = up.filter(({ partnerMac }) => partnerMac === null).map((leg) => leg.link);
  const values = { link: link.name, legs: silent.join(", ") };
  if (silent.length > 0) {
    const description = `Nobody speaks LACP at the other end of ${silent.join(" and ")}: switch it on at the switch, or use active-backup.`;
    return [probed("lacp", link.name, "warning", "LACP.SILENT", description, values)];
  }
  const partners = new Set(up.map(({ partnerMac }) => partnerMac));
  if (partners.size > 1) {
    const description = `The legs of ${link.name} end in different LACP partners (${[...partners].join(", ")}): only those of one are used.`;
    return [probed("lacp", link.name, "warning", "LACP.PARTNERS", description, values)];
  }
  const aside = up.filter(({ active }) => !active).map((leg) => leg.link);
  if (aside.length > 0) {
    const description = `${aside.join(" and ")} is not in use yet: LACP has not agreed.`;
    return [probed("lacp", link.name, "warning", "LACP.ASIDE", description, { ...values, legs: aside.join(", ") })];
  }
  const partner = [...partners][0] ?? "";
  return [probed("lacp", link.name, "passed", "LACP.OK", `LACP partner ${partner}.`, { link: link.name, partner })];
}

/** Whether the link has the addresses that were asked for, or one that it was given. */
function addresses(context: ProbeContext, link: Link, family: "ipv4" | "ipv6"): ProbeResult[] {
  const settings = settingsOf(context.configuration, link.name)?.[family];
  if (settings === undefined || settings.method === "none") return [];
  const has = link.addresses.filter((each) => each.family === (family === "ipv4" ? "inet" : "inet6"));
  const values = { link: link.name };
  const missing = settings.addresses.filter(({ address }) => !has.some((each) => each.address === address));
  // Without a cable no address is given, and the carrier's probe has said so.
  if (link.carrier !== true && missing.length > 0) return [];
  if (missing.length > 0) {
    const [first] = missing;
    const description = `${link.name} did not take the address ${first?.address}: another machine may have it.`;
    return [
      probed("address", link.name, "failed", "ADDRESS.MISSING", description, {
        ...values,
        target: first?.address ?? "",
      }),
    ];
  }
  if (settings.method === "static") {
    const [first] = settings.addresses;
    if (first === undefined) return [];
    const description = `${link.name} has ${first.address}/${first.prefix}.`;
    return [probed("address", link.name, "passed", "ADDRESS.OK", description, { ...values, target: first.address })];
  }
  return link.carrier === true ? [leased(context, link, has, family)] : [];
}

function leased(context: ProbeContext, link: Link, has: Link["addresses"], family: "ipv4" | "ipv6"): ProbeResult {
  const given = has.find(({ dynamic, scope }) => dynamic && scope === "global");
  const values = { link: link.name, family: family === "ipv4" ? 4 : 6, target: `${link.name} ${family}` };
  if (given !== undefined) {
    const description = `${link.name} was given ${given.address}/${given.prefix}.`;
    return probed("dhcp", link.name, "passed", "DHCP.OK", description, { ...values, address: given.address });
  }
  const who = family === "ipv4" ? "No DHCP server" : "Neither a router nor a DHCP server";
  const description = `${who} has given ${link.name} an address yet: check the VLAN and the server.`;
  // Many networks have IPv4 only; automatic IPv6 is then no promise that was broken.
  const outcome = family === "ipv6" ? "warning" : unlessManagement(context, link.name);
  return probed("dhcp", link.name, outcome, "DHCP.NONE", description, values);
}
