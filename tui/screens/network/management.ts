import type { Control, Screen } from "../screen.ts";
import { chooseLinkScreen } from "./choose-link.ts";
import { propose } from "./propose.ts";

/** Set Management Network: which interface carries it. */
export function managementScreen(control: Control): Screen {
  return chooseLinkScreen(control, {
    title: "network.management.title",
    help: "help.network.management",
    about: "network.management.choose",
    // A leg and a port have no address of their own.
    isOffered: ({ name, other }, desk) => other === undefined && desk.masterOf(name) === undefined,
    onChoose: ({ name }) => void propose(control, { operations: [{ do: "management", link: name }] }),
  });
}
