import { NodeError } from "../../core/model/error.ts";
import { type CtlExit, ctlExit } from "./command.ts";
import type { CtlWorld } from "./world.ts";

/** `reset_password`. @throws CTL.NO_TERMINAL, CLOUD.ABSENT, SYS.… */
export async function resetPassword(world: CtlWorld, isYes: boolean): Promise<CtlExit> {
  const { voice, ask } = world;
  if (!isYes) {
    if (ask === undefined)
      throw new NodeError("CTL.NO_TERMINAL", "Nobody can be asked whether to reset admin's password.", {
        remedy: "Give --yes.",
      });
    if (!(await ask("Reset the password of the cloud's admin, and end all its sessions? [y/N]"))) {
      voice.say("Nothing was changed.");
      return ctlExit.failed;
    }
  }
  const { isInitial } = await world.door.ask("ResetAccountPassword", {});
  voice.say(
    isInitial
      ? "admin has the product's initial password again, which is: password"
      : "admin has the password again that was chosen at the installation.",
  );
  voice.say("Its sessions have ended, and it must be changed at the next login.");
  return ctlExit.done;
}
