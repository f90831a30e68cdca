import type { Link } from "../../core/model/facts.ts";
import { valueOf } from "../../core/model/reading.ts";
import type { Canvas } from "../terminal/canvas.ts";
import { displayWidth } from "../terminal/width.ts";
import { formatSpeed } from "../widgets/format.ts";
import type { Column } from "../widgets/table.ts";
import { type LinkRow, mainAddress, neighbourOf, orderLinks } from "./home/links.ts";
import { itemsScreen } from "./items.ts";
import { linkDetails } from "./link-details.ts";
import { hasSpeed, linkCondition } from "./link-words.ts";
import type { Control, Screen, View } from "./screen.ts";
import { reasonOf } from "./words.ts";

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
    details: ({ link }) => linkDetails(control.view(), link, network()),
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
  const end = canvas.text(
    0,
    0,
    t("interfaces.summary", { total: links.length, up, down: links.length - up }),
    "strong",
  );
  const { neighbours } = state.facts;
  if (neighbours?.state === "missing")
    canvas.text(end + 3, 0, t("interfaces.noSwitches", { why: reasonOf(t, neighbours.why) }), "dim");
  const routes = gateways.map(({ address, link }) => t("interfaces.via", { address, link })).join("  ");
  const gateway = routes === "" ? t("interfaces.noGateway") : t("interfaces.gateways", { gateways: routes });
  const servers =
    nameServers.length === 0 ? t("interfaces.noServers") : t("interfaces.servers", { servers: nameServers.join("  ") });
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
