import type { HostCommand, MachineReport } from "../../hypervisor/driver.ts";
import type { HostReport } from "../../orchestrator/host-link.ts";
import type { HostCommands } from "./commands.ts";
import { hostReport, type ReportSources } from "./report.ts";

/** What the manager asks this host for. */
export interface HostWork {
  report(): Promise<HostReport>;
  machines(): Promise<MachineReport[]>;
  carryOut(request: {
    id: string;
    flow: string;
    epoch: number;
    command: HostCommand;
    timeoutMs: number;
  }): Promise<void>;
}

/** The work of a host with this driver. `commands` has the same one. */
export function hostWork(sources: ReportSources, commands: HostCommands): HostWork {
  return {
    report: () => hostReport(sources),
    machines: () => commands.machines(),
    carryOut: (request) => commands.carryOut(request),
  };
}
