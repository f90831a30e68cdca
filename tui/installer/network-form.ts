import { hostnameProblem, isVlanId, parseAddress } from "../../core/model/address.ts";
import type { NetworkAnswers } from "../../core/model/installation/draft.ts";
import { parseAddressAndPrefix, wordsOf } from "../addresses.ts";
import type { Canvas } from "../terminal/canvas.ts";
import type { Key } from "../terminal/key.ts";
import { ChoiceField, type Field, TextField } from "../widgets/fields.ts";
import { PickField, ReadyForm } from "./fields.ts";
import type { Control } from "./screen.ts";
import { linksScreen } from "./screens/links.ts";
import type { InstallerKey, InstallerTranslate } from "./texts.ts";

type BondMode = NonNullable<NetworkAnswers["bond"]>["mode"];
const firstBondName = "bond0";

/** The fields of the network page, and the answers that they make. */
export class NetworkForm {
  #links: readonly string[];
  readonly #bondName: string;
  readonly #bondMode: ChoiceField<BondMode>;
  readonly #hostname: TextField;
  readonly #vlan: TextField;
  readonly #v4: ChoiceField<"dhcp" | "static" | "none">;
  readonly #v4Address: TextField;
  readonly #v4Gateway: TextField;
  readonly #v6: ChoiceField<"auto" | "dhcp" | "static" | "none">;
  readonly #v6Address: TextField;
  readonly #v6Gateway: TextField;
  readonly #nameServers: TextField;
  readonly #timeServers: TextField;
  readonly #form: ReadyForm;

  constructor(control: Control, onSubmit: () => Promise<void>) {
    const t = () => control.view().t;
    const { network } = control.known().draft;
    this.#links = network.links;
    this.#bondName = network.bond?.name ?? firstBondName;
    const hasLink = () => this.#links.length > 0;
    this.#hostname = new TextField({
      label: () => t()("install.network.hostname"),
      value: network.hostname,
      maxLength: 64,
      width: 44,
      validate: (text) => {
        const problem = hostnameProblem(text.trim());
        if (problem === undefined) return undefined;
        return t().find(`problem.HOSTNAME.WRONG.${problem}`) ?? t()("problem.HOSTNAME.WRONG");
      },
    });
    const links = new PickField({
      label: () => t()("install.network.link"),
      hint: () => t()("install.pickHint"),
      text: () => this.#linkWords(t()),
      onPick: () =>
        control.open(
          linksScreen(control, this.#links, (names) => {
            this.#links = names;
          }),
        ),
    });
    this.#bondMode = new ChoiceField<BondMode>({
      label: () => t()("install.network.bond"),
      when: () => this.#links.length > 1,
      options: [
        { value: "active-backup", text: () => t()("install.bond.active-backup") },
        { value: "802.3ad", text: () => t()("install.bond.802.3ad") },
      ],
      value: network.bond?.mode ?? "active-backup",
    });
    this.#vlan = new TextField({
      label: () => t()("install.network.vlan"),
      hint: () => t()("install.network.vlanHint"),
      when: hasLink,
      value: network.vlan === null ? "" : String(network.vlan),
      maxLength: 4,
      allowed: (char) => /\d/.test(char),
      validate: (text) => (text === "" || isVlanId(Number(text)) ? undefined : t()("problem.NET.VLAN_RANGE")),
    });
    const { ipv4, ipv6 } = network;
    this.#v4 = new ChoiceField<"dhcp" | "static" | "none">({
      label: () => t()("install.network.v4"),
      when: hasLink,
      options: [
        { value: "dhcp", text: () => t()("install.method.dhcp") },
        { value: "static", text: () => t()("install.method.static") },
        { value: "none", text: () => t()("install.method.none") },
      ],
      value: ipv4.method,
    });
    const isStatic4 = () => hasLink() && this.#v4.value === "static";
    this.#v4Address = addressField(t, "install.network.address", "install.network.addressHint", isStatic4, 4);
    this.#v4Gateway = gatewayField(t, isStatic4, 4);
    this.#v6 = new ChoiceField<"auto" | "dhcp" | "static" | "none">({
      label: () => t()("install.network.v6"),
      when: hasLink,
      options: [
        { value: "auto", text: () => t()("install.method.auto") },
        { value: "dhcp", text: () => t()("install.method.dhcp") },
        { value: "static", text: () => t()("install.method.static") },
        { value: "none", text: () => t()("install.method.none") },
      ],
      value: ipv6.method,
    });
    const isStatic6 = () => hasLink() && this.#v6.value === "static";
    this.#v6Address = addressField(t, "install.network.address6", "install.network.address6Hint", isStatic6, 6);
    this.#v6Gateway = gatewayField(t, isStatic6, 6);
    if (ipv4.method === "static") {
      this.#v4Address.set(`${ipv4.address}/${ipv4.prefix}`);
      this.#v4Gateway.set(ipv4.gateway ?? "");
    }
    if (ipv6.method === "static") {
      this.#v6Address.set(`${ipv6.address}/${ipv6.prefix}`);
      this.#v6Gateway.set(ipv6.gateway ?? "");
    }
    const fromDhcp = () => (this.#v4.value === "dhcp" ? t()("install.network.fromDhcp") : "");
    this.#nameServers = new TextField({
      label: () => t()("install.network.nameServers"),
      hint: () => t()("install.network.listHint"),
      when: hasLink,
      placeholder: fromDhcp,
      value: network.nameServers.join(" "),
      maxLength: 200,
      width: 44,
      validate: (text) =>
        wordsOf(text).every((word) => parseAddress(word) !== undefined) ? undefined : t()("problem.NET.NAME_SERVER"),
    });
    this.#timeServers = new TextField({
      label: () => t()("install.network.timeServers"),
      hint: () => t()("install.network.listHint"),
      when: hasLink,
      placeholder: fromDhcp,
      value: network.timeServers.join(" "),
      maxLength: 400,
      width: 44,
    });
    const fields: Field[] = [this.#hostname, links, this.#bondMode, this.#vlan, this.#v4, this.#v4Address];
    fields.push(this.#v4Gateway, this.#v6, this.#v6Address, this.#v6Gateway, this.#nameServers, this.#timeServers);
    this.#form = new ReadyForm({ fields, submit: () => t()("install.continue"), onSubmit });
  }

  get links(): readonly string[] {
    return this.#links;
  }

  get typing(): boolean {
    return this.#form.typing;
  }

  /** What the fields say; undefined while one of them can't be right. */
  answers(): NetworkAnswers | undefined {
    const hostname = this.#hostname.value.trim();
    const links = [...this.#links];
    const nameServers = wordsOf(this.#nameServers.value);
    const timeServers = wordsOf(this.#timeServers.value);
    const none = { method: "none" } as const;
    if (links.length === 0)
      return { hostname, links, bond: null, vlan: null, ipv4: none, ipv6: none, nameServers: [], timeServers: [] };
    if (this.#vlan.error() !== undefined) return undefined;
    const vlan = this.#vlan.value === "" ? null : Number(this.#vlan.value);
    const bond = links.length > 1 ? { name: this.#bondName, mode: this.#bondMode.value } : null;
    const [v4, v6] = [this.#v4.value, this.#v6.value];
    const ipv4 = v4 === "static" ? fixed(this.#v4Address, this.#v4Gateway, 4) : { method: v4 };
    const ipv6 = v6 === "static" ? fixed(this.#v6Address, this.#v6Gateway, 6) : { method: v6 };
    if (ipv4 === undefined || ipv6 === undefined) return undefined;
    return { hostname, links, bond, vlan, ipv4, ipv6, nameServers, timeServers };
  }

  restart(): void {
    this.#form.restart();
  }

  /** Says why the engine refused, at the field that its problem names. */
  refuse(reason: string, field: string): void {
    const blamed: Readonly<Record<string, TextField>> = {
      "network.hostname": this.#hostname,
      "network.vlan": this.#vlan,
      "network.ipv4.address": this.#v4Address,
      "network.ipv4.prefix": this.#v4Address,
      "network.ipv4.gateway": this.#v4Gateway,
      "network.ipv6.address": this.#v6Address,
      "network.ipv6.prefix": this.#v6Address,
      "network.ipv6.gateway": this.#v6Gateway,
    };
    const lists = field.startsWith("network.nameServers")
      ? this.#nameServers
      : field.startsWith("network.timeServers")
        ? this.#timeServers
        : undefined;
    this.#form.refuse(reason, blamed[field] ?? lists);
  }

  key(key: Key): boolean {
    return this.#form.key(key);
  }

  draw(canvas: Canvas, t: InstallerTranslate): void {
    this.#form.draw(canvas, t);
  }

  #linkWords(t: InstallerTranslate): string {
    if (this.#links.length === 0) return t("install.none");
    return this.#links.length === 1 ? this.#links.join() : `${this.#bondName}: ${this.#links.join(" ")}`;
  }
}

function addressField(
  t: () => InstallerTranslate,
  label: InstallerKey,
  hint: InstallerKey,
  when: () => boolean,
  family: 4 | 6,
): TextField {
  return new TextField({
    label: () => t()(label),
    hint: () => t()(hint),
    when,
    maxLength: 60,
    width: 44,
    validate: (text) =>
      parseAddressAndPrefix(text, family) === undefined
        ? t()(family === 4 ? "install.network.noAddress" : "install.network.noAddress6")
        : undefined,
  });
}

function gatewayField(t: () => InstallerTranslate, when: () => boolean, family: 4 | 6): TextField {
  return new TextField({
    label: () => t()(family === 4 ? "install.network.gateway" : "install.network.gateway6"),
    hint: () => t()("install.network.gatewayHint"),
    when,
    maxLength: 45,
    width: 44,
    validate: (text) =>
      text.trim() === "" || parseAddress(text.trim())?.family === family ? undefined : t()("problem.NET.GATEWAY"),
  });
}

/** A fixed address with its gateway, if it has one; undefined when it is no address. */
function fixed(
  address: TextField,
  gateway: TextField,
  family: 4 | 6,
): { method: "static"; address: string; prefix: number; gateway: string | null } | undefined {
  const parsed = parseAddressAndPrefix(address.value, family);
  const via = gateway.value.trim();
  return parsed === undefined ? undefined : { method: "static", ...parsed, gateway: via === "" ? null : via };
}
