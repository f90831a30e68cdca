import { passwordProblems } from "../../core/model/password.ts";
import type { Translate } from "../i18n/catalogue.ts";
import { TextField } from "../widgets/fields.ts";
import { Form } from "../widgets/form.ts";
import { confirmScreen } from "./confirm.ts";
import type { Control, Screen } from "./screen.ts";

/** Longer than any password that can be used, so that a long one is refused and not cut. */
const maxLength = 4096;

/** Two entries of a new password with the rules that hold for it, shown as it is typed. */
export function newPasswordFields(t: () => Translate, old?: () => string): [TextField, TextField] {
  const next = new TextField({
    label: () => t()("passwords.new"),
    masked: true,
    maxLength,
    width: 30,
    validate: (value) => {
      const [problem] = passwordProblems(value, old?.());
      return problem === undefined ? undefined : t()(`passwords.problem.${problem}`);
    },
  });
  const again = new TextField({
    label: () => t()("passwords.again"),
    masked: true,
    maxLength,
    width: 30,
    validate: (value) => (value === next.value ? undefined : t()("passwords.differ")),
  });
  return [next, again];
}

/** Change Passwords, system root: old, new, and new once more; confirmed with Y. */
export function changePasswordScreen(control: Control): Screen {
  const t = () => control.view().t;
  const old = new TextField({
    label: () => t()("passwords.old"),
    masked: true,
    maxLength,
    width: 30,
    validate: (value) => (value === "" ? t()("passwords.oldEmpty") : undefined),
  });
  const [next, again] = newPasswordFields(t, () => old.value);
  const form = new Form({
    fields: [old, next, again],
    submit: () => t()("passwords.change"),
    onSubmit: () => {
      control.open(
        confirmScreen(control, screen, { message: t()("passwords.sure"), style: "warn" }, () => void change()),
      );
    },
  });

  /** True while the agent changes it: a second change must not begin. */
  let changing = false;

  async function change(): Promise<void> {
    changing = true;
    control.notify(t()("passwords.changing"), "warn");
    try {
      await control.client.call("changeRootPassword", { body: { old: old.value, new: next.value } });
    } catch (error) {
      control.passwordWait.learn(error);
      old.clear();
      form.refuse(control.describe(error), old);
      // The form says it; what was going on is over.
      control.notify("");
      return;
    } finally {
      changing = false;
    }
    control.close(screen);
    control.notify(t()("passwords.changed"), "good");
  }

  const screen: Screen = {
    title: "passwords.title",
    help: "help.passwords",
    hints: () => [["Tab", "hint.next"]],
    typing: () => form.typing,
    leave: () => {
      for (const field of [old, next, again]) field.clear();
    },
    draw(canvas, view) {
      canvas.text(2, 1, view.t("passwords.root"), "strong");
      form.draw(canvas.part(2, 3, canvas.width - 4, canvas.height - 4), view.t);
    },
    key: (key) => (changing ? key.name !== "esc" : form.key(key)),
  };
  return screen;
}
