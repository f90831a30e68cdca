import { ToggleField } from "../widgets/fields.ts";
import { authorityScreen } from "./authority-form.ts";
import { newPasswordFields } from "./change-password.ts";
import type { Control, Screen } from "./screen.ts";

/** Change Passwords, cloud administrator: the password of the system's root, the new one twice, and who may keep it. */
export function cloudPasswordScreen(control: Control): Screen {
  const t = () => control.view().t;
  const [next, again] = newPasswordFields(t);
  const mustChange = new ToggleField({
    label: () => t()("passwords.mustChange"),
    hint: () => t()("passwords.mustChange.hint"),
  });
  return authorityScreen({
    control,
    heading: "passwords.cloudAdmin",
    authority: "passwords.authority.root",
    fields: [next, again, mustChange],
    secrets: [next, again],
    submit: "passwords.change",
    question: () => t()("passwords.sure.cloudAdmin"),
    async act(root, screen) {
      const body = { root, new: next.value, mustChange: mustChange.value };
      await control.client.call("changeCloudPassword", { body });
      control.close(screen);
      control.notify(t()("passwords.changed"), "good");
    },
  });
}
