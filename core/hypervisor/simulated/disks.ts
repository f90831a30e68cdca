import { checkVolumePath } from "../driver.ts";
import type { ByteRange, VolumePiece } from "../export-commands.ts";
import { noSnapshot, notReleased, notRunning, noVolume, shrinks } from "../refusals.ts";
import type { VolumeCommand, VolumeFigures, VolumePlace } from "../volume-commands.ts";
import { copySimulated } from "./copies.ts";
import { exportSimulated, simulatedPiece } from "./exports.ts";
import type { Holds } from "./holds.ts";
import type { Simulation } from "./settings.ts";
import type { SimulatedMachine, SimulatedState, SimulatedVolume } from "./state.ts";

type Of<V extends VolumeCommand["do"]> = Extract<VolumeCommand, { do: V }>;
type Wait = (delayMs?: number) => Promise<void>;

export type SimulatedHost = {
  state: SimulatedState;
  holds: Holds;
  runs: (machine: SimulatedMachine | undefined) => machine is SimulatedMachine;
  volume: (path: string) => SimulatedVolume | undefined;
  putVolume: (volume: SimulatedVolume) => Promise<void>;
  /** @throws as for a disk of a machine that is to be started */
  check: (place: VolumePlace) => void;
};

/** Of a volume's size, what its guest writes between two snapshots. */
const writtenShare = 10;

/** Disks and snapshots of a simulated host: only the books. */
export class SimulatedDisks {
  readonly #host: SimulatedHost;

  constructor(host: SimulatedHost) {
    this.#host = host;
  }

  async carryOut(command: VolumeCommand, now: Simulation, wait: Wait): Promise<void> {
    switch (command.do) {
      case "attachVolume":
        return await this.#attach(command, wait);
      case "detachVolume":
        return await this.#detach(command, now, wait);
      case "resizeVolume":
        return await this.#resize(command, wait);
      case "snapshotVolume":
      case "deleteSnapshot":
        return await this.#keep(command, wait);
      case "revertVolume":
        return await this.#revert(command, wait);
      case "copyVolume":
        return await copySimulated(this.#host, command, wait);
      case "flattenVolume":
      case "verifyVolume":
        return await exportSimulated(this.#host, command, wait);
    }
  }

  piece(path: string, range: ByteRange): VolumePiece {
    return simulatedPiece(this.#host, path, range);
  }

  figures(place: VolumePlace): VolumeFigures {
    this.#host.check(place);
    const { sizeBytes, snapshots = [] } = this.#need(place.path);
    return { sizeBytes, actualBytes: Math.ceil(sizeBytes / writtenShare) * (snapshots.length + 1) };
  }

  async #attach({ uuid, disk }: Of<"attachVolume">, wait: Wait): Promise<void> {
    const { state, holds, runs, check } = this.#host;
    if (!runs(state.machines.get(uuid))) throw notRunning(uuid);
    const { path } = disk;
    check(disk);
    if (this.#has(uuid, path)) return;
    holds.open(uuid, path);
    try {
      await wait();
      const machine = state.machines.get(uuid);
      // It may have crashed meanwhile.
      if (!runs(machine)) throw notRunning(uuid);
      await state.putMachine({ ...machine, paths: [...machine.paths, path] });
    } catch (error) {
      holds.close(uuid, path);
      throw error;
    }
  }

  async #detach({ uuid, path, waitMs }: Of<"detachVolume">, { keepDisks }: Simulation, wait: Wait): Promise<void> {
    checkVolumePath(path);
    const { state, holds, runs } = this.#host;
    if (!this.#has(uuid, path)) return;
    await wait();
    if (keepDisks.includes(uuid)) throw notReleased(uuid, path, waitMs);
    const machine = state.machines.get(uuid);
    if (!runs(machine)) return;
    await state.putMachine({ ...machine, paths: machine.paths.filter((each) => each !== path) });
    holds.close(uuid, path);
  }

  async #resize(command: Of<"resizeVolume">, wait: Wait): Promise<void> {
    const { uuid, path, sizeBytes } = command;
    this.#host.check(command);
    this.#checkUser(uuid, path);
    await wait();
    const volume = this.#need(path);
    if (volume.sizeBytes > sizeBytes) throw shrinks(path, volume.sizeBytes, sizeBytes);
    if (volume.sizeBytes < sizeBytes) await this.#host.putVolume({ ...volume, sizeBytes });
  }

  async #keep(command: Of<"snapshotVolume" | "deleteSnapshot">, wait: Wait) {
    const { do: what, uuid, path, snapshotUuid } = command;
    this.#host.check({ ...command, format: "qcow2" });
    this.#checkUser(uuid, path);
    await wait();
    const volume = this.#need(path);
    const others = (volume.snapshots ?? []).filter((each) => each !== snapshotUuid);
    const isThere = others.length < (volume.snapshots ?? []).length;
    if (isThere === (what === "snapshotVolume")) return;
    await this.#host.putVolume({ ...volume, snapshots: isThere ? others : [...others, snapshotUuid] });
  }

  async #revert(command: Of<"revertVolume">, wait: Wait): Promise<void> {
    const { path, snapshotUuid, sizeBytes } = command;
    this.#host.check({ ...command, format: "qcow2" });
    this.#checkUser(null, path);
    await wait();
    const volume = this.#need(path);
    if (volume.snapshots?.includes(snapshotUuid) !== true) throw noSnapshot(path, snapshotUuid);
    await this.#host.putVolume({ ...volume, sizeBytes: Math.max(volume.sizeBytes, sizeBytes) });
  }

  #has(uuid: string, path: string): boolean {
    const machine = this.#host.state.machines.get(uuid);
    return this.#host.runs(machine) && machine.paths.includes(path);
  }

  /** The machine that has it open may go on; any other is in the way. @throws HYPERVISOR.VOLUME_IN_USE */
  #checkUser(uuid: string | null, path: string): void {
    this.#host.holds.checkFree(path, uuid ?? undefined);
  }

  #need(path: string): SimulatedVolume {
    const volume = this.#host.volume(path);
    if (volume === undefined) throw noVolume(path);
    return volume;
  }
}
