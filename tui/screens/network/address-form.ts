import { parseAddress } from "../../../core/model/address.ts";
import { nameServerFinding } from "../../../core/model/address-problems.ts";
import {
  type Ipv4Settings,
  type Ipv6Settings,
  type LinkSettings,
  noIpv4,
  noIpv6,
} from "../../../core/model/network/configuration.ts";
import { mtuFieldProblem } from "../../../core/model/network/fields.ts";
import type { NetworkOperation } from "../../../core/model/network/operation.ts";
import { wordsOf } from "../../addresses.ts";
import type { Translate } from "../../i18n/catalogue.ts";
import { type Field, TextField } from "../../widgets/fields.ts";
import { Form } from "../../widgets/form.ts";
import { type Current, type FamilyFields, ipv4Fields, ipv6Fields } from "./family-fields.ts";
import { firstOf, saying } from "./problem-words.ts";

type Options = {
  t: () => Translate;
  link: string;
  /** undefined: a physical interface that nobody has configured. */
  settings: LinkSettings | undefined;
  /** Part of a bond or a bridge, which has the addresses. */
  isMember: boolean;
  /** What the interface has now, by family. */
  current: { four: Current; six: Current };
  onSubmit: () => Promise<void>;
};

/** Addresses, gateway, name servers and MTU of one interface, and the operations that they make. */
export class AddressForm {
  readonly form: Form;
  readonly #link: string;
  readonly #present: Pick<LinkSettings, "ipv4" | "ipv6" | "mtu">;
  readonly #four: FamilyFields<Ipv4Settings>;
  readonly #six: FamilyFields<Ipv6Settings>;
  readonly #nameServers: TextField;
  readonly #mtu: TextField;

  constructor({ t, link, settings, isMember, current, onSubmit }: Options) {
    this.#link = link;
    this.#present = settings ?? { ipv4: noIpv4, ipv6: noIpv6, mtu: null };
    const { ipv4, ipv6, mtu } = this.#present;
    // Whoever opens one without any addresses wants to give it some, unless another one has them for it.
    const isBlank = !isMember && ipv4.method === "none" && ipv6.method === "none";
    this.#four = ipv4Fields(t, ipv4, current.four, isBlank ? "static" : ipv4.method);
    this.#six = ipv6Fields(t, ipv6, current.six);
    this.#nameServers = new TextField({
      label: () => t()("network.field.nameServers"),
      hint: () => t()("network.hint.nameServers"),
      when: () => !(this.#four.isOff() && this.#six.isOff()),
      value: [...ipv4.nameServers, ...ipv6.nameServers].join(" "),
      maxLength: 400,
      width: 40,
      validate: saying(t, (text) => firstOf(wordsOf(text), nameServerFinding)),
    });
    this.#mtu = new TextField({
      label: () => t()("network.field.mtu"),
      hint: () => t()("network.hint.mtu"),
      value: mtu === null ? "" : String(mtu),
      maxLength: 5,
      width: 8,
      allowed: (char) => /\d/.test(char),
      validate: saying(t, (text) => (text === "" ? undefined : mtuFieldProblem(Number(text)))),
    });
    this.form = new Form({
      fields: [...this.#four.fields, ...this.#six.fields, this.#nameServers, this.#mtu],
      submit: () => t()("network.submit"),
      onSubmit,
    });
  }

  /** Whether a family is to be switched off. */
  isOff(family: 4 | 6): boolean {
    return (family === 4 ? this.#four : this.#six).isOff();
  }

  /** What differs from what is configured; nothing when nothing does. */
  operations(): NetworkOperation[] {
    const { ipv4: present4, ipv6: present6, mtu: presentMtu } = this.#present;
    const servers = wordsOf(this.#nameServers.value);
    const ofFamily = (family: 4 | 6) => servers.filter((server) => parseAddress(server)?.family === family);
    // A family that is switched off asks nobody; its servers go with it.
    const ipv4 = this.#four.settings(this.#four.isOff() ? [] : ofFamily(4));
    const ipv6 = this.#six.settings(this.#six.isOff() ? [] : ofFamily(6));
    const mtu = this.#mtu.value === "" ? null : Number(this.#mtu.value);
    const changed = { ...(isSame(ipv4, present4) ? {} : { ipv4 }), ...(isSame(ipv6, present6) ? {} : { ipv6 }) };
    const operations: NetworkOperation[] = [];
    if (Object.keys(changed).length > 0)
      operations.push({ do: "address", link: this.#link, others: "stay", ...changed });
    if (mtu !== presentMtu) operations.push({ do: "mtu", link: this.#link, mtu });
    return operations;
  }

  /** Says why the plan was refused, at the field that is to blame; a path of another interface has none here. */
  refuse(sentence: string, path: string): void {
    const own = `links.${this.#link}.`;
    this.form.refuse(sentence, path.startsWith(own) ? this.#fieldFor(path.slice(own.length)) : undefined);
  }

  #fieldFor(path: string): Field | undefined {
    if (path.includes("nameServers")) return this.#nameServers;
    if (path === "mtu") return this.#mtu;
    const [family, ...rest] = path.split(".");
    if (family === "ipv4") return this.#four.fieldFor(rest.join("."));
    return family === "ipv6" ? this.#six.fieldFor(rest.join(".")) : undefined;
  }
}

function isSame(one: Ipv4Settings | Ipv6Settings, other: Ipv4Settings | Ipv6Settings): boolean {
  const plain = ({ method, addresses, gateway, routes, nameServers }: typeof one) =>
    JSON.stringify([
      method,
      addresses.map(({ address, prefix }) => `${address}/${prefix}`),
      gateway,
      routes,
      nameServers,
    ]);
  return plain(one) === plain(other);
}
