import { wrap } from "../terminal/width.ts";
import { Form } from "../widgets/form.ts";
import { newPasswordFields } from "./change-password.ts";
import type { Control, Screen } from "./screen.ts";

/** A preview that nobody has used yet gets its password, and then goes on to where the person wanted to go. */
export function choosePasswordScreen(control: Control, make: () => Promise<Screen>): Screen {
  const t = () => control.view().t;
  const [next, again] = newPasswordFields(t);
  const form = new Form({
    fields: [next, again],
    submit: () => t()("choosePassword.go"),
    onSubmit: () => choose(),
  });

  async function choose(): Promise<void> {
    const password = next.value;
    const opened = await control.attempt(async () => {
      await control.client.call("choosePassword", { body: { password } });
      return control.client.call("openSession", { body: { password } });
    });
    if (opened === undefined) return;
    control.unlocked(opened.token);
    const target = await control.attempt(make);
    if (target !== undefined) control.replace(screen, target);
  }

  const screen: Screen = {
    title: "choosePassword.title",
    help: "help.choosePassword",
    hints: () => [["Tab", "hint.next"]],
    typing: () => form.typing,
    leave: () => {
      next.clear();
      again.clear();
    },
    draw(canvas, view) {
      wrap(view.t("choosePassword.about"), canvas.width - 4).forEach((line, i) => {
        canvas.text(2, 1 + i, line);
      });
      form.draw(canvas.part(2, 5, canvas.width - 4, canvas.height - 6), view.t);
    },
    key: (key) => form.key(key),
  };
  return screen;
}
