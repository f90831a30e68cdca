import { runningChange } from "../../network-change.ts";
import type { Control } from "../screen.ts";
import { trialScreen } from "./trial.ts";

/** Shows the change that goes on, whoever began it, instead of anything that would begin another one. */
export function openRunning(control: Control): boolean {
  const { state, t } = control.view();
  const change = runningChange(state.networkChange);
  if (change === undefined) return false;
  control.open(trialScreen(control, change.transaction));
  control.notify(t("error.NET.BUSY"), "warn");
  return true;
}
