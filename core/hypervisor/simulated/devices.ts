import { type DeviceCommand, drivesOfMachine } from "../device-commands.ts";
import { nicNotReleased, noDrive, notAmongNics } from "../device-refusals.ts";
import { checkIso } from "../driver.ts";
import { notRunning } from "../refusals.ts";
import type { Simulation } from "./settings.ts";
import type { SimulatedMachine, SimulatedState } from "./state.ts";

type Of<V extends DeviceCommand["do"]> = Extract<DeviceCommand, { do: V }>;
type Wait = () => Promise<void>;

export type SimulatedDevicesOptions = {
  state: SimulatedState;
  runs: (machine: SimulatedMachine | undefined) => machine is SimulatedMachine;
  /** @throws HYPERVISOR.IMAGE_ABSENT */
  needImage: (path: string) => void;
};

/** Drives and network cards of simulated machines: only the books. */
export class SimulatedDevices {
  readonly #options: SimulatedDevicesOptions;

  constructor(options: SimulatedDevicesOptions) {
    this.#options = options;
  }

  /** What a machine is started with is there. @throws HYPERVISOR.BAD_PATH, HYPERVISOR.IMAGE_ABSENT */
  require(paths: readonly string[] = []): void {
    for (const path of paths) {
      checkIso(path);
      this.#options.needImage(path);
    }
  }

  async carryOut(command: DeviceCommand, now: Simulation, wait: Wait): Promise<void> {
    switch (command.do) {
      case "insertIso":
        return await this.#insert(command, wait);
      case "ejectIso":
        return await this.#eject(command, wait);
      case "attachNic":
        return await this.#attach(command, wait);
      case "detachNic":
        return await this.#detach(command, now, wait);
    }
  }

  async #insert({ uuid, path }: Of<"insertIso">, wait: Wait): Promise<void> {
    checkIso(path);
    this.#need(uuid);
    this.require([path]);
    await wait();
    // It may have crashed meanwhile.
    const { isos = [], ...machine } = this.#need(uuid);
    if (isos.includes(path)) return;
    if (isos.length === drivesOfMachine) throw noDrive(uuid, drivesOfMachine);
    await this.#options.state.putMachine({ ...machine, isos: [...isos, path] });
  }

  async #eject({ uuid, path }: Of<"ejectIso">, wait: Wait): Promise<void> {
    checkIso(path);
    if (this.#running(uuid)?.isos?.includes(path) !== true) return;
    await wait();
    const machine = this.#running(uuid);
    if (machine === undefined) return;
    await this.#options.state.putMachine({ ...machine, isos: machine.isos?.filter((each) => each !== path) });
  }

  async #attach({ uuid, mac, nics }: Of<"attachNic">, wait: Wait): Promise<void> {
    if (!nics.some((nic) => nic.mac === mac)) throw notAmongNics(uuid, mac);
    this.#need(uuid);
    await wait();
    await this.#options.state.putMachine({ ...this.#need(uuid), nics });
  }

  async #detach({ uuid, mac, nics, waitMs }: Of<"detachNic">, { keepNics }: Simulation, wait: Wait): Promise<void> {
    const before = this.#running(uuid);
    if (before === undefined) return;
    await wait();
    if (keepNics.includes(uuid) && before.nics?.some((nic) => nic.mac === mac)) throw nicNotReleased(uuid, mac, waitMs);
    const machine = this.#running(uuid);
    if (machine !== undefined) await this.#options.state.putMachine({ ...machine, nics });
  }

  #running(uuid: string): SimulatedMachine | undefined {
    const machine = this.#options.state.machines.get(uuid);
    return this.#options.runs(machine) ? machine : undefined;
  }

  #need(uuid: string): SimulatedMachine {
    const machine = this.#running(uuid);
    if (machine === undefined) throw notRunning(uuid);
    return machine;
  }
}
