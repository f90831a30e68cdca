import { type ManagerPasswords, type StoreAccount, storeAdministrator } from "../../core/model/manager-passwords.ts";
import { formatDuration } from "../widgets/format.ts";
import { authorityScreen } from "./authority-form.ts";
import { newPasswordFields } from "./change-password.ts";
import { jobLogScreen } from "./job-log.ts";
import type { Control, Screen } from "./screen.ts";

/** After so many seconds a restart of the manager is given up. */
const restartSeconds = 180;

/** Change Passwords, an account of the store: the password of its root, and the new one twice; then the job's log. */
export function storePasswordScreen(
  control: Control,
  account: StoreAccount,
  { storeUser, otherManagers }: ManagerPasswords,
): Screen {
  const t = () => control.view().t;
  const [next, again] = newPasswordFields(t);
  const isManagers = account === "storeService" || storeUser === storeAdministrator;
  const question = () => {
    const limit = formatDuration(restartSeconds);
    if (!isManagers) return t()("passwords.sure.storeAdmin");
    const sure = t()("passwords.sure.storeOwn", { user: storeUser ?? "", limit });
    return otherManagers.length === 0
      ? sure
      : `${t()("passwords.others", { names: otherManagers.join(", ") })}\n${sure}`;
  };
  return authorityScreen({
    control,
    heading: `passwords.${account}`,
    authority: "passwords.authority.store",
    fields: [next, again],
    secrets: [next, again],
    submit: "passwords.change",
    question,
    async act(authority, screen) {
      const body = { account, authority, new: next.value };
      const job = await control.client.call("startStorePasswordJob", { body });
      control.notify("");
      control.replace(screen, jobLogScreen(control, job.id));
    },
  });
}
