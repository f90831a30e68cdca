import type { FactValue } from "../../model/facts.ts";
import { readNodeFile } from "./node-file.ts";
import { readUnits, type Service } from "./services.ts";
import { FactMissing, type Source } from "./source.ts";

const units = { manager: "binnacle-manager.service", ui: "binnacle-ui.service", ha: "binnacle-zsha.service" };

/** The management service on a management node. Other nodes have none: `notConfigured`. */
export function managementSource(): Source<"management"> {
  return {
    name: "management",
    everyMs: 15_000,
    idleEveryMs: 60_000,
    budgetMs: 6000,
    async read(machine, signal) {
      const node = await readNodeFile(machine);
      if (node.role !== "management") throw new FactMissing("notConfigured", node.role);
      const services = await readUnits(machine, Object.values(units), signal);
      return managementOf(services, node.uiAddress ?? null);
    },
  };
}

/** What the units' states mean for the cloud. A manager that isn't installed is `notInstalled`, not stopped. */
export function managementOf(services: Service[], uiAddress: string | null): FactValue<"management"> {
  const find = (unit: string) => services.find((service) => service.unit === unit);
  const manager = find(units.manager);
  if (manager === undefined) throw new FactMissing("notInstalled", units.manager);
  const ui = find(units.ui);
  return {
    service: stateOf(manager),
    pid: manager.pid,
    ui: ui === undefined ? "unknown" : stateOf(ui),
    uiAddress,
    // Which of several is the active one is known to the election only.
    ha: find(units.ha) === undefined ? "single" : "unknown",
  };
}

const states: Record<Service["active"], "running" | "stopped" | "unknown"> = {
  active: "running",
  reloading: "running",
  inactive: "stopped",
  failed: "stopped",
  activating: "unknown",
  deactivating: "unknown",
};

function stateOf(service: Service): "running" | "stopped" | "unknown" {
  return states[service.active];
}
