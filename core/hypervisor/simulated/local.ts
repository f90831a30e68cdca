import type { Duplex } from "node:stream";
import { NodeError } from "../../model/error.ts";
import type { LocalAction } from "../../model/local-machines.ts";
import type { HypervisorDriver, MachineReport } from "../driver.ts";
import type { LocalMachines, MachineCounters, MachineParts } from "../local.ts";
import type { SimulatedMachine, SimulatedState } from "./state.ts";

/** A guest that does not listen is not asked for ever. */
const longestMs = 600_000;

/**
 * Simulated machines as their host's console shows them. How busy a processor is stands in the first two digits of the
 * machine's uuid, in 255ths: the same at every look.
 */
export class SimulatedLocal implements LocalMachines {
  readonly canAct = true;
  readonly #driver: Pick<HypervisorDriver, "machines" | "carryOut" | "openConsole">;
  readonly #state: SimulatedState;

  constructor(driver: Pick<HypervisorDriver, "machines" | "carryOut" | "openConsole">, state: SimulatedState) {
    this.#driver = driver;
    this.#state = state;
  }

  async all(signal: AbortSignal): Promise<MachineCounters[]> {
    const reports = await this.#driver.machines(signal);
    return reports.map((report) => countersOf(report, this.#state.machines.get(report.uuid)));
  }

  async one(uuid: string, signal: AbortSignal): Promise<MachineParts | undefined> {
    const counters = (await this.all(signal)).find((each) => each.uuid === uuid);
    if (counters === undefined) return undefined;
    const { paths = [], nics = [] } = this.#state.machines.get(uuid) ?? {};
    return {
      counters,
      disks: paths.map((path, nth) => {
        const sizeBytes = this.#state.volumes.get(path)?.sizeBytes ?? null;
        const target = `vd${String.fromCharCode(97 + nth)}`;
        return { target, path, sizeBytes, allocatedBytes: null, read: null, written: null };
      }),
      nics: nics.map(({ mac, segment }) => ({
        ...{ mac, on: segment.physicalInterface, target: "", received: null, sent: null },
      })),
      hasSerial: true,
      upSeconds: null,
    };
  }

  async act(uuid: string, action: LocalAction): Promise<void> {
    if (action === "start")
      throw new NodeError("HYPERVISOR.FAILED", "A simulated machine is started by its cloud alone.");
    if (action === "powerOff") {
      await this.#driver.carryOut({ do: "stopMachine", uuid, graceMs: 0 }, AbortSignal.timeout(longestMs));
      return;
    }
    const pressed = this.#driver.carryOut(
      { do: "stopMachine", uuid, graceMs: 2 * longestMs },
      AbortSignal.timeout(longestMs),
    );
    // What the guest makes of it is its own business.
    pressed.catch(() => undefined);
  }

  openSerial(uuid: string, signal: AbortSignal): Promise<Duplex> {
    return this.#driver.openConsole(uuid, "serial", signal);
  }
}

function countersOf(report: MachineReport, machine: SimulatedMachine | undefined): MachineCounters {
  const { uuid, state, migration } = report;
  const isRunning = state === "running";
  const cpus = machine?.cpuNum ?? null;
  const share = Number.parseInt(uuid.slice(0, 2), 16) / 255;
  return {
    ...{ uuid, name: machine?.name ?? uuid, ofCloud: true, state, why: migration === undefined ? null : "moving" },
    ...{ cpus, cpuNs: isRunning && cpus !== null ? performance.now() * 1e6 * share * cpus : null },
    ...{ memoryBytes: machine?.memorySize ?? null, balloonBytes: null, residentBytes: null, nics: [] },
  };
}
