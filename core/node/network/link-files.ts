import { NodeError } from "../../model/error.ts";
import type { Renames } from "../../model/network/rename.ts";
import type { Card } from "./cards.ts";
import type { FileChange } from "./commit.ts";
import { cardMatches, type LinkFile } from "./link-file.ts";

/*
 * What gives a card its name at every start: of all link files of systemd the first one that matches it, by the order
 * of their names, whatever folder they lie in. Ours come first. One that comes before even those is somebody's wish.
 */

const folder = "/etc/systemd/network";
const prefix = "00-binnacle-";
/** Also those of former versions, which began with 70. */
const own = /^\d\d-binnacle-.+\.link$/;

/** Of Debian's 99-default.link, for a machine that has none. */
const usual = ["AlternativeNamesPolicy=database onboard slot path", "MACAddressPolicy=persistent"];

/**
 * The link files that make new names of cards last. What another file sets beside the name goes on to be set: only the
 * first file that matches counts, and it would be passed over from now on.
 *
 * @param cards by their present names
 * @throws NET.RENAME_UNPINNED for a card that can't be told from others, NET.RENAME_OVERRULED where a file of other
 * hands comes first
 */
export function linkFileChanges(
  cards: readonly Card[],
  files: readonly LinkFile[],
  renames: Renames,
): readonly FileChange[] {
  const others = files.filter((file) => !isOwn(file));
  return cards.flatMap((card) => {
    const to = renames.get(card.name);
    if (to === undefined) return [];
    const pin = pinOf(card, cards);
    if (pin === undefined) throw unpinned(card);
    const name = `${prefix}${pin.name}.link`;
    const first = others.find((file) => file.name < name && cardMatches(file, card) !== "no");
    if (first !== undefined) throw overruled(card, first);
    const replaced = others.find((file) => cardMatches(file, card) === "yes");
    const options = replaced?.options ?? usual;
    const text = ["[Match]", pin.match, "", "[Link]", `Name=${to}`, ...options, ""].join("\n");
    const former = files.filter((file) => isOwn(file) && file.name !== name && cardMatches(file, card) === "yes");
    return [
      { path: `${folder}/${name}`, mode: 0o644, text },
      ...former.map(({ path }): FileChange => ({ path, mode: 0o644, text: null })),
    ];
  });
}

function isOwn({ name, path }: LinkFile): boolean {
  return own.test(name) && path === `${folder}/${name}`;
}

/** By what a card is known at the next start: an address of its own, or else its place. Undefined: by nothing. */
function pinOf({ permanentMac, path }: Card, cards: readonly Card[]): { match: string; name: string } | undefined {
  const isOnly = (is: (card: Card) => boolean) => cards.filter(is).length === 1;
  if (permanentMac !== null && isOnly((card) => card.permanentMac === permanentMac))
    return { match: `PermanentMACAddress=${permanentMac}`, name: permanentMac.replaceAll(":", "") };
  if (path !== null && isOnly((card) => card.path === path))
    return { match: `Path=${path}`, name: path.replace(/[^\w.-]/g, "_") };
  return;
}

function unpinned({ name }: Card): NodeError {
  return new NodeError(
    "NET.RENAME_UNPINNED",
    `A new name of ${name} would not last: the card has neither a MAC address of its own nor a place of its own on the PCI bus.`,
    { remedy: "Leave its name as it is, or put in a card with a MAC address of its own.", values: { link: name } },
  );
}

function overruled({ name }: Card, { path }: LinkFile): NodeError {
  return new NodeError(
    "NET.RENAME_OVERRULED",
    `A new name of ${name} would not last: ${path} comes first and decides on the name at every start.`,
    {
      remedy: "Change the name in that file, or let the file's own name begin with 10 or more, and try again.",
      values: { link: name, file: path },
    },
  );
}
