import { TextField } from "../../widgets/fields.ts";
import { Form } from "../../widgets/form.ts";
import type { Control, Screen } from "../screen.ts";
import { linkNameWrong } from "./checks.ts";
import type { NetworkDesk } from "./desk.ts";
import { wrongWords } from "./problem-words.ts";
import { propose } from "./propose.ts";

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
    validate(text) {
      const wrong = linkNameWrong(text);
      return wrong === undefined ? undefined : wrongWords(t(), wrong);
    },
  });
  const form = new Form({
    fields: [name],
    submit: () => t()("network.submit"),
    onSubmit: () =>
      propose(control, {
        operations: [{ do: "bridge", link: name.value, port }],
        refuse: (sentence) => form.refuse(sentence, name),
        from: screen,
      }),
  });
  const screen: Screen = {
    title: "network.bridge.title",
    help: "help.network.bridge",
    typing: () => form.typing,
    draw(canvas, view) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      body.text(0, 0, view.t("network.bridge.on", { link: port }), "strong");
      form.draw(body.part(0, 2), view.t);
    },
    key: (key) => form.key(key),
  };
  return screen;
}
