import type { FactValue } from "../../model/facts.ts";
import type { CloudFeed, CloudView } from "../cloud/feed.ts";
import type { Machine } from "../machine.ts";
import { readNodeFile } from "./node-file.ts";
import { readUnits, type Service } from "./services.ts";
import { FactMissing, type Source, whyOf } from "./source.ts";
import { watchUnits } from "./unit-signals.ts";

const units = { manager: "binnacle-manager.service", ui: "binnacle-ui.service", ha: "binnacle-zsha.service" };

/** How soon the units are read again while they do not agree with what the manager itself shows; then twice that. */
const firstAgainMs = 500;
/** By then it is no passing state any more, and the ordinary pace will do. */
const lastAgainMs = 4000;

/**
 * The management service on a management node: its units, as systemd has them, and whether the manager answers at its
 * door. Other nodes have none: `notConfigured`.
 *
 * The units are read at once when the manager comes, goes or hangs, and when systemd tells of a change.
 */
export function managementSource(feed: CloudFeed): Source<"management"> {
  /** Whom to tell; nobody where the source is read once and never watched. */
  let changed: (() => void) | undefined;
  let endSignals: (() => void) | undefined;
  let cancelAgain: () => void = () => {};
  let againMs = firstAgainMs;
  const listen = (machine: Machine, isManagement: boolean) => {
    if (isManagement && changed !== undefined)
      endSignals ??= watchUnits(machine, Object.values(units), () => changed?.());
    else hush();
  };
  const hush = () => {
    endSignals?.();
    endSignals = undefined;
  };
  return {
    name: "management",
    everyMs: 15_000,
    idleEveryMs: 60_000,
    budgetMs: 6000,
    // The console must show within two seconds what has become of the manager.
    quietMs: 250,
    async read(machine, signal) {
      cancelAgain();
      const node = await readNodeFile(machine);
      listen(machine, node.role === "management");
      if (node.role !== "management") throw new FactMissing("notConfigured", node.role);
      const view = await feed.look(signal);
      const services = await readUnits(machine, Object.values(units), signal).catch((error: unknown) => {
        // Where systemd does not run, a manager that somebody has started by hand is the only one.
        const isKnown = view.state === "answering" || view.state === "silent";
        if (isKnown || whyOf(error).code === "notRunning") return null;
        throw error;
      });
      const management = managementOf(services, node.uiAddress ?? null, view);
      if (!isPassing(management)) againMs = firstAgainMs;
      else if (againMs <= lastAgainMs && changed !== undefined) {
        cancelAgain = machine.after(againMs, () => changed?.());
        againMs *= 2;
      }
      return management;
    },
    watch(_, told) {
      changed = told;
      const unsubscribe = feed.subscribe(told);
      return () => {
        unsubscribe();
        hush();
        cancelAgain();
        changed = undefined;
      };
    },
  };
}

/**
 * What the units' states, null where systemd does not run, and the manager's answers mean for the cloud. A manager that
 * answers runs, whatever systemd says; one that isn't installed is `notInstalled`, not stopped.
 */
export function managementOf(
  services: Service[] | null,
  uiAddress: string | null,
  view: CloudView = { state: "pending" },
): FactValue<"management"> {
  const find = (unit: string) => services?.find((service) => service.unit === unit);
  const manager = find(units.manager);
  const isThere = view.state === "answering" || view.state === "silent";
  if (services !== null && manager === undefined && !isThere) throw new FactMissing("notInstalled", units.manager);
  const ui = find(units.ui);
  return {
    ...managerState(manager, view),
    pid: manager?.pid ?? null,
    ui: ui === undefined ? "unknown" : states[ui.active],
    uiAddress,
    // Which of several is the active one is known to the election only.
    ha: find(units.ha) === undefined ? "single" : "unknown",
  };
}

type ManagerState = Pick<FactValue<"management">, "service" | "why">;

const states: Record<Service["active"], ManagerState["service"]> = {
  active: "running",
  reloading: "running",
  inactive: "stopped",
  failed: "stopped",
  activating: "unknown",
  deactivating: "unknown",
};

function managerState(manager: Service | undefined, view: CloudView): ManagerState {
  const active = manager?.active;
  if (active === "deactivating") return { service: "unknown", why: "stopping" };
  if (view.state === "answering") return { service: "running" };
  if (active === "failed") return { service: "stopped", why: "failed" };
  if (active === "activating")
    return manager?.sub === "auto-restart"
      ? { service: "stopped", why: "restarting" }
      : { service: "unknown", why: "starting" };
  if (active !== "active" && active !== "reloading" && view.state !== "silent") return { service: "stopped" };
  // Nobody was asked: then the unit is all that is known.
  if (view.state === "pending") return { service: "running" };
  return { service: "unknown", why: "silent" };
}

/** Units and manager do not agree for a moment only: the one is on its way to what the other has reached. */
function isPassing({ why, pid, service }: FactValue<"management">): boolean {
  if (service === "running") return pid === null;
  return why === "starting" || why === "stopping" || why === "silent";
}
