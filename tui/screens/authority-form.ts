import { NodeError } from "../../core/model/error.ts";
import type { MessageKey } from "../i18n/catalogue.ts";
import { wrap } from "../terminal/width.ts";
import { type Field, TextField } from "../widgets/fields.ts";
import { Form } from "../widgets/form.ts";
import { confirmScreen } from "./confirm.ts";
import type { Control, Screen } from "./screen.ts";

/** Longer than any password that can be used, so that a long one is refused and not cut. */
const maxLength = 4096;

export type AuthorityForm = {
  control: Control;
  /** Whose password it is, over the form. */
  heading: MessageKey;
  /** What stands under the heading. */
  about?: () => string;
  /** The password that gives the right to do it. */
  authority: MessageKey;
  /** Fields behind it; their secrets are forgotten with the form. */
  fields: readonly Field[];
  secrets: readonly TextField[];
  submit: MessageKey;
  /** What is asked before it is done. */
  question: () => string;
  /** Does it, and closes or replaces the screen; what it throws stands at the foot of the form. */
  act: (authority: string, screen: Screen) => Promise<void>;
};

/** Codes that are the authority's fault: it is given anew. */
const wrongAuthority: ReadonlySet<string> = new Set(["AUTH.WRONG_PASSWORD", "AUTH.SLOWED", "PASSWORD.WRONG_STORE"]);

/** A form that begins with the password that gives the right to what it does; confirmed with Y. */
export function authorityScreen(options: AuthorityForm): Screen {
  const { control, secrets } = options;
  const t = () => control.view().t;
  const authority = new TextField({
    label: () => t()(options.authority),
    masked: true,
    maxLength,
    width: 30,
    validate: (value) => (value === "" ? t()("passwords.authorityEmpty") : undefined),
  });
  const form = new Form({
    fields: [authority, ...options.fields],
    submit: () => t()(options.submit),
    onSubmit: () => {
      const message = options.question();
      control.open(confirmScreen(control, screen, { message, style: "warn" }, () => void act()));
    },
  });

  /** True while the agent does it: it must not begin twice. */
  let acting = false;

  async function act(): Promise<void> {
    acting = true;
    control.notify(t()("passwords.changing"), "warn");
    try {
      await options.act(authority.value, screen);
    } catch (error) {
      control.passwordWait.learn(error);
      const isWrong = error instanceof NodeError && wrongAuthority.has(error.code);
      if (isWrong) authority.clear();
      form.refuse(control.describe(error), isWrong ? authority : undefined);
      // The form says it; what was going on is over.
      control.notify("");
    } finally {
      acting = false;
    }
  }

  const screen: Screen = {
    title: "passwords.title",
    help: "help.passwords.manager",
    hints: () => [["Tab", "hint.next"]],
    typing: () => form.typing,
    leave: () => {
      for (const field of [authority, ...secrets]) field.clear();
    },
    draw(canvas, view) {
      canvas.text(2, 1, view.t(options.heading), "strong");
      const about = options.about === undefined ? [] : wrap(options.about(), canvas.width - 4);
      about.forEach((line, i) => {
        canvas.text(2, 2 + i, line, "dim");
      });
      const y = 3 + about.length;
      form.draw(canvas.part(2, y, canvas.width - 4, canvas.height - y - 1), view.t);
    },
    key: (key) => (acting ? key.name !== "esc" : form.key(key)),
  };
  return screen;
}
