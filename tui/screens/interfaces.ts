import type { FactValue, Link, LinkAddress, Neighbour } from "../../core/model/facts.ts";
import { valueOf } from "../../core/model/reading.ts";
import type { Translate } from "../i18n/catalogue.ts";
import type { Canvas } from "../terminal/canvas.ts";
import { displayWidth } from "../terminal/width.ts";
import { formatBytes, formatSpeed, unknown } from "../widgets/format.ts";
import type { Column } from "../widgets/table.ts";
import { type LinkRow, mainAddress, neighbourOf, orderLinks } from "./home/links.ts";
import type { Detail } from "./item-details.ts";
import { itemsScreen } from "./items.ts";
import { legOf, legStyle, legWords, linkCondition } from "./link-words.ts";
import type { Control, Screen, View } from "./screen.ts";
import { reasonOf } from "./words.ts";

type Network = FactValue<"network">;

/** Every interface, physical and logical: state and its reason, addresses, what it hangs on and what hangs on it. */
export function interfacesScreen(control: Control): Screen {
  const network = () => valueOf(control.view().state.facts.network);
  return itemsScreen<LinkRow>(control, {
    title: "interfaces.title",
    help: "help.interfaces",
    reading: (state) => state.facts.network,
    items: () => orderLinks(network()?.links ?? []),
    id: ({ link }) => link.name,
    columns: () => columnsOf(control.view(), network()?.links ?? []),
    empty: "nic.none",
    heading: ({ link }) => [link.name, control.view().t(`interfaces.kind.${link.kind}`)],
    details: ({ link }) => detailsOf(control.view(), link, network()),
    leastDetails: 7,
    above: drawSummary,
  });
}

/** How many are up, and where packets go that no interface knows: gateways and name servers. */
function drawSummary(canvas: Canvas, { t, state }: View): number {
  const network = valueOf(state.facts.network);
  if (network === undefined) return 0;
  const { links, gateways, nameServers } = network;
  const up = links.filter((link) => link.adminUp && link.carrier === true).length;
  canvas.text(0, 0, t("interfaces.summary", { total: links.length, up, down: links.length - up }), "strong");
  const routes = gateways.map(({ address, link }) => t("interfaces.via", { address, link })).join("  ");
  const gateway = routes === "" ? t("interfaces.noGateway") : t("interfaces.gateways", { gateways: routes });
  const servers =
    nameServers.length === 0
      ? t("interfaces.noServers")
      : t("interfaces.servers", { servers: nameServers.join("  ") });
  if (displayWidth(gateway) + displayWidth(servers) + 3 <= canvas.width) {
    const x = canvas.text(0, 1, gateway);
    canvas.text(x + 3, 1, servers);
    return 2;
  }
  canvas.text(0, 1, gateway);
  canvas.text(0, 2, servers);
  return 3;
}

function columnsOf({ t, state }: View, links: readonly Link[]): readonly Column<LinkRow>[] {
  const { neighbours } = state.facts;
  const heard = valueOf(neighbours);
  const name = ({ link, depth }: LinkRow) => "  ".repeat(depth) + link.name;
  const longest = Math.max(0, ...orderLinks(links).map((row) => displayWidth(name(row))));
  const port = ({ link }: LinkRow) => {
    if (heard === undefined) return link.kind === "physical" ? unknown : "";
    const neighbour = neighbourOf(link, heard);
    return neighbour === undefined ? "" : `${neighbour.system} ${neighbour.port}`;
  };
  const condition = ({ link }: LinkRow) => linkCondition(t, link, links);
  return [
    { title: t("interfaces.column.name"), min: longest, value: name },
    {
      title: t("interfaces.column.state"),
      min: Math.max(...links.map((link) => displayWidth(words(linkCondition(t, link, links)))), 0),
      value: (row) => words(condition(row)),
      style: (row) => condition(row).style,
    },
    { title: t("interfaces.column.speed"), min: 5, align: "right", value: ({ link }) => shortSpeed(link) },
    { title: t("nic.mn"), min: 2, value: ({ link }) => (link.management ? t("nic.mn") : ""), style: () => "strong" },
    {
      title: t("interfaces.column.address"),
      min: 14,
      width: Math.max(...links.map((link) => displayWidth(shortAddress(link))), 0),
      value: ({ link }) => shortAddress(link),
      priority: 2,
    },
    { title: t("interfaces.column.switch"), min: 12, width: 22, value: port, priority: 3 },
    {
      title: t("interfaces.column.errors"),
      min: 6,
      align: "right",
      value: ({ link }) => String(link.errors),
      style: ({ link }) => (link.errors > 0 ? "warn" : "text"),
      priority: 4,
    },
    { title: t("interfaces.column.mac"), min: 17, value: ({ link }) => link.mac ?? "", priority: 5 },
    { title: t("interfaces.column.driver"), min: 9, value: ({ link }) => link.driver ?? "", priority: 6 },
    { title: t("interfaces.column.mtu"), min: 5, align: "right", value: ({ link }) => String(link.mtu), priority: 7 },
  ];
}

function words({ state, why }: { state: string; why: string }): string {
  return why === "" ? state : `${state} ${why}`;
}

/** Interfaces whose speed somebody expects to see; the others (loopback, bridges of virtual machines) have none. */
function hasSpeed(link: Link): boolean {
  return link.kind === "physical" || link.kind === "bond" || link.speedMbps !== null;
}

function shortSpeed(link: Link): string {
  if (!hasSpeed(link) || !link.adminUp || link.carrier !== true) return "";
  return formatSpeed(link.speedMbps);
}

/** The address that matters most, and how many more there are beside those of the link itself. */
function shortAddress(link: Link): string {
  const main = mainAddress(link);
  if (main === undefined || main.scope === "link") return "";
  const others = link.addresses.filter((address) => address !== main && address.scope !== "link").length;
  return `${main.address}/${main.prefix}${others === 0 ? "" : ` +${others}`}`;
}

function detailsOf(view: View, link: Link, network: Network | undefined): Detail[] {
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
  const neighbour: Neighbour | undefined = neighbourOf(link, neighbours.value);
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
  const { mac, permanentMac, driver, bus } = link;
  const details: Detail[] = [];
  if (mac !== null) details.push({ label: t("interfaces.mac"), value: mac });
  if (permanentMac !== null && permanentMac !== mac)
    details.push({ label: t("interfaces.permanentMac"), value: permanentMac });
  if (driver !== null) details.push({ label: t("interfaces.driver"), value: driver });
  if (bus !== null) details.push({ label: t("interfaces.bus"), value: bus });
  return details;
}

function addressWords(t: Translate, { address, prefix, scope, dynamic }: LinkAddress): string {
  const notes = [scope === "link" ? t("interfaces.linkLocal") : "", dynamic ? t("interfaces.dynamic") : ""];
  return [`${address}/${prefix}`, ...notes].filter((part) => part !== "").join(" ");
}
