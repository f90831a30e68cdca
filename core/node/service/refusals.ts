import type { Refusal, ServiceAction, ServiceState } from "../../model/service.ts";
import { busyWith } from "./jobs.ts";
import { isDown, isUp, type Known } from "./units.ts";

/**
 * Why an action can't be begun now; null when it can. Pure.
 *
 * @param running the kind of another job of the service, where one runs
 */
export function refusalOf(action: ServiceAction, known: Known, running: string | undefined): Refusal | null {
  const { role, units, hasManager, isInstalling, isClustered, trouble } = known;
  if (role !== "management")
    return refuse("SERVICE.NOT_MANAGEMENT", "This is no management node, so there is no ZStack service here.", {
      remedy: "Go to the console of the management node.",
      values: { role },
    });
  if (trouble !== undefined)
    return refuse("SERVICE.NO_SYSTEMD", `The state of the service is not known (${trouble}).`, {
      remedy: "See: systemctl status",
      values: { why: trouble },
    });
  if (!hasManager)
    return refuse("SERVICE.NO_MANAGER", "There is no ZStack service here: this image contains no manager.", {
      remedy: "Upgrade the node to an image that contains one.",
    });
  if (running !== undefined) return busyWith(running);
  if (isInstalling)
    return refuse("SERVICE.INSTALLING", "The role of this node is being installed.", { remedy: "Wait until it is." });
  if (action === "resetDrop" && isClustered)
    return refuse("SERVICE.CLUSTERED_STORE", "The store is kept by several management nodes together.", {
      remedy: "It can't be emptied from one of them.",
    });
  if (action === "reset" || action === "resetDrop") return null;
  if (units.length === 0)
    return refuse("SERVICE.NOT_INSTALLED", "The image has a manager, but its service is not installed.", {
      remedy: "Install it: F2, Reset ZStack Service.",
    });
  if (action === "start" && units.every(isUp)) return refuse("SERVICE.RUNS", "The ZStack service runs already.");
  if (action === "stop" && units.every(isDown))
    return refuse("SERVICE.STOPPED", "The ZStack service is stopped already.");
  return null;
}

/** All actions at once, for the list of them. */
export function refusalsOf(known: Known, running: string | undefined): ServiceState["refusals"] {
  const of = (action: ServiceAction) => refusalOf(action, known, running);
  return {
    start: of("start"),
    stop: of("stop"),
    restart: of("restart"),
    reset: of("reset"),
    resetDrop: of("resetDrop"),
  };
}

function refuse(
  code: string,
  description: string,
  { remedy = null, values = {} }: { remedy?: string | null; values?: Refusal["values"] } = {},
): Refusal {
  return { code, description, remedy, values };
}
