import { formatAddress } from "../../../core/model/address.ts";
import {
  type Ipv4Settings,
  type Ipv6Settings,
  type OwnAddress,
  withFirstAddress,
} from "../../../core/model/network/configuration.ts";
import { addressFieldProblem, gatewayFieldProblem, parsePrefix } from "../../../core/model/network/fields.ts";
import { parseAddressAndPrefix } from "../../addresses.ts";
import type { MessageKey, Translate } from "../../i18n/catalogue.ts";
import { ChoiceField, type Field, TextField } from "../../widgets/fields.ts";
import { saying, type Wrong } from "./problem-words.ts";

/*
 * The fields of IPv4 and of IPv6. The gateway is never filled in, and an empty one is refused: which router a machine
 * sends through is worth a thought each time. A storage network has none, and nobody should arrive there by
 * forgetting a field: `-` says so in one key. `=` keeps the present one, which stands beside the field.
 */
export const noGateway = "-";
export const sameGateway = "=";

type T = () => Translate;

/** What a family has at the moment, whoever gave it: what a fixed address is usually made from. */
export type Current = { own: OwnAddress | undefined; gateway: string | null };

/** Fields of one family, and the settings that they make. */
export type FamilyFields<S> = {
  fields: readonly Field[];
  /** Whether the family is switched off. */
  isOff: () => boolean;
  /** The field that a problem at this path (behind `ipv4.` or `ipv6.`) is about. */
  fieldFor: (path: string) => Field | undefined;
  /** What the fields say, beside what they don't show: further addresses and routes stay. Only when none is wrong. */
  settings: (nameServers: readonly string[]) => S;
};

/** `first` is the method that the form opens with. */
export function ipv4Fields(
  t: T,
  present: Ipv4Settings,
  current: Current,
  first: Ipv4Settings["method"],
): FamilyFields<Ipv4Settings> {
  const method = new ChoiceField<Ipv4Settings["method"]>({
    label: () => t()("network.field.ipv4"),
    options: [
      { value: "dhcp", text: () => t()("network.method.dhcp") },
      { value: "static", text: () => t()("network.method.static") },
      { value: "none", text: () => t()("network.method.none") },
    ],
    value: first,
  });
  const when = () => method.value === "static";
  const [shown = current.own] = present.method === "static" ? present.addresses : [];
  const known = present.gateway ?? current.gateway;
  const address = textField(t, "network.field.address", "network.hint.address", {
    when,
    value: shown?.address ?? "",
    wrong: (text) => addressFieldProblem(text.trim(), 4, prefixOf(netmask.value, 4)),
  });
  const netmask = textField(t, "network.field.netmask", "network.hint.netmask", {
    when,
    value: shown === undefined ? "" : netmaskOf(shown.prefix),
    wrong: (text) => prefixWrong(text, 4),
  });
  const own = (): OwnAddress | undefined => {
    return parseAddressAndPrefix(`${address.value.trim()}/${prefixOf(netmask.value, 4) ?? ""}`, 4);
  };
  const gateway = gatewayField(t, "network.field.gateway", { when, present: known, own, family: 4 });
  return {
    fields: [method, address, netmask, gateway],
    isOff: () => method.value === "none",
    fieldFor: (path) => fieldAt(path, { method, address, prefix: netmask, gateway }),
    settings: (nameServers) => ({
      method: method.value,
      ...familySettings(method.value, present, own(), gateway.value.trim(), known),
      nameServers: [...nameServers],
    }),
  };
}

export function ipv6Fields(t: T, present: Ipv6Settings, current: Current): FamilyFields<Ipv6Settings> {
  const method = new ChoiceField<Ipv6Settings["method"]>({
    label: () => t()("network.field.ipv6"),
    options: [
      { value: "auto", text: () => t()("network.method.auto") },
      { value: "dhcp", text: () => t()("network.method.dhcp") },
      { value: "static", text: () => t()("network.method.static") },
      { value: "none", text: () => t()("network.method.none") },
    ],
    value: present.method,
  });
  const when = () => method.value === "static";
  const [shown = current.own] = present.method === "static" ? present.addresses : [];
  const known = present.gateway ?? current.gateway;
  const address = textField(t, "network.field.address6", "network.hint.address6", {
    when,
    value: shown === undefined ? "" : `${shown.address}/${shown.prefix}`,
    wrong: address6Wrong,
  });
  const own = () => parseAddressAndPrefix(address.value, 6);
  const gateway = gatewayField(t, "network.field.gateway6", { when, present: known, own, family: 6 });
  return {
    fields: [method, address, gateway],
    isOff: () => method.value === "none",
    fieldFor: (path) => fieldAt(path, { method, address, prefix: address, gateway }),
    settings: (nameServers) => ({
      method: method.value,
      ...familySettings(method.value, present, own(), gateway.value.trim(), known),
      nameServers: [...nameServers],
    }),
  };
}

function address6Wrong(text: string): Wrong | undefined {
  const [given = "", length = ""] = text.trim().split("/");
  return addressFieldProblem(given.trim(), 6, prefixOf(length, 6)) ?? prefixWrong(length, 6);
}

function prefixOf(text: string, family: 4 | 6): number | null {
  const parsed = parsePrefix(text, family);
  return "prefix" in parsed ? parsed.prefix : null;
}

function prefixWrong(text: string, family: 4 | 6): Wrong | undefined {
  const parsed = parsePrefix(text, family);
  return "problem" in parsed ? parsed.problem : undefined;
}

type TextSettings = { when: () => boolean; value: string; wrong: (text: string) => Wrong | undefined };

function textField(t: T, label: MessageKey, hint: MessageKey, { when, value, wrong }: TextSettings): TextField {
  return new TextField({
    label: () => t()(label),
    hint: () => t()(hint),
    when,
    value,
    maxLength: 60,
    width: 40,
    validate: saying(t, wrong),
  });
}

type GatewaySettings = {
  when: () => boolean;
  present: string | null;
  own: () => OwnAddress | undefined;
  family: 4 | 6;
};

function gatewayField(t: T, label: MessageKey, { when, present, own, family }: GatewaySettings): TextField {
  const now = () =>
    present === null ? t()("network.gateway.noneNow") : t()("network.gateway.now", { gateway: present });
  const check = saying(t, (given) => {
    const address = own();
    return gatewayFieldProblem(given, address === undefined ? [] : [address], family);
  });
  return new TextField({
    label: () => t()(label),
    hint: () => `${now()}   ${t()(present === null ? "network.gateway.how" : "network.gateway.howSame")}`,
    placeholder: now,
    when,
    maxLength: 45,
    width: 40,
    validate(text) {
      const given = text.trim();
      if (given === "") return t()("network.gateway.empty");
      if (given === noGateway) return undefined;
      if (given === sameGateway && present !== null) return undefined;
      return check(given);
    },
  });
}

function fieldAt(path: string, fields: Record<"method" | "address" | "prefix" | "gateway", Field>): Field | undefined {
  if (path.startsWith("addresses")) return path.endsWith(".prefix") ? fields.prefix : fields.address;
  if (path === "method" || path === "gateway") return fields[path];
  return undefined;
}

/** What the fields say, and what is configured beside them: more addresses than the first, and routes. */
function familySettings(
  method: string,
  present: Ipv4Settings | Ipv6Settings,
  own: OwnAddress | undefined,
  typed: string,
  known: string | null,
): Pick<Ipv4Settings, "addresses" | "routes" | "gateway"> {
  if (method === "none") return { addresses: [], routes: [], gateway: null };
  const routes = [...present.routes];
  if (method !== "static" || own === undefined)
    return { addresses: withFirstAddress(present, null), routes, gateway: null };
  const gateway = typed === noGateway ? null : typed === sameGateway ? known : typed;
  return { addresses: withFirstAddress(present, own), routes, gateway };
}

function netmaskOf(prefix: number): string {
  return formatAddress({ family: 4, value: (0xffffffffn << BigInt(32 - prefix)) & 0xffffffffn });
}
