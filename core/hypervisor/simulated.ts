import { totalmem } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { ConsoleKind } from "../model/cloud/console.ts";
import { NodeError } from "../model/error.ts";
import { isDeviceCommand } from "./device-commands.ts";
import {
  filesOf,
  type HostCapacity,
  type HostCommand,
  type HypervisorDriver,
  type MachineReport,
  type MachineSpec,
  type NicSpec,
  type StoragePlace,
  type StorageRoom,
} from "./driver.ts";
import type { MigrationVisit, Visitor } from "./migration/way.ts";
import { calledOff, notRunning, notSuspended } from "./refusals.ts";
import { openSimulatedConsole } from "./simulated/console.ts";
import { SimulatedDevices } from "./simulated/devices.ts";
import { SimulatedDisks } from "./simulated/disks.ts";
import { SimulatedFirewall } from "./simulated/firewall.ts";
import { Holds } from "./simulated/holds.ts";
import { SimulatedImages } from "./simulated/images.ts";
import { SimulatedLocal } from "./simulated/local.ts";
import { SimulatedMigrations } from "./simulated/migration.ts";
import type { SimulatedOptions } from "./simulated/options.ts";
import { afterTime, pauseFor } from "./simulated/pause.ts";
import {
  failAsWanted,
  type GivenSimulation,
  hangingMs,
  noAccidents,
  notReal,
  readSimulation,
  type Simulation,
  simulation,
  usualLatencyMs,
} from "./simulated/settings.ts";
import { SimulatedStorages } from "./simulated/shared.ts";
import { type SimulatedMachine, SimulatedState, startedMachine } from "./simulated/state.ts";
import { SimulatedVolumes } from "./simulated/volumes.ts";
import { isVolumeCommand, type VolumeFigures, type VolumePlace } from "./volume-commands.ts";

export { SharedStorage } from "./simulated/holds.ts";
export type { SimulatedOptions } from "./simulated/options.ts";

/**
 * A hypervisor that only keeps the books: for tests, training, and figures of scale. It starts nothing, and behaves in
 * all else as the contract says: it keeps machines and volumes over the agent's restarts, loses running machines with
 * the host's, has limits, takes time, and has accidents when it is told to (`simulation.json`, or `simulate`).
 */
export class SimulatedDriver implements HypervisorDriver {
  readonly name = "simulated";
  readonly capacity: HostCapacity | undefined;
  readonly images: SimulatedImages;
  readonly shared: SimulatedStorages;
  readonly firewall: SimulatedFirewall;
  readonly local: SimulatedLocal;
  readonly #options: SimulatedOptions;
  readonly #state: SimulatedState;
  readonly #holds: Holds;
  readonly #volumes: SimulatedVolumes;
  readonly #disks: SimulatedDisks;
  readonly #devices: SimulatedDevices;
  readonly #migrations: SimulatedMigrations;
  #bootId: string;
  #told: Simulation = noAccidents;

  private constructor(options: SimulatedOptions, state: SimulatedState) {
    this.#options = options;
    this.#state = state;
    this.#bootId = options.bootId;
    this.capacity = options.capacity;
    const runs = (machine: SimulatedMachine | undefined) => this.#runs(machine);
    this.firewall = new SimulatedFirewall(state);
    this.images = new SimulatedImages(state, options.shared, runs);
    this.shared = new SimulatedStorages({
      ...{ state, bootId: () => this.#bootId },
      answering: (signal) => this.#answering(signal),
      sharing: (path) => this.#volumes.sharing(path),
    });
    this.#devices = new SimulatedDevices({ state, runs, needImage: (path) => this.images.need(path) });
    this.local = new SimulatedLocal(this, state);
    this.#holds = new Holds(this, options.capacity?.memoryBytes ?? totalmem(), options.shared);
    for (const machine of state.machines.values()) if (this.#runs(machine)) this.#holds.keep(machine);
    this.#volumes = new SimulatedVolumes({ state, holds: this.#holds, images: this.images, shared: options.shared });
    this.#disks = new SimulatedDisks({
      state,
      holds: this.#holds,
      runs,
      volume: (path) => this.#volumes.find(path),
      putVolume: (volume) => this.#volumes.store(volume),
      check: (place) => this.#volumes.check(place),
    });
    this.#migrations = new SimulatedMigrations({
      ...{ state, holds: this.#holds, dial: options.dial, after: options.after ?? afterTime },
      bootId: () => this.#bootId,
      runs: (machine): machine is SimulatedMachine => this.#runs(machine),
      pause: (delayMs, signal) => this.#pause(delayMs, signal),
      needImage: (path) => this.images.need(path),
      checkDisks: ({ disks, isos }) => {
        this.#devices.require(isos);
        // One that is not known comes with the machine.
        for (const disk of disks) if (this.#volumes.find(disk.path) !== undefined) this.#volumes.check(disk, true);
      },
    });
  }

  /** @throws the system's error when its file can't be read */
  static async open(options: SimulatedOptions): Promise<SimulatedDriver> {
    options.announce(notReal);
    const file = options.folder === undefined ? undefined : join(options.folder, "machines.jsonl");
    return new SimulatedDriver(options, await SimulatedState.open(file, options.onDamage));
  }

  async tags(): Promise<string[]> {
    return ["hypervisor::simulated"];
  }

  async machines(signal: AbortSignal): Promise<MachineReport[]> {
    await this.#crashAsWanted(await this.#answering(signal));
    const machines = Array.from(this.#state.machines.values(), (machine): MachineReport => {
      return { uuid: machine.uuid, state: this.#stateOf(machine) };
    });
    return this.#migrations.marked(machines);
  }

  admit(visit: MigrationVisit): Promise<Visitor> {
    return this.#migrations.admit(visit);
  }

  watch(changed: () => void, signal: AbortSignal): void {
    const { onChange } = this.#state;
    onChange.add(changed);
    signal.addEventListener("abort", () => onChange.delete(changed), { once: true });
  }

  async storage(place: StoragePlace, signal: AbortSignal): Promise<StorageRoom> {
    await this.shared.connect(place, await this.#answering(signal));
    return this.shared.room(place.path, this.#options.capacity?.storageBytes);
  }

  async volume(place: VolumePlace, signal: AbortSignal): Promise<VolumeFigures> {
    await this.#answering(signal);
    this.shared.require([place.path]);
    return this.#disks.figures(place);
  }

  readonly volumePiece: NonNullable<HypervisorDriver["volumePiece"]> = async (path, range, signal) =>
    this.#answering(signal).then(() => this.#disks.piece(path, range));

  async carryOut(command: HostCommand, signal: AbortSignal): Promise<void> {
    const now = await this.#answering(signal);
    await this.#crashAsWanted(now);
    this.shared.require(filesOf(command));
    const wait = async (delayMs = this.#latencyMs(command.do, now)) => {
      await this.#pause(delayMs, signal);
      failAsWanted(now, command);
    };
    if (command.do === "setFirewall") return await this.firewall.set(command, wait);
    if (isDeviceCommand(command)) return await this.#devices.carryOut(command, now, wait);
    if (isVolumeCommand(command)) return await this.#disks.carryOut(command, now, wait);
    switch (command.do) {
      case "createVolume":
        return await this.#volumes.create(command, wait);
      case "createVolumeFromImage":
        return await this.#volumes.createFromImage(command, wait);
      case "keepImage":
        await wait();
        return await this.images.keep(command);
      case "deleteCachedImage":
        await wait();
        return await this.images.delete(command.path);
      case "deleteVolume":
        return await this.#volumes.delete(command.path, wait);
      case "startMachine":
        return await this.#start(command.machine, wait);
      case "stopMachine":
        return await this.#stop(command, now, wait);
      case "rebootMachine":
        this.#needRunning(command.uuid);
        return await wait();
      case "pauseMachine":
        return await this.#setPaused(command.uuid, true, wait);
      case "resumeMachine":
        return await this.#setPaused(command.uuid, false, wait);
      case "suspendMachine":
        return await this.#suspend(command.uuid, wait);
      case "restoreMachine":
        return await this.#restore(command.machine, wait);
      case "removeMachine":
        if (!this.#state.machines.has(command.uuid)) return;
        await wait();
        await this.#state.removeMachine(command.uuid);
        this.#holds.release(command.uuid);
        return;
      default: {
        const failing = () => failAsWanted(now, command);
        await this.#migrations.carryOut(command, this.#latencyMs(command.do, now), failing, signal);
      }
    }
  }

  async openConsole(uuid: string, kind: ConsoleKind, signal: AbortSignal): Promise<Duplex> {
    await this.#answering(signal);
    this.#needRunning(uuid);
    return openSimulatedConsole(uuid, kind, this.#state, () => this.#runs(this.#state.machines.get(uuid)));
  }

  /** Accidents from now on, instead of those of the call before; a `simulation.json` goes before them. */
  simulate(given: GivenSimulation): void {
    this.#told = simulation.parse(given);
  }

  /** The cards of a machine as it has them, or had them last; undefined when it is not known. */
  nicsOf(uuid: string): readonly NicSpec[] | undefined {
    return this.machineOf(uuid)?.nics;
  }

  /** The same of all that it consists of. */
  machineOf(uuid: string): SimulatedMachine | undefined {
    return this.#state.machines.get(uuid);
  }

  /** The host is switched off and on: no machine runs any more, and commands under way fail. */
  restart(bootId: string): void {
    this.#bootId = bootId;
    this.#migrations.lostPower();
    this.#holds.releaseAll();
  }

  async #start(spec: MachineSpec, wait: () => Promise<void>): Promise<void> {
    const { uuid, disks, isos } = spec;
    if (this.#runs(this.#state.machines.get(uuid))) return;
    for (const disk of disks) this.#volumes.check(disk);
    this.#devices.require(isos);
    this.#holds.take(spec);
    const runsIn = this.#bootId;
    try {
      await wait();
      await this.#state.putMachine(startedMachine(spec, runsIn));
    } catch (error) {
      this.#holds.release(uuid);
      throw error;
    }
    if (runsIn !== this.#bootId)
      throw new NodeError("HYPERVISOR.FAILED", `The host was restarted while it started the machine ${uuid}.`);
  }

  async #stop(
    { uuid, graceMs }: Extract<HostCommand, { do: "stopMachine" }>,
    now: Simulation,
    wait: (delayMs: number) => Promise<void>,
  ): Promise<void> {
    if (!this.#runs(this.#state.machines.get(uuid))) return;
    const guestMs = now.ignoreShutdown.includes(uuid) ? graceMs : this.#latencyMs("stopMachine", now);
    await wait(Math.min(guestMs, graceMs));
    await this.#setStopped(uuid);
  }

  async #setStopped(uuid: string): Promise<void> {
    const machine = this.#state.machines.get(uuid);
    if (!this.#runs(machine)) return;
    await this.#state.putMachine({ ...machine, runsIn: null, isPaused: false });
    this.#holds.release(uuid);
  }

  async #setPaused(uuid: string, isPaused: boolean, wait: () => Promise<void>): Promise<void> {
    this.#needRunning(uuid);
    await wait();
    const machine = this.#state.machines.get(uuid);
    // It may have crashed meanwhile.
    if (!this.#runs(machine)) throw notRunning(uuid);
    if ((machine.isPaused === true) === isPaused) return;
    // A move that has failed may have let its volumes go.
    if (!isPaused) for (const path of machine.paths) this.#holds.checkFree(path, uuid);
    await this.#state.putMachine({ ...machine, isPaused });
    if (!isPaused) this.#holds.keep(machine);
  }

  async #suspend(uuid: string, wait: () => Promise<void>): Promise<void> {
    const isSuspended = () => this.#state.machines.get(uuid)?.isSuspended === true;
    if (isSuspended()) return;
    this.#needRunning(uuid);
    await wait();
    const machine = this.#state.machines.get(uuid);
    if (!this.#runs(machine)) throw notRunning(uuid);
    await this.#state.putMachine({ ...machine, runsIn: null, isPaused: false, isSuspended: true });
    this.#holds.release(uuid);
  }

  async #restore(spec: MachineSpec, wait: () => Promise<void>): Promise<void> {
    const machine = this.#state.machines.get(spec.uuid);
    const isSuspended = machine?.isSuspended === true;
    if (this.#runs(machine)) return;
    if (!isSuspended) throw notSuspended(spec.uuid);
    await this.#start(spec, wait);
  }

  #stateOf(machine: SimulatedMachine): MachineReport["state"] {
    const { isPaused, isSuspended } = machine;
    if (this.#runs(machine)) return isPaused === true ? "paused" : "running";
    return isSuspended === true ? "suspended" : "stopped";
  }

  async #crashAsWanted({ crash }: Simulation): Promise<void> {
    for (const uuid of crash) await this.#setStopped(uuid);
  }

  #runs(machine: SimulatedMachine | undefined): machine is SimulatedMachine {
    return machine !== undefined && machine.runsIn === this.#bootId;
  }

  #needRunning(uuid: string): void {
    if (!this.#runs(this.#state.machines.get(uuid))) throw notRunning(uuid);
  }

  #latencyMs(verb: HostCommand["do"], { latencyMs }: Simulation): number {
    return latencyMs[verb] ?? this.#options.latencyMs?.(verb) ?? usualLatencyMs[verb];
  }

  /** What goes wrong now; waits as long as nothing is answered. */
  async #answering(signal: AbortSignal): Promise<Simulation> {
    const { folder } = this.#options;
    for (;;) {
      const written = folder === undefined ? undefined : await readSimulation(join(folder, "simulation.json"));
      const now = written ?? this.#told;
      if (now.hangs !== "deaf" && signal.aborted) throw calledOff();
      if (now.hangs === "no") return now;
      await this.#pause(hangingMs, now.hangs === "deaf" ? undefined : signal);
    }
  }

  #pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    return pauseFor(this.#options.after ?? afterTime, delayMs, signal);
  }
}
