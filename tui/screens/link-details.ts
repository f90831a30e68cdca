import type { FactValue, Link, LinkAddress } from "../../core/model/facts.ts";
import type { Translate } from "../i18n/catalogue.ts";
import { formatBytes, formatSpeed, unknown } from "../widgets/format.ts";
import { neighbourOf } from "./home/links.ts";
import type { Detail } from "./item-details.ts";
import { hasSpeed, legOf, legStyle, legWords, linkCondition } from "./link-words.ts";
import type { View } from "./screen.ts";
import { reasonOf } from "./words.ts";

/** Everything that is known of an interface, the most important first. */
export function linkDetails(view: View, link: Link, network: FactValue<"network"> | undefined): Detail[] {
  const { t } = view;
  const all = network?.links ?? [];
  const gateways = (network?.gateways ?? []).filter((gateway) => gateway.link === link.name);
  const details: (Detail | undefined)[] = [
    stateDetail(t, link, all),
    speedDetail(t, link),
    link.management
      ? { label: t("interfaces.role"), value: t("interfaces.carriesManagement"), style: "strong" }
      : undefined,
    switchDetail(view, link),
    {
      label: t("interfaces.addresses"),
      value: link.addresses.map((address) => addressWords(t, address)).join(",  ") || t("items.none"),
    },
    gateways.length === 0
      ? undefined
      : { label: t("interfaces.gateway"), value: gateways.map(({ address }) => address).join(",  ") },
    masterDetail(t, link, all),
    ...bondDetails(t, link),
    link.bridgePorts === null
      ? undefined
      : { label: t("interfaces.ports"), value: link.bridgePorts.join("  ") || t("items.none") },
    link.vlan === null ? undefined : { label: t("interfaces.vlan"), value: t("interfaces.vlanOn", link.vlan) },
    ...hardwareDetails(t, link),
    { label: t("interfaces.mtu"), value: t("interfaces.mtuBytes", { mtu: link.mtu }) },
    { label: t("interfaces.received"), value: formatBytes(link.receivedBytes) },
    { label: t("interfaces.sent"), value: formatBytes(link.sentBytes) },
    {
      label: t("interfaces.errors"),
      value: String(link.errors),
      style: link.errors > 0 ? "warn" : "text",
    },
  ];
  return details.filter((detail) => detail !== undefined);
}

function stateDetail(t: Translate, link: Link, all: readonly Link[]): Detail {
  const { state, why, style } = linkCondition(t, link, all);
  const isDead = link.adminUp && link.carrier !== true && link.kind === "physical";
  const reasons = [why, isDead ? t("interfaces.noCarrierHint") : ""].filter((reason) => reason !== "");
  return { label: t("interfaces.state"), value: [state, reasons.join(": ")].join("  ").trimEnd(), style };
}

function speedDetail(t: Translate, link: Link): Detail | undefined {
  if (!hasSpeed(link) || !link.adminUp || link.carrier !== true) return undefined;
  const label = t("interfaces.speed");
  if (link.speedMbps === null) return { label, value: `${unknown}  ${t("interfaces.noSpeed")}`, style: "dim" };
  const speed = formatSpeed(link.speedMbps);
  if (link.duplex === null) return { label, value: speed };
  // Half duplex on a server's cable is nearly always a negotiation that failed.
  return link.duplex === "half"
    ? { label, value: `${speed} ${t("interfaces.halfDuplex")}`, style: "warn" }
    : { label, value: `${speed} ${t("interfaces.fullDuplex")}` };
}

/** Only a cable has somebody at its other end. */
function switchDetail({ t, state }: View, link: Link): Detail | undefined {
  if (link.kind !== "physical") return undefined;
  const { neighbours } = state.facts;
  const label = t("interfaces.switch");
  if (neighbours === undefined || neighbours.state === "missing") {
    const why = neighbours === undefined ? t("missing.pending") : reasonOf(t, neighbours.why);
    return { label, value: `${unknown}  ${why}`, style: "dim" };
  }
  const neighbour = neighbourOf(link, neighbours.value);
  if (neighbour === undefined) return { label, value: t("interfaces.noNeighbour"), style: "dim" };
  return { label, value: t("interfaces.neighbour", { system: neighbour.system, port: neighbour.port }) };
}

function masterDetail(t: Translate, link: Link, all: readonly Link[]): Detail | undefined {
  if (link.master === null) return undefined;
  const [bond, leg] = legOf(link, all) ?? [];
  if (leg === undefined) return { label: t("interfaces.portOf"), value: link.master };
  const mode = bond?.bond?.mode ?? "";
  return {
    label: t("interfaces.legOf"),
    value: `${link.master}: ${legWords(t, mode, leg)}`,
    style: legStyle(mode, leg),
  };
}

function bondDetails(t: Translate, link: Link): Detail[] {
  if (link.bond === null) return [];
  const { mode, legs } = link.bond;
  return [
    { label: t("interfaces.mode"), value: mode === "" ? unknown : mode },
    ...legs.map(
      (leg): Detail => ({
        label: t("interfaces.leg"),
        value: `${leg.link}: ${legWords(t, mode, leg)}`,
        style: legStyle(mode, leg),
      }),
    ),
  ];
}

function hardwareDetails(t: Translate, link: Link): Detail[] {
  const { mac, permanentMac, driver, bus, kind } = link;
  const known = (label: string, value: string | null): Detail[] => {
    if (value !== null) return [{ label, value }];
    return kind === "physical" ? [{ label, value: `${unknown}  ${t("interfaces.notTold")}`, style: "dim" }] : [];
  };
  return [
    ...known(t("interfaces.mac"), mac),
    ...(permanentMac !== null && permanentMac !== mac ? known(t("interfaces.permanentMac"), permanentMac) : []),
    ...known(t("interfaces.driver"), driver),
    ...known(t("interfaces.bus"), bus),
  ];
}

function addressWords(t: Translate, { address, prefix, scope, dynamic }: LinkAddress): string {
  const notes = [scope === "link" ? t("interfaces.linkLocal") : "", dynamic ? t("interfaces.dynamic") : ""];
  return [`${address}/${prefix}`, ...notes].filter((part) => part !== "").join(" ");
}
