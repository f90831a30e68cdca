import type { NetworkHardware } from "./configuration.ts";
import type { NetworkOperation } from "./operation.ts";
import type { SavedConfiguration } from "./transaction.ts";

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
    const renames = Object.entries(cards).flatMap(([to, mac]): NetworkOperation[] => {
      const now = hardware.links.filter((link) => link.mac === mac);
      const [link] = now;
      // Two cards of one address can't be told apart.
      if (link === undefined || now.length > 1 || link.name === to) return [];
      return [{ do: "rename", link: link.name, to }];
    });
    return [...renames, operation];
  });
}
