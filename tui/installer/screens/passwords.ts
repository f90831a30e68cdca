import { passwordProblems } from "../../../core/model/password.ts";
import { wrap } from "../../terminal/width.ts";
import { TextField } from "../../widgets/fields.ts";
import { Form } from "../../widgets/form.ts";
import type { Control, Screen } from "../screen.ts";

/** Longer than any password that can be used, so that a long one is refused and not cut. */
const maxLength = 4096;

type Which = "root" | "admin";

/** Step 6: passwords. They go to the engine and are forgotten here; one that is set already may stay. */
export function passwordsPage(control: Control): Screen {
  const t = () => control.view().t;
  const isSet = (which: Which) => control.known().draft.passwordsSet[which];
  const asked: Which[] = control.known().draft.role === "management" ? ["root", "admin"] : ["root"];
  const entries = asked.map((which) => {
    const [first, again] = pair(control, which, () => isSet(which));
    return { which, first, again };
  });
  const fields = entries.flatMap(({ first, again }) => [first, again]);
  const form = new Form({
    fields,
    submit: () => t()("install.continue"),
    onSubmit: () => submit(),
  });
  const forget = () => {
    for (const field of fields) field.clear();
  };

  async function submit(): Promise<void> {
    let refused = false;
    await control.attempt(async () => {
      for (const { which, first, again } of entries) {
        if (first.value === "") continue;
        try {
          await control.client.call("setPassword", { which, password: first.value });
        } catch (error) {
          form.refuse(control.describe(error), first);
          refused = true;
          return;
        }
        first.clear();
        again.clear();
      }
      await control.settled(({ passwordsSet }) => asked.every((which) => passwordsSet[which]));
    });
    if (!refused) control.next();
  }

  return {
    title: "install.passwords.title",
    help: "install.help.passwords",
    hints: () => [
      ["Enter", "install.hint.next"],
      ["Tab", "hint.next"],
    ],
    enter: () => form.reset(),
    leave: forget,
    typing: () => form.typing,
    draw(canvas, view) {
      const about = asked.length > 1 ? "install.passwords.about.two" : "install.passwords.about.one";
      const lines = wrap(view.t(about), canvas.width - 4);
      lines.forEach((line, i) => canvas.text(2, 1 + i, line));
      form.draw(canvas.part(2, lines.length + 2, canvas.width - 4, canvas.height - lines.length - 3), view.t);
    },
    key: (key) => form.key(key),
  };
}

function pair(control: Control, which: Which, isSet: () => boolean): [TextField, TextField] {
  const t = () => control.view().t;
  const common = { masked: true, maxLength, width: 30 } as const;
  const hint = () => t()(isSet() ? "install.passwords.keep" : "install.passwords.rules");
  const first = new TextField({
    ...common,
    label: () => t()(`install.passwords.${which}`),
    hint,
    validate: (value) => {
      if (value === "" && isSet()) return undefined;
      const [problem] = passwordProblems(value);
      return problem === undefined ? undefined : t()(`passwords.problem.${problem}`);
    },
  });
  const again = new TextField({
    ...common,
    label: () => t()("install.passwords.again"),
    hint,
    validate: (value) => (value === first.value ? undefined : t()("passwords.differ")),
  });
  return [first, again];
}
