import { interfaceNameProblem } from "../../../core/model/network/fields.ts";
import { TextField } from "../../widgets/fields.ts";
import type { Control, Screen } from "../screen.ts";
import { chooseLinkScreen } from "./choose-link.ts";
import { oneFieldScreen } from "./one-field.ts";
import { saying } from "./problem-words.ts";

/** Rename NIC: which one, then its new name. Whatever names it (bonds, VLANs, bridges) follows, and is shown before. */
export function renameScreen(control: Control): Screen {
  return chooseLinkScreen(control, {
    title: "network.rename.title",
    help: "help.network.rename",
    about: "network.rename.choose",
    isOffered: ({ link, settings }) =>
      link?.kind === "physical" || settings?.kind === "ethernet" || settings?.kind === "bond",
    onChoose: ({ name }) => control.open(newNameScreen(control, name)),
  });
}

function newNameScreen(control: Control, link: string): Screen {
  const t = () => control.view().t;
  const name = new TextField({
    label: () => t()("network.rename.new"),
    hint: () => t()("network.rename.hint"),
    value: link,
    replaceOnType: true,
    maxLength: 40,
    width: 24,
    validate: saying(t, (text) => interfaceNameProblem(text)),
  });
  return oneFieldScreen(control, {
    title: "network.rename.title",
    help: "help.network.rename",
    heading: (words) => words("network.rename.of", { link }),
    field: name,
    operations: () => (name.value === link ? [] : [{ do: "rename", link, to: name.value }]),
  });
}
