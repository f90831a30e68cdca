import { interfaceNameProblem } from "../../../core/model/network/fields.ts";
import { TextField } from "../../widgets/fields.ts";
import type { Control, Screen } from "../screen.ts";
import type { NetworkDesk } from "./desk.ts";
import { oneFieldScreen } from "./one-field.ts";
import { saying } from "./problem-words.ts";

/** A bridge with an interface as its port; the port's addresses move to the bridge. */
export function bridgeScreen(control: Control, _desk: NetworkDesk, port: string): Screen {
  const t = () => control.view().t;
  const name = new TextField({
    label: () => t()("network.bridge.name"),
    hint: () => t()("network.bridge.hint", { link: port }),
    value: `br_${port}`,
    replaceOnType: true,
    maxLength: 40,
    width: 24,
    validate: saying(t, (text) => interfaceNameProblem(text)),
  });
  return oneFieldScreen(control, {
    title: "network.bridge.title",
    help: "help.network.bridge",
    heading: (words) => words("network.bridge.on", { link: port }),
    field: name,
    operations: () => [{ do: "bridge", link: name.value, port }],
  });
}
