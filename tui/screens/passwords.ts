import { type ManagerPasswords, managerAccounts } from "../../core/model/manager-passwords.ts";
import { valueOf } from "../../core/model/reading.ts";
import type { Refusal } from "../../core/model/service.ts";
import { List } from "../widgets/list.ts";
import { changePasswordScreen } from "./change-password.ts";
import { channelScreen } from "./channel.ts";
import { cloudPasswordScreen } from "./cloud-password.ts";
import { noticeScreen } from "./notice.ts";
import type { Control, Screen } from "./screen.ts";
import { refusalText } from "./service-words.ts";
import { storePasswordScreen } from "./store-password.ts";

/** Source: console.md, item 1 of System Configuration, in its order. */
const accounts = ["root", ...managerAccounts] as const;
type Account = (typeof accounts)[number];

/** Change Passwords: on a management node a menu of five; every other node has the system's root alone. */
export function passwordsScreen(control: Control): Screen {
  const role = valueOf(control.view().state.facts.identity)?.role;
  return role === "management" ? menuScreen(control) : changePasswordScreen(control);
}

function menuScreen(control: Control): Screen {
  const t = () => control.view().t;
  let known: ManagerPasswords | undefined;
  const whyNot = (account: Account): Refusal | null => (account === "root" ? null : (known?.refusals[account] ?? null));
  const list = new List<Account>({
    items: () => accounts,
    id: (account) => account,
    text: (account) => t()(`passwords.${account}`),
    note: (account) => {
      if (account !== "root" && known === undefined) return t()("missing.pending");
      const why = whyNot(account);
      const short = why === null ? undefined : t().find(why.code.replace("PASSWORDS", "passwords.short"));
      return why === null ? t()(`passwords.about.${account}`) : (short ?? refusalText(t(), why));
    },
    style: (account) => (whyNot(account) === null ? "text" : "dim"),
    filter: false,
    onOpen(account) {
      const why = whyNot(account);
      if (account === "root") control.open(changePasswordScreen(control));
      else if (why !== null) control.open(noticeScreen(control, screen, refusalText(t(), why)));
      else if (known === undefined) return;
      else if (account === "cloudAdmin") control.open(cloudPasswordScreen(control));
      else if (account === "agentChannel") control.open(channelScreen(control, known));
      else control.open(storePasswordScreen(control, account, known));
    },
  });
  const screen: Screen = {
    title: "passwords.title",
    help: "help.passwordMenu",
    hints: () => [["Enter", "hint.open"]],
    enter() {
      void control.attempt(async () => {
        known = await control.client.call("managerPasswords", {});
        control.redraw();
      });
    },
    draw(canvas, view) {
      canvas.text(2, 1, view.t("passwords.choose"), "strong");
      list.draw(canvas.part(2, 3, canvas.width - 4, accounts.length + 1), view.t);
    },
    key: (key) => list.key(key),
  };
  return screen;
}
