import { parseAddress } from "../../../core/model/address.ts";
import type { OwnAddress, Route } from "../../../core/model/network/configuration.ts";
import { addressFieldProblem, parsePrefix } from "../../../core/model/network/fields.ts";
import { familyOfText } from "../../../core/model/network/one-entry.ts";
import {
  metricFieldProblem,
  routeTwice,
  toFieldProblem,
  viaFieldProblem,
} from "../../../core/model/network/route-fields.ts";
import { networkText, parseAddressAndPrefix } from "../../addresses.ts";
import type { MessageKey } from "../../i18n/catalogue.ts";
import { TextField } from "../../widgets/fields.ts";
import { Form } from "../../widgets/form.ts";
import type { Control, Screen } from "../screen.ts";
import type { AddressEntry, EntryDraft, RouteEntry } from "./entry-draft.ts";
import { advising, type Wrong } from "./problem-words.ts";

/* One address or route of an interface as it is typed. IPv4 or IPv6 is told by what is typed; nobody has to choose. */

/** Stands for no router, as in the gateway of an interface. */
export const noRouter = "-";

type Options<E, V> = {
  link: string;
  draft: EntryDraft;
  /** What is changed; undefined: a new one. */
  entry: E | undefined;
  onDone: (value: V) => void;
};

export function addressEntryScreen(
  control: Control,
  { link, draft, entry, onDone }: Options<AddressEntry, OwnAddress>,
): Screen {
  const t = () => control.view().t;
  const shown = entry?.after ?? entry?.before ?? undefined;
  const address = new TextField({
    label: () => t()("network.entry.address"),
    hint: () => t()("network.entry.addressHint"),
    value: shown === undefined ? "" : `${shown.address}/${shown.prefix}`,
    maxLength: 60,
    width: 44,
    validate: advising(t, (text) => addressWrong(text, { link, draft, entry })),
  });
  return entryScreen(control, {
    heading: entry === undefined ? "network.entry.newAddress" : "network.entry.changeAddress",
    link,
    fields: [address],
    submit() {
      const own = parseAddressAndPrefix(address.value, familyOfText(address.value));
      if (own !== undefined) onDone(own);
    },
  });
}

function addressWrong(
  text: string,
  { link, draft, entry }: Omit<Options<AddressEntry, OwnAddress>, "onDone">,
): Wrong | undefined {
  const family = familyOfText(text);
  const { given, length } = parts(text);
  const prefix = parsePrefix(length, family);
  const wrong = addressFieldProblem(given, family, "prefix" in prefix ? prefix.prefix : null);
  if (wrong !== undefined) return wrong;
  if ("problem" in prefix) return prefix.problem;
  if (draft.settings(family).method === "none") return { code: "NET.ADDRESS_UNUSED", values: { link, family } };
  if (draft.hasAddress(given, entry)) return { code: "NET.ADDRESS_TWICE", values: { given, link, other: link } };
  return undefined;
}

export function routeEntryScreen(control: Control, { link, draft, entry, onDone }: Options<RouteEntry, Route>): Screen {
  const t = () => control.view().t;
  const shown = entry?.after ?? entry?.before ?? undefined;
  const family = () => familyOfText(to.value);
  const route = (): Route => ({
    to: networkText(to.value, family()),
    via: via.value.trim() === noRouter ? null : via.value.trim(),
    metric: metric.value === "" ? null : Number(metric.value),
  });
  const to = new TextField({
    label: () => t()("network.entry.to"),
    hint: () => t()("network.entry.toHint"),
    value: shown?.to ?? "",
    maxLength: 60,
    width: 44,
    validate: advising(t, (text) => {
      const { given, length } = parts(text);
      const isAddress = parseAddress(given)?.family === family();
      if (isAddress && length === "") return wrongPrefix("", family());
      const wrong = toFieldProblem(networkText(text, family()), family());
      if (wrong !== undefined) return wrong;
      if (draft.settings(family()).method === "none")
        return { code: "NET.ROUTE_UNUSED", values: { link, family: family() } };
      return draft.hasRoute(route(), entry) ? routeTwice(route(), link) : undefined;
    }),
  });
  const via = new TextField({
    label: () => t()("network.entry.via"),
    hint: () => t()("network.entry.viaHint"),
    value: shown === undefined ? "" : (shown.via ?? noRouter),
    maxLength: 45,
    width: 44,
    validate(text) {
      if (text.trim() === "") return t()("network.entry.viaEmpty");
      return advising(t, () => viaFieldProblem(route(), { name: link, settings: draft.settings(family()) }, family()))(
        text,
      );
    },
  });
  const metric = new TextField({
    label: () => t()("network.entry.metric"),
    hint: () => t()("network.entry.metricHint"),
    value: shown === undefined || shown.metric === null ? "" : String(shown.metric),
    maxLength: 10,
    width: 14,
    allowed: (char) => /\d/.test(char),
    validate: advising(t, (text) => (text === "" ? undefined : metricFieldProblem(Number(text)))),
  });
  return entryScreen(control, {
    heading: entry === undefined ? "network.entry.newRoute" : "network.entry.changeRoute",
    link,
    fields: [to, via, metric],
    submit: () => onDone(route()),
  });
}

/** What stands before and behind the first slash or blank. */
function parts(text: string): { given: string; length: string } {
  const [, given = "", length = ""] = /^(\S*?)(?:\s*\/\s*|\s+|$)(.*)$/.exec(text.trim()) ?? [];
  return { given, length };
}

function wrongPrefix(length: string, family: 4 | 6): Wrong | undefined {
  const parsed = parsePrefix(length, family);
  return "problem" in parsed ? parsed.problem : undefined;
}

type EntryForm = { heading: MessageKey; link: string; fields: readonly TextField[]; submit: () => void };

function entryScreen(control: Control, { heading, link, fields, submit }: EntryForm): Screen {
  const form = new Form({
    fields,
    submit: () => control.view().t("network.entry.submit"),
    onSubmit() {
      control.close(screen);
      submit();
    },
  });
  const screen: Screen = {
    title: "network.entries.title",
    help: "help.network.entries",
    hints: () => [["Tab", "hint.next"]],
    typing: () => form.typing,
    draw(canvas, { t }) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      body.text(0, 0, t(heading, { link }), "strong");
      form.draw(body.part(0, 2), t);
    },
    key: (key) => form.key(key),
  };
  return screen;
}
