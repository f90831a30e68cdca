import { valueOf } from "../../../core/model/reading.ts";
import type { Translate } from "../../i18n/catalogue.ts";
import { routeWords } from "../../network-words.ts";
import type { Detail } from "../item-details.ts";
import { linkDetails } from "../link-details.ts";
import type { View } from "../screen.ts";
import type { DeskLink, NetworkDesk } from "./desk.ts";

/** What is known of an interface: how it is configured, then how it is. */
export function deskDetails(view: View, desk: NetworkDesk, item: DeskLink): Detail[] {
  const { t, state } = view;
  const configured: Detail = { label: t("network.configured"), value: configuredWords(t, desk, item) };
  const all = [...(item.settings?.ipv4.routes ?? []), ...(item.settings?.ipv6.routes ?? [])];
  const routes: Detail[] =
    all.length === 0 ? [] : [{ label: t("network.routes"), value: all.map((each) => routeWords(t, each)).join(",  ") }];
  if (item.link === undefined) return [configured, ...routes];
  return [configured, ...routes, ...linkDetails(view, item.link, valueOf(state.facts.network))];
}

function configuredWords(t: Translate, desk: NetworkDesk, { name, settings, other }: DeskLink): string {
  if (other !== undefined) return other;
  const master = desk.masterOf(name);
  if (master !== undefined) return t("network.part.in", { master: master.name });
  if (settings === undefined) return t("network.notConfigured");
  const { ipv4, ipv6 } = settings;
  const own = (addresses: readonly { address: string; prefix: number }[]) =>
    addresses.map(({ address, prefix }) => ` ${address}/${prefix}`).join("");
  const via = (gateway: string | null) => (gateway === null ? "" : ` ${t("network.via", { gateway })}`);
  const four = `IPv4 ${t(`network.method.${ipv4.method}`)}${own(ipv4.addresses)}${via(ipv4.gateway)}`;
  const six = `IPv6 ${t(`network.method.${ipv6.method}`)}${own(ipv6.addresses)}${via(ipv6.gateway)}`;
  return `${four},  ${six}`;
}
