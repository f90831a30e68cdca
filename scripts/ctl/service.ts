import { status, uiStatus } from "./status.ts";
import { changeUnits, managerUnit, proxyUnit, requireAnswer, startManager, stopManager, uiUnit } from "./units.ts";
import type { CtlWorld } from "./world.ts";

/** Starts and stops what the command says, and shows what became of it. @throws CTL.… */
export async function service(
  world: CtlWorld,
  name: "start" | "stop" | "restart_node" | "start_ui" | "stop_ui",
): Promise<void> {
  switch (name) {
    case "start":
      await startManager(world);
      return status(world);
    case "stop":
      await stopManager(world);
      return status(world);
    case "restart_node":
      await changeUnits(world, "restart", [managerUnit, proxyUnit]);
      await requireAnswer(world);
      return status(world);
    case "start_ui":
      await changeUnits(world, "start", [uiUnit]);
      return uiStatus(world);
    case "stop_ui":
      await changeUnits(world, "stop", [uiUnit]);
      return uiStatus(world);
  }
}
