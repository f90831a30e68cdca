import { familyOfText } from "../../../core/model/network/one-entry.ts";
import type { MessageKey } from "../../i18n/catalogue.ts";
import { routeWords } from "../../network-words.ts";
import type { Style } from "../../terminal/canvas.ts";
import type { Key } from "../../terminal/key.ts";
import { displayWidth, wrap } from "../../terminal/width.ts";
import { type Column, Table } from "../../widgets/table.ts";
import { confirmScreen } from "../confirm.ts";
import type { Control, Screen } from "../screen.ts";
import type { NetworkDesk } from "./desk.ts";
import { type Entry, EntryDraft, stateOf } from "./entry-draft.ts";
import { addressEntryScreen, noRouter, routeEntryScreen } from "./entry-forms.ts";
import { propose } from "./propose.ts";

/**
 * Addresses and Routes: all of one interface. What is added, changed and taken away here is a draft until `s` shows
 * what it would do, from where it goes on as every change does: several routes are one change, with one trial.
 */
export function entriesScreen(control: Control, desk: NetworkDesk, link: string): Screen {
  const t = () => control.view().t;
  const settings = desk.settingsOf(link);
  const draft = new EntryDraft(link, settings);
  let refusal = "";
  const table = new Table<Entry>({
    items: () => draft.entries,
    id: ({ id }) => id,
    columns,
    empty: () => t()("network.entries.none"),
    onOpen: change,
  });

  function columns(): Column<Entry>[] {
    const style = (entry: Entry): Style => (stateOf(entry) === "gone" ? "dim" : "text");
    const widest = (value: (entry: Entry) => string) =>
      Math.max(...draft.entries.map((each) => displayWidth(value(each))), 0);
    const all: Column<Entry>[] = [
      { title: t()("network.entries.kind"), min: 7, value: (entry) => t()(kindOf(entry)), style },
      { title: t()("network.entries.value"), min: 18, width: widest(target), grow: true, value: target, style },
      { title: t()("network.entries.via"), min: 10, width: widest(router), value: router, style, priority: 2 },
      {
        title: t()("network.entries.metric"),
        min: Math.max(6, widest(metric)),
        align: "right",
        value: metric,
        style,
        priority: 3,
      },
      { title: t()("network.entries.state"), min: 7, value: state, style: () => "warn" },
    ];
    return all.filter((column, i) => i < 2 || draft.entries.some((entry) => column.value(entry) !== ""));
  }

  function state(entry: Entry): string {
    const now = stateOf(entry);
    return now === "asBefore" ? "" : t()(states[now]);
  }

  function router(entry: Entry): string {
    if (entry.kind === "route") return (entry.after ?? entry.before)?.via ?? noRouter;
    const family = familyOfText(target(entry)) === 4 ? settings?.ipv4 : settings?.ipv6;
    return entry.isFirst ? (family?.gateway ?? "") : "";
  }

  function change(entry: Entry | undefined): void {
    if (entry === undefined) return;
    if (isLocked(entry)) control.notify(t()("network.entries.locked", { link }), "warn");
    else if (entry.kind === "address") openAddress(entry);
    else openRoute(entry);
  }

  function openAddress(entry?: Extract<Entry, { kind: "address" }>): void {
    const onDone = (address: { address: string; prefix: number }) => table.select(draft.putAddress(address, entry));
    control.open(addressEntryScreen(control, { link, draft, entry, onDone }));
  }

  function openRoute(entry?: Extract<Entry, { kind: "route" }>): void {
    const onDone = (route: Parameters<EntryDraft["putRoute"]>[0]) => table.select(draft.putRoute(route, entry));
    control.open(routeEntryScreen(control, { link, draft, entry, onDone }));
  }

  function remove(entry: Entry | undefined): void {
    if (entry === undefined) return;
    if (isLocked(entry)) control.notify(t()("network.entries.locked", { link }), "warn");
    else draft.remove(entry);
  }

  function show(): void {
    const refuse = (sentence: string) => {
      refusal = sentence;
      control.redraw();
    };
    void propose(control, { operations: draft.operations(), refuse, from: screen });
  }

  function act(key: Key): boolean {
    if (key.name === "delete") remove(table.selected);
    else if (key.name !== "char") return false;
    else if (key.text === "a") openAddress();
    else if (key.text === "r") openRoute();
    else if (key.text === "d") remove(table.selected);
    else if (key.text === "s") show();
    else return false;
    return true;
  }

  /** What a technician should know of the interface before changing anything here. */
  function about(): { text: string; style: Style }[] {
    const item = desk.find(link);
    const master = desk.masterOf(link);
    const method = (family: "ipv4" | "ipv6") => t()(`network.method.${settings?.[family].method ?? "none"}`);
    const methods = `${t()("network.field.ipv4")} ${method("ipv4")}   ${t()("network.field.ipv6")} ${method("ipv6")}`;
    const warnings = [
      item !== undefined && desk.isManagement(item) ? t()("network.address.management", { link }) : undefined,
      master === undefined ? undefined : t()("network.address.member", { link, master: master.name }),
    ];
    return [
      { text: methods, style: "dim" },
      ...warnings.flatMap((text) => (text === undefined ? [] : [{ text, style: "warn" as const }])),
    ];
  }

  /** The selected one without its columns, where they cut it: IPv6 is longer than most screens. */
  function wholeText(width: number): string[] {
    const entry = table.selected;
    if (
      entry === undefined ||
      displayWidth(`${target(entry)}${router(entry)}${metric(entry)}`) + columnsBeside <= width
    )
      return [];
    const route = entry.kind === "route" ? (entry.after ?? entry.before) : null;
    return wrap(route === null ? target(entry) : routeWords(t(), route), width);
  }

  const screen: Screen = {
    title: "network.entries.title",
    help: "help.network.entries",
    hints: () => [
      ["a", "network.entries.addAddress"],
      ["r", "network.entries.addRoute"],
      ...(draft.isChanged ? ([["s", "network.entries.show"]] as const) : []),
      ["Enter", "network.entries.change"],
      ["d", "network.hint.delete"],
    ],
    typing: () => table.typing,
    draw(canvas, view) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      body.text(0, 0, link, "strong");
      let y = 1;
      for (const { text, style } of about()) for (const line of wrap(text, body.width)) body.text(0, y++, line, style);
      const whole = wholeText(body.width);
      const foot = refusal !== "" ? refusal : draft.isChanged ? view.t("network.entries.draft") : "";
      const below = foot === "" ? [] : wrap(foot, body.width);
      const kept = [below.length, whole.length].reduce((sum, lines) => sum + (lines > 0 ? lines + 1 : 0), 0);
      const room = Math.max(body.height - y - 1 - kept, 3);
      const height = Math.min(Math.max(draft.entries.length, 1) + 1, room);
      table.draw(body.part(0, y + 1, body.width, height), view.t);
      whole.forEach((line, i) => {
        body.text(0, y + height + 2 + i, line, "dim");
      });
      below.forEach((line, i) => {
        body.text(0, body.height - below.length + i, line, refusal !== "" ? "bad" : "warn");
      });
    },
    key(key) {
      refusal = "";
      if (!table.typing && act(key)) return true;
      if (table.key(key)) return true;
      if (key.name !== "esc" || !draft.isChanged) return false;
      const message = t()("network.entries.leave");
      control.open(confirmScreen(control, screen, { message, style: "warn" }, () => control.close(screen)));
      return true;
    },
  };
  return screen;
}

function kindOf(entry: Entry): MessageKey {
  return isLocked(entry) ? "network.entries.first" : `network.what.${entry.kind}`;
}

const states = {
  new: "network.entries.new",
  changed: "network.entries.changed",
  gone: "network.entries.gone",
} as const satisfies Record<Exclude<ReturnType<typeof stateOf>, "asBefore">, MessageKey>;

/** Cells of a row beside what an entry is: the marker, its kind, what becomes of it, and the gaps. */
const columnsBeside = 2 + 9 + 9 + 8;

/** The first address has its gateway beside it in the form of the interface. */
function isLocked(entry: Entry): boolean {
  return entry.kind === "address" && entry.isFirst;
}

function target(entry: Entry): string {
  if (entry.kind === "route") return (entry.after ?? entry.before)?.to ?? "";
  const shown = entry.after ?? entry.before;
  return shown === null ? "" : `${shown.address}/${shown.prefix}`;
}

function metric(entry: Entry): string {
  const shown = entry.kind === "route" ? (entry.after ?? entry.before)?.metric : null;
  return shown === null || shown === undefined ? "" : String(shown);
}
