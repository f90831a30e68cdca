import type { NetworkOperation } from "../../../core/model/network/operation.ts";
import type { MessageKey, Translate } from "../../i18n/catalogue.ts";
import type { TextField } from "../../widgets/fields.ts";
import { Form } from "../../widgets/form.ts";
import type { Control, Screen } from "../screen.ts";
import { propose } from "./propose.ts";

export type OneFieldOptions = {
  title: MessageKey;
  help: MessageKey;
  /** What is changed. */
  heading: (t: Translate) => string;
  field: TextField;
  /** What the field asks for; none: nothing would differ. */
  operations: () => NetworkOperation[];
};

/** A change of the network that takes one entry. */
export function oneFieldScreen(control: Control, { title, help, heading, field, operations }: OneFieldOptions): Screen {
  const form = new Form({
    fields: [field],
    submit: () => control.view().t("network.submit"),
    onSubmit: () =>
      propose(control, {
        operations: operations(),
        refuse: (sentence) => form.refuse(sentence, field),
        from: screen,
      }),
  });
  const screen: Screen = {
    title,
    help,
    typing: () => form.typing,
    draw(canvas, view) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      body.text(0, 0, heading(view.t), "strong");
      form.draw(body.part(0, 2), view.t);
    },
    key: (key) => form.key(key),
  };
  return screen;
}
