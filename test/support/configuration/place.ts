import { setTimeout as pause } from "node:timers/promises";
import * as z from "zod";
import {
  type ConfigurationItem,
  type Console,
  configurationItems,
  isHome,
  logIn,
  openItem,
  selectLine,
  titleOf,
  untilTitle,
} from "../steps.ts";
import type { NetworkGuest } from "../vm/network-guest.ts";

/* What a technician does again and again at a real node's console. */

export const roles = ["compute", "storage", "management"] as const;
export type Role = (typeof roles)[number];

/** A place to sit at, with what the node's tests have left behind so far. */
export type Place = { readonly seat: Console; readonly name: "tty1" | "ttyS0"; readonly node: Node };
export type Node = {
  readonly guest: NetworkGuest;
  role: Role;
  /** Of root. */
  password: string;
};
export type Drive = (place: Place) => Promise<void>;

const links = z.array(
  z.looseObject({
    ifname: z.string(),
    master: z.string().optional(),
    link: z.string().optional(),
  }),
);

/** What the kernel has. */
export async function kernelLinks({ guest }: Node) {
  return links.parse(JSON.parse(await guest.run("ip -j -d addr")));
}

/** The card beside that of the management network, by whatever name it has now. */
export async function secondCard(node: Node): Promise<string> {
  const names = (await kernelLinks(node)).map(({ ifname }) => ifname);
  return names.includes("stor0") ? "stor0" : "p7p1";
}

/** From the plan of a change to the list that it began at, the change kept. */
export async function keep({ seat }: Place): Promise<void> {
  await untilTitle(seat, "What changes");
  seat.type("y");
  await untilTitle(seat, "Network Change");
  await seat.until(/Kept only if you press Y/);
  seat.type("y");
  await seat.until("in force, and kept");
  seat.press("enter");
  await seat.until((text) => titleOf(text) !== "Network Change");
}

/** Clears a field and goes on to the next one. */
export const fields = (...values: string[]) => values.map((value) => `\x15${value}`).join("\t");

/** To the button of a form of which the field with this number, counted from 0, has the focus. */
export function submit(seat: Console, from: number): void {
  for (let up = 0; up <= from; up++) seat.press("up");
  seat.press("enter");
}

/** Selects the row of a table by its first column. */
export async function selectRow(seat: Console, name: string): Promise<void> {
  await seat.until(new RegExp(`^[ >]+${name.replaceAll(".", "\\.")}(?= )`, "m"));
  await selectLine(seat, name);
}

/**
 * The lines below the header once nothing moves any more: on a slow line a screen grows piece by piece. A cursor that
 * blinks may hide what is below it for ever, so there is an end to it.
 */
export async function settled(seat: Console): Promise<string[]> {
  let before = "";
  for (let looks = 0; looks < 6; looks++) {
    await pause(800);
    await seat.until(/\S/);
    const text = seat.screen().slice(1).join("\n");
    if (text === before) break;
    before = text;
  }
  return before.split("\n");
}

/** To the list of System Configuration from wherever the console is, with the password if it asks for it. */
export async function toConfiguration({ seat, node }: Place): Promise<void> {
  for (let tries = 0; tries < 12; tries++) {
    await seat.until(/\S/);
    const title = titleOf(seat.text());
    if (title === "System Configuration") return;
    if (isHome(seat.text())) {
      await logIn(seat, { password: node.password });
      return;
    }
    seat.press("esc");
    await seat.until((text) => titleOf(text) !== title, 2_000).catch(() => undefined);
  }
  throw new Error(`This is neither home nor System Configuration:\n${seat.text()}`);
}

export async function openFromAnywhere(place: Place, item: ConfigurationItem, title?: string): Promise<void> {
  await toConfiguration(place);
  await openItem(place.seat, item, title ?? configurationItems[item]);
}
