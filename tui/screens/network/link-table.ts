import { valueOf } from "../../../core/model/reading.ts";
import type { Translate } from "../../i18n/catalogue.ts";
import type { Style } from "../../terminal/canvas.ts";
import { displayWidth } from "../../terminal/width.ts";
import { formatSpeed, unknown } from "../../widgets/format.ts";
import type { Column } from "../../widgets/table.ts";
import { mainAddress, neighbourOf } from "../home/links.ts";
import { hasSpeed, linkCondition } from "../link-words.ts";
import type { View } from "../screen.ts";
import { linkState } from "../words.ts";
import type { DeskLink, NetworkDesk } from "./desk.ts";

/** What a table of interfaces shows: state, speed, address, what each is part of, and the switch port of its cable. */
export function linkColumns({ t, state }: View, desk: NetworkDesk, links: readonly DeskLink[]): Column<DeskLink>[] {
  const heard = valueOf(state.facts.neighbours);
  const name = ({ name, depth }: DeskLink) => "  ".repeat(depth) + name;
  const port = ({ link }: DeskLink) => {
    const neighbour = link === undefined ? undefined : neighbourOf(link, heard);
    return neighbour === undefined ? "" : `${neighbour.system} ${neighbour.port}`;
  };
  const widest = (value: (link: DeskLink) => string) => Math.max(...links.map((link) => displayWidth(value(link))), 0);
  const columns: Column<DeskLink>[] = [
    { title: t("interfaces.column.name"), min: widest(name), value: name, style: styleOf },
    { title: t("interfaces.column.state"), min: 5, value: (link) => stateWord(t, link), style: stateStyle(t, desk) },
    { title: t("interfaces.column.speed"), min: 5, align: "right", value: speed, style: styleOf },
    {
      title: t("nic.mn"),
      min: 2,
      value: (link) => (desk.isManagement(link) ? t("nic.mn") : ""),
      style: () => "strong",
    },
    { title: t("interfaces.column.address"), min: widest(address), value: address, style: styleOf, priority: 2 },
    {
      title: t("network.column.partOf"),
      min: Math.min(
        widest((link) => partWords(t, link)),
        16,
      ),
      width: widest((link) => partWords(t, link)),
      value: (link) => partWords(t, link),
      style: styleOf,
      priority: 3,
    },
    { title: t("interfaces.column.switch"), min: 8, width: widest(port), value: port, priority: 4 },
  ];
  return columns.filter((column, i) => i < 3 || links.some((link) => column.value(link) !== ""));
}

/** A cable that carries nothing is seen, and does not shout. */
function styleOf({ link }: DeskLink): Style {
  return link?.adminUp === true && link.carrier === true ? "text" : "dim";
}

function stateWord(t: Translate, { link }: DeskLink): string {
  return link === undefined ? unknown : linkState(t, link);
}

function stateStyle(t: Translate, desk: NetworkDesk): (link: DeskLink) => Style {
  const all = desk.links().flatMap(({ link }) => link ?? []);
  return ({ link }) => {
    if (link === undefined) return "warn";
    const { style } = linkCondition(t, link, all);
    return style === "warn" && link.carrier !== true ? "dim" : style;
  };
}

function speed({ link }: DeskLink): string {
  if (link === undefined || !hasSpeed(link) || !link.adminUp || link.carrier !== true) return "";
  return formatSpeed(link.speedMbps);
}

function address({ link }: DeskLink): string {
  const main = link === undefined ? undefined : mainAddress(link);
  if (link === undefined || main === undefined || main.scope === "link") return "";
  const others = link.addresses.filter((each) => each !== main && each.scope !== "link").length;
  return `${main.address}/${main.prefix}${others === 0 ? "" : ` +${others}`}`;
}

/** What an interface is part of, or made of: `leg of bond0`, `802.3ad 1/2`, `VLAN 100 on bond0`. */
export function partWords(t: Translate, { name, link, settings, other }: DeskLink): string {
  if (other !== undefined) return t("network.part.other");
  if (link === undefined) return settings === undefined ? "" : t("network.part.absent");
  if (link.bond !== null) {
    const up = link.bond.legs.filter((leg) => leg.up).length;
    return t("network.part.bond", { mode: link.bond.mode, up, total: link.bond.legs.length });
  }
  if (link.vlan !== null) {
    // The name says all of it where it is the usual one.
    const usual = name === `${link.vlan.parent}.${link.vlan.id}`;
    return usual ? t("network.part.vlan", { id: link.vlan.id }) : t("network.part.vlanOn", link.vlan);
  }
  if (link.bridgePorts !== null) return t("network.part.bridge", { ports: link.bridgePorts.join(" ") || unknown });
  return link.master === null ? "" : t("network.part.in", { master: link.master });
}
