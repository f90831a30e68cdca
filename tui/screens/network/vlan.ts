import { vlanIdProblem } from "../../../core/model/network/fields.ts";
import { TextField } from "../../widgets/fields.ts";
import type { Control, Screen } from "../screen.ts";
import type { NetworkDesk } from "./desk.ts";
import { oneFieldScreen } from "./one-field.ts";
import { saying } from "./problem-words.ts";

/** A VLAN on an interface: its id. The new interface is opened afterwards, for its addresses. */
export function vlanScreen(control: Control, _desk: NetworkDesk, parent: string): Screen {
  const t = () => control.view().t;
  const id = new TextField({
    label: () => t()("network.vlan.id"),
    hint: () => t()("network.vlan.makes", { name: `${parent}.${id.value}` }),
    maxLength: 4,
    width: 8,
    allowed: (char) => /\d/.test(char),
    validate: saying(t, (text) => vlanIdProblem(Number(text))),
  });
  return oneFieldScreen(control, {
    title: "network.vlan.title",
    help: "help.network.vlan",
    heading: (words) => words("network.vlan.on", { link: parent }),
    field: id,
    operations: () => [{ do: "vlan", parent, id: Number(id.value) }],
  });
}
