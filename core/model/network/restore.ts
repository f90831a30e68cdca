import type { NetworkHardware } from "./configuration.ts";
import type { NetworkOperation } from "./operation.ts";
import type { SavedConfiguration } from "./transaction.ts";

type Rename = Extract<NetworkOperation, { do: "rename" }>;

/** The cards of a machine: MAC address by name. */
export function cardsOf({ links }: NetworkHardware): Record<string, string> {
  return Object.fromEntries(links.flatMap(({ name, mac }) => (mac === null ? [] : [[name, mac]])));
}

/**
 * Operations in which going back to an earlier configuration also gives the cards the names that they had then: the
 * same card is known by its MAC address.
 */
export function withFormerNames(
  operations: readonly NetworkOperation[],
  saved: (id: string) => Pick<SavedConfiguration, "cards"> | undefined,
  hardware: NetworkHardware,
): NetworkOperation[] {
  return operations.flatMap((operation): NetworkOperation[] => {
    const cards = operation.do === "restore" ? saved(operation.id)?.cards : undefined;
    if (cards === undefined) return [operation];
    const renames = Object.entries(cards).flatMap(([to, mac]): Rename[] => {
      const now = hardware.links.filter((link) => link.mac === mac);
      const [link] = now;
      // Two cards of one address can't be told apart.
      if (link === undefined || now.length > 1 || link.name === to) return [];
      return [{ do: "rename", link: link.name, to }];
    });
    return [...inOrder(renames), operation];
  });
}

/** A name is given once the card that has it has given it up. Of names that go in a circle, one takes a spare one first. */
function inOrder(renames: readonly Rename[]): Rename[] {
  const isBlocked = ({ to }: Rename) => renames.some(({ link }) => link === to);
  const [free, ...others] = [...renames].sort((one, other) => Number(isBlocked(one)) - Number(isBlocked(other)));
  if (free === undefined) return [];
  if (!isBlocked(free)) return [free, ...inOrder(others)];
  return [{ ...free, to: spareName }, ...inOrder([...others, { ...free, link: spareName }])];
}

/** Nobody keeps it: names that go in a circle are refused in one change, and say so. */
const spareName = "binnacle-spare";
