import type { MessageKey } from "../../i18n/catalogue.ts";
import type { Key } from "../../terminal/key.ts";
import { Table } from "../../widgets/table.ts";
import { drawDetails } from "../item-details.ts";
import { drawAge, drawMissing } from "../items.ts";
import { Opener } from "../opener.ts";
import type { Control, Hint, Screen } from "../screen.ts";
import { Blinker, blinkSeconds } from "./blinker.ts";
import { type DeskLink, NetworkDesk } from "./desk.ts";
import { deskDetails } from "./link-details.ts";
import { linkColumns } from "./link-table.ts";
import { propose } from "./propose.ts";
import { openRunning } from "./running.ts";

/** Lines that the details of the selected interface keep. */
const leastDetails = 5;

/**
 * Configure Networks: every interface, physical and logical, with what it is part of and where its cable ends. Enter
 * opens one; letters make bonds, VLANs and bridges, and let an LED blink. While the network is being changed it shows
 * that instead.
 */
export function networksScreen(control: Control): Screen {
  const desk = new NetworkDesk(control);
  const blinker = new Blinker(control);
  const opener = new Opener(control);
  const table = new Table<DeskLink>({
    items: () => desk.links(),
    id: ({ name }) => name,
    columns: () => linkColumns(control.view(), desk, desk.links()),
    empty: () => control.view().t("nic.none"),
    onOpen: (item) => act(item, "enter"),
  });
  let entered = false;
  let isHere = false;

  /** What a letter does with the selected interface. Everything but the LED is a change, and there is one at a time. */
  function act(item: DeskLink, key: Action): void {
    const { t } = control.view();
    if (key === "l") {
      if (item.link?.kind === "physical") void blinker.toggle(item.name);
      else control.notify(t("network.blink.noLed", { link: item.name }), "warn");
      return;
    }
    if (openRunning(control)) return;
    desk.whenKnown(() => {
      const known = desk.find(item.name);
      if (isHere && known !== undefined) change(known, key);
    });
  }

  function change(item: DeskLink, key: Exclude<Action, "l">): void {
    const { t } = control.view();
    if (item.other !== undefined) {
      control.notify(t("network.leftAlone", { link: item.name, what: item.other }), "warn");
      return;
    }
    if (key === "d") remove(item);
    else if (key === "a" && desk.masterOf(item.name) !== undefined) leaveToMaster(item.name);
    else opener.open(() => screens[key](control, desk, item.name));
  }

  function remove({ name, settings }: DeskLink): void {
    if (settings === undefined) control.notify(control.view().t("network.nothingSet", { link: name }), "warn");
    else void propose(control, { operations: [{ do: "delete", link: name, kind: settings.kind }] });
  }

  /** A leg or a port has neither addresses nor routes. */
  function leaveToMaster(link: string): void {
    const master = desk.masterOf(link)?.name ?? "";
    control.notify(control.view().t("network.address.member", { link, master }), "warn");
  }

  function letter(key: Key): Action | undefined {
    if (table.typing) return undefined;
    if (key.name === "delete") return "d";
    return key.name === "char" ? letters.find((each) => each === key.text) : undefined;
  }

  return {
    title: "network.title",
    help: "help.network",
    hints: () => hintsFor(table.selected, desk),
    typing: () => table.typing,
    enter() {
      isHere = true;
      opener.enter();
      void desk.load();
      if (!entered) openRunning(control);
      entered = true;
    },
    leave() {
      isHere = false;
      opener.leave();
      blinker.close();
    },
    changed: () => desk.changed(),
    draw(canvas, view) {
      const { t, state } = view;
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      const reading = state.facts.network;
      const y = drawAge(body, view, reading);
      const links = desk.links();
      if (links.length === 0 && reading?.state !== "value") {
        drawMissing(body, y, view, reading);
        return;
      }
      const room = body.height - y;
      const height = Math.max(Math.min(links.length + 1, room - leastDetails - 3), 3);
      table.draw(body.part(0, y, body.width, height), t);
      const selected = table.selected;
      if (selected === undefined) return;
      const below = body.part(0, y + height + 1);
      const blinks = blinker.link;
      const end = below.text(0, 0, selected.name, "strong");
      if (blinks === undefined) below.text(end + 3, 0, t(kindKey(selected)), "dim");
      else below.text(end + 3, 0, t("network.blink.on", { link: blinks, seconds: blinkSeconds }), "warn");
      const details = below.part(0, 1, below.width, below.height - 1);
      drawDetails(details, deskDetails(view, desk, selected), (count) => t("network.moreLines", { count }));
    },
    key(key) {
      const action = letter(key);
      const item = table.selected;
      if (action === undefined || item === undefined) return table.key(key);
      act(item, action);
      return true;
    },
  };
}

const letters = ["a", "b", "e", "v", "r", "d", "l"] as const;
type Action = (typeof letters)[number] | "enter";

type Open = (control: Control, desk: NetworkDesk, link: string) => Promise<Screen>;

/** Screens behind the letters; their code is loaded when it is needed. */
const screens: Readonly<Record<Exclude<Action, "d" | "l">, Open>> = {
  enter: async (control, desk, link) => (await import("./address.ts")).addressScreen(control, desk, link),
  a: async (control, desk, link) => (await import("./entries.ts")).entriesScreen(control, desk, link),
  b: async (control, desk, link) => (await import("./bond.ts")).bondScreen(control, desk, { firstLeg: link }),
  e: async (control, desk, link) => (await import("./bond.ts")).bondScreen(control, desk, { bond: bondOf(desk, link) }),
  v: async (control, desk, link) => (await import("./vlan.ts")).vlanScreen(control, desk, link),
  r: async (control, desk, link) => (await import("./bridge.ts")).bridgeScreen(control, desk, link),
};

/** The bond itself, or that of a leg; without one a new bond is made. */
function bondOf(desk: NetworkDesk, link: string): string | undefined {
  if (desk.settingsOf(link)?.kind === "bond") return link;
  const master = desk.masterOf(link);
  return master?.kind === "bond" ? master.name : undefined;
}

/** What can be done with the selected interface; where the room is short, the last ones are not named. */
function hintsFor(item: DeskLink | undefined, desk: NetworkDesk): Hint[] {
  const led: readonly Hint[] = item?.link?.kind === "physical" ? [["l", "network.hint.blink"]] : [];
  // What is left alone has an LED, and nothing else that a key could do.
  if (item?.other !== undefined) return [...led];
  const master = item === undefined ? undefined : desk.masterOf(item.name);
  const kind = item?.settings?.kind ?? item?.link?.kind;
  const isCard = kind === "ethernet" || kind === "physical";
  const isLeg = master?.kind === "bond";
  const hints: (Hint | undefined)[] = [
    ["Enter", "hint.open"],
    master === undefined ? ["a", "network.hint.routes"] : undefined,
    kind === "bond" || isLeg ? ["e", "network.hint.legs"] : isCard ? ["b", "network.hint.bond"] : undefined,
    isLeg ? undefined : ["v", "network.hint.vlan"],
    isLeg || kind === "bridge" ? undefined : ["r", "network.hint.bridge"],
    item?.settings === undefined ? undefined : ["d", "network.hint.delete"],
  ];
  return [...hints.filter((hint) => hint !== undefined), ...led];
}

function kindKey({ link, settings }: DeskLink): MessageKey {
  if (link !== undefined) return `interfaces.kind.${link.kind}`;
  return `network.kind.${settings?.kind ?? "ethernet"}`;
}
