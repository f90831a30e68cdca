import { TextField } from "../../widgets/fields.ts";
import { Form } from "../../widgets/form.ts";
import type { Control, Screen } from "../screen.ts";
import { linkNameWrong } from "./checks.ts";
import { chooseLinkScreen } from "./choose-link.ts";
import { wrongWords } from "./problem-words.ts";
import { propose } from "./propose.ts";

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
        operations: name.value === link ? [] : [{ do: "rename", link, to: name.value }],
        refuse: (sentence) => form.refuse(sentence, name),
        from: screen,
      }),
  });
  const screen: Screen = {
    title: "network.rename.title",
    help: "help.network.rename",
    typing: () => form.typing,
    draw(canvas, view) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      body.text(0, 0, view.t("network.rename.of", { link }), "strong");
      form.draw(body.part(0, 2), view.t);
    },
    key: (key) => form.key(key),
  };
  return screen;
}
