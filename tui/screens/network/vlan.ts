import { TextField } from "../../widgets/fields.ts";
import { Form } from "../../widgets/form.ts";
import type { Control, Screen } from "../screen.ts";
import { vlanIdWrong } from "./checks.ts";
import type { NetworkDesk } from "./desk.ts";
import { wrongWords } from "./problem-words.ts";
import { propose } from "./propose.ts";

/** A VLAN on an interface: its id. The new interface is opened afterwards, for its addresses. */
export function vlanScreen(control: Control, _desk: NetworkDesk, parent: string): Screen {
  const t = () => control.view().t;
  const id = new TextField({
    label: () => t()("network.vlan.id"),
    hint: () => t()("network.vlan.makes", { name: `${parent}.${id.value}` }),
    maxLength: 4,
    width: 8,
    allowed: (char) => /\d/.test(char),
    validate(text) {
      const wrong = vlanIdWrong(text);
      return wrong === undefined ? undefined : wrongWords(t(), wrong);
    },
  });
  const form = new Form({
    fields: [id],
    submit: () => t()("network.submit"),
    onSubmit: () =>
      propose(control, {
        operations: [{ do: "vlan", parent, id: Number(id.value) }],
        refuse: (sentence) => form.refuse(sentence, id),
        from: screen,
      }),
  });
  const screen: Screen = {
    title: "network.vlan.title",
    help: "help.network.vlan",
    typing: () => form.typing,
    draw(canvas, view) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      body.text(0, 0, view.t("network.vlan.on", { link: parent }), "strong");
      form.draw(body.part(0, 2), view.t);
    },
    key: (key) => form.key(key),
  };
  return screen;
}
