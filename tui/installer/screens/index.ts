import type { InstallerState, InstallQuestion } from "../../../core/model/installation/protocol.ts";
import type { Control, Screen } from "../screen.ts";
import { checksPage } from "./checks.ts";
import { diskPage } from "./disk.ts";
import { doneScreen } from "./done.ts";
import { failureScreen } from "./failure.ts";
import { followScreen } from "./follow.ts";
import { layoutPage } from "./layout.ts";
import { localePage } from "./locale.ts";
import { networkPage } from "./network.ts";
import { passwordsPage } from "./passwords.ts";
import { probingScreen } from "./probing.ts";
import { progressScreen } from "./progress.ts";
import { refusedScreen } from "./refused.ts";
import { rolePage } from "./role.ts";
import { summaryPage } from "./summary.ts";

export const questionPages: Record<InstallQuestion, (control: Control) => Screen> = {
  locale: localePage,
  role: rolePage,
  checks: checksPage,
  disk: diskPage,
  layout: layoutPage,
  network: networkPage,
  passwords: passwordsPage,
  summary: summaryPage,
};

type Phase = Exclude<InstallerState["phase"], "questions"> | "following";

/** What is shown where nothing is asked: `following` are the questions of another console. */
export const phaseScreens: Record<Phase, (control: Control) => Screen> = {
  probing: probingScreen,
  following: followScreen,
  installing: progressScreen,
  failed: failureScreen,
  done: doneScreen,
  refused: refusedScreen,
};
