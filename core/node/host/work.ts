import type { HostCommandRequest } from "../../api/host/contract.ts";
import type { MachineReport, StoragePlace, StorageRoom } from "../../hypervisor/driver.ts";
import type { HostReport } from "../../orchestrator/host-link.ts";
import type { HostCommands } from "./commands.ts";
import { hostReport, type ReportSources } from "./report.ts";

/** What this host can do for the manager. */
export interface HostWork {
  report(): Promise<HostReport>;
  machines(): Promise<MachineReport[]>;
  storage(place: StoragePlace): Promise<StorageRoom>;
  /** Carries a command out, once for each `id`. @throws NodeError why it was not done */
  carryOut(request: HostCommandRequest): Promise<void>;
}

/** The work of a host with this driver. `commands` has the same one. */
export function hostWork(sources: ReportSources, commands: HostCommands): HostWork {
  return {
    report: () => hostReport(sources),
    machines: () => commands.machines(),
    storage: (place) => commands.storage(place),
    carryOut: (request) => commands.carryOut(request),
  };
}
