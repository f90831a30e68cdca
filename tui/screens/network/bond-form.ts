import {
  type BondMode,
  bondModes,
  type LinkSettings,
  noIpv4,
  noIpv6,
} from "../../../core/model/network/configuration.ts";
import { interfaceNameProblem } from "../../../core/model/network/fields.ts";
import type { NetworkOperation } from "../../../core/model/network/operation.ts";
import { wordsOf } from "../../addresses.ts";
import type { Translate } from "../../i18n/catalogue.ts";
import type { Canvas } from "../../terminal/canvas.ts";
import { ChoiceField, type ChoiceOption, type Field, TextField, ToggleField } from "../../widgets/fields.ts";
import { Form } from "../../widgets/form.ts";
import { formatSpeed } from "../../widgets/format.ts";
import { linkState } from "../words.ts";
import type { DeskLink, NetworkDesk } from "./desk.ts";
import { saying } from "./problem-words.ts";

type Options = {
  t: () => Translate;
  desk: NetworkDesk;
  /** A bond that is there; undefined: a new one. */
  bond: string | undefined;
  /** The interface that a new bond is made of first. */
  firstLeg: string | undefined;
  onSubmit: () => Promise<void>;
};

/** Name, mode, options and legs of a bond, and the operations that make it so. */
export class BondForm {
  readonly form: Form;
  readonly #desk: NetworkDesk;
  readonly #present: Extract<LinkSettings, { kind: "bond" }> | undefined;
  readonly #name: TextField;
  readonly #mode: ChoiceField<BondMode>;
  readonly #options: TextField;
  readonly #legs: ReadonlyMap<string, ToggleField>;
  readonly #takeOver: ToggleField;

  constructor({ t, desk, bond, firstLeg, onSubmit }: Options) {
    this.#desk = desk;
    const settings = bond === undefined ? undefined : desk.settingsOf(bond);
    this.#present = settings?.kind === "bond" ? settings : undefined;
    const present = this.#present;
    this.#name = new TextField({
      label: () => t()("network.bond.name"),
      when: () => present === undefined,
      value: present?.name ?? freeName(desk),
      replaceOnType: true,
      maxLength: 15,
      width: 18,
      validate: saying(t, (text) => interfaceNameProblem(text)),
    });
    this.#mode = new FollowedChoice(t, present?.bond.mode ?? "802.3ad", (mode) =>
      this.#options.set(usualOptions(mode)),
    );
    this.#options = new TextField({
      label: () => t()("network.bond.options"),
      hint: () => t()("network.bond.optionsHint"),
      value: present === undefined ? usualOptions("802.3ad") : optionsText(present.bond.options),
      maxLength: 300,
      width: 44,
      validate: (text) =>
        wordsOf(text).every((word) => /^\w+=\S+$/.test(word)) ? undefined : t()("network.bond.optionsWrong"),
    });
    this.#legs = new Map(
      candidates(desk, present).map((link) => [link.name, legField(t, link, isLeg(present, link, firstLeg))]),
    );
    this.#takeOver = new ToggleField({
      label: () => t()("network.bond.takeOver", { link: this.#donor()?.name ?? "" }),
      hint: () => t()("network.bond.takeOverHint", { link: this.#donor()?.name ?? "" }),
      when: () => present === undefined && this.#donor() !== undefined,
      value: true,
    });
    const fields: Field[] = [this.#name, this.#mode, this.#options, ...this.#legs.values(), this.#takeOver];
    this.form = new Form({ fields, submit: () => t()("network.submit"), onSubmit });
  }

  operations(): NetworkOperation[] {
    const present = this.#present;
    const link = this.#name.value;
    const mode = this.#mode.value;
    const options = parseOptions(this.#options.value);
    const chosen = [...this.#legs].filter(([, field]) => field.value).map(([name]) => name);
    const before = present?.bond.legs ?? [];
    const operations: NetworkOperation[] = [];
    const isAsBefore = present?.bond.mode === mode && optionsText(present.bond.options) === optionsText(options);
    if (!isAsBefore) operations.push({ do: "bond", link, mode, options, change: present !== undefined });
    for (const leg of before.filter((each) => !chosen.includes(each)))
      operations.push({ do: "detach", bond: link, leg });
    for (const leg of chosen.filter((each) => !before.includes(each)))
      operations.push({ do: "attach", bond: link, leg });
    return [...operations, ...this.#takenOver(link)];
  }

  refuse(sentence: string, path: string): void {
    const inBond = path.split(".bond.")[1] ?? "";
    const field = inBond.startsWith("options") ? this.#options : path.endsWith(".name") ? this.#name : undefined;
    this.form.refuse(sentence, field);
  }

  /** The first of the chosen legs that has addresses: those of the bond, if the technician wants it so. */
  #donor(): LinkSettings | undefined {
    const chosen = [...this.#legs].filter(([, field]) => field.value).map(([name]) => this.#desk.settingsOf(name));
    return chosen.find((leg) => leg !== undefined && (leg.ipv4.method !== "none" || leg.ipv6.method !== "none"));
  }

  /** Addresses, MTU and the mark of the management network go from the leg to the bond. */
  #takenOver(bond: string): NetworkOperation[] {
    const donor = this.#donor();
    if (this.#present !== undefined || donor === undefined || !this.#takeOver.value) return [];
    const { ipv4 = noIpv4, ipv6 = noIpv6, mtu } = donor;
    const operations: NetworkOperation[] = [{ do: "address", link: bond, ipv4, ipv6 }];
    if (mtu !== null) operations.push({ do: "mtu", link: bond, mtu });
    if (this.#desk.configuration?.managementLink === donor.name) operations.push({ do: "management", link: bond });
    return operations;
  }
}

/** A choice of the mode; each mode brings the options that one usually gives it. */
class FollowedChoice extends ChoiceField<BondMode> {
  readonly #onChange: (mode: BondMode) => void;

  constructor(t: () => Translate, value: BondMode, onChange: (mode: BondMode) => void) {
    const option = (mode: BondMode): ChoiceOption<BondMode> => ({
      value: mode,
      text: () => `${bondModes.indexOf(mode)} ${mode}  ${t()(`network.mode.${mode}`)}`,
    });
    const [first, ...rest] = bondModes;
    super({
      label: () => t()("network.bond.mode"),
      // On a narrow screen there is no room for it beside the mode.
      hint: () => `${t()(`network.mode.${this.value}`)}   ${t()("widget.change")}`,
      options: [option(first), ...rest.map(option)],
      value,
      width: 50,
    });
    this.#onChange = onChange;
  }

  override key(key: Parameters<ChoiceField<BondMode>["key"]>[0]): boolean {
    const before = this.value;
    const taken = super.key(key);
    if (this.value !== before) this.#onChange(this.value);
    return taken;
  }
}

/** Whether an interface is a leg; its state stands beside that, and never takes the room of its name. */
class LegField extends ToggleField {
  readonly #state: () => string;

  constructor(label: () => string, state: () => string, value: boolean) {
    super({ label, value, width: 28 });
    this.#state = state;
  }

  override draw(canvas: Canvas, t: Translate, focused: boolean): void {
    super.draw(canvas, t, focused);
    canvas.text(10, 0, this.#state(), "dim");
  }
}

/** As the commands make them. Source: the network specification. */
function usualOptions(mode: BondMode): string {
  return mode === "802.3ad" ? "miimon=100 xmit_hash_policy=layer2+3" : "miimon=100";
}

function parseOptions(text: string): Record<string, string> {
  return Object.fromEntries(
    wordsOf(text).map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]),
  );
}

function optionsText(options: Readonly<Record<string, string>>): string {
  return Object.entries(options)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(" ");
}

/** Physical interfaces that are free and configured by nobody else, and the bond's own legs. */
function candidates(desk: NetworkDesk, bond: LinkSettings | undefined): DeskLink[] {
  return desk
    .links()
    .filter(({ link, settings }) => link?.kind === "physical" || settings?.kind === "ethernet")
    .filter(({ other }) => other === undefined)
    .filter(({ name }) => [undefined, bond?.name].includes(desk.masterOf(name)?.name));
}

function isLeg(bond: LinkSettings | undefined, { name }: DeskLink, firstLeg: string | undefined): boolean {
  return bond?.kind === "bond" ? bond.bond.legs.includes(name) : name === firstLeg;
}

function legField(t: () => Translate, { name, link }: DeskLink, value: boolean): ToggleField {
  const state = () => (link === undefined ? "" : linkState(t(), link));
  const speed = link?.carrier === true ? formatSpeed(link.speedMbps) : "";
  return new LegField(
    () => `${t()("network.bond.leg")} ${name}`,
    () => `${state()} ${speed}`.trimEnd(),
    value,
  );
}

function freeName(desk: NetworkDesk): string {
  const taken = new Set(desk.links().map(({ name }) => name));
  for (let n = 0; ; n++) if (!taken.has(`bond${n}`)) return `bond${n}`;
}
