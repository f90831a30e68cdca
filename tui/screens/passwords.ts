import type { SomeFacts } from "../../core/model/facts.ts";
import { valueOf } from "../../core/model/reading.ts";
import type { MessageKey } from "../i18n/catalogue.ts";
import { List } from "../widgets/list.ts";
import { changePasswordScreen } from "./change-password.ts";
import { noticeScreen } from "./notice.ts";
import type { Control, Screen } from "./screen.ts";

/** Source: console.md, item 1 of System Configuration, in its order. */
const accounts = ["root", "storeAdmin", "storeService", "agentChannel", "cloudAdmin"] as const;
type Account = (typeof accounts)[number];

/** Change Passwords: on a management node a menu of five; every other node has the system's root alone. */
export function passwordsScreen(control: Control): Screen {
  const role = valueOf(control.view().state.facts.identity)?.role;
  return role === "management" ? menuScreen(control) : changePasswordScreen(control);
}

function menuScreen(control: Control): Screen {
  const t = (key: MessageKey) => control.view().t(key);
  const whyNot = (account: Account) => whyNothing(account, control.view().state.facts);
  const list = new List<Account>({
    items: () => accounts,
    id: (account) => account,
    text: (account) => t(`passwords.${account}`),
    note: (account) => t(whyNot(account) ?? "passwords.about.root"),
    filter: false,
    onOpen(account) {
      const why = whyNot(account);
      if (why === undefined) control.open(changePasswordScreen(control));
      else control.open(noticeScreen(control, screen, t(`${why}.full`)));
    },
  });
  const screen: Screen = {
    title: "passwords.title",
    help: "help.passwordMenu",
    hints: () => [["Enter", "hint.open"]],
    draw(canvas, view) {
      canvas.text(2, 1, view.t("passwords.choose"), "strong");
      list.draw(canvas.part(2, 3, canvas.width - 4, accounts.length + 1), view.t);
    },
    key: (key) => list.key(key),
  };
  return screen;
}

type Why = "passwords.none.noManager" | "passwords.none.notKnown" | "passwords.none.embedded" | "passwords.none.notYet";

/** Why there is nothing to change; undefined when there is. A manager that nobody has seen is no absent one. */
export function whyNothing(account: Account, { management }: SomeFacts): Why | undefined {
  if (account === "root") return undefined;
  if (management?.state === "missing" && management.why.code === "notInstalled") return "passwords.none.noManager";
  const ha = valueOf(management)?.ha;
  if (ha === undefined) return "passwords.none.notKnown";
  if ((account === "storeAdmin" || account === "storeService") && ha === "single") return "passwords.none.embedded";
  return "passwords.none.notYet";
}
