import { NodeError } from "../../model/error.ts";
import { type Machine, sleep } from "../../node/machine.ts";
import { calledOff, notReleased, notRunning, shrinks, volumeInUse } from "../refusals.ts";
import type { MachineDisk, VolumeCommand } from "../volume-commands.ts";
import { diskXml, targetOf } from "./domain-xml.ts";
import type { Virsh } from "./virsh.ts";
import { isLocked, type VolumeFiles } from "./volume-files.ts";

type Of<V extends VolumeCommand["do"]> = Extract<VolumeCommand, { do: V }>;

/** Between two looks whether a guest has let go. */
const lookMs = 500;

export type DisksOptions = { machine: Machine; virsh: Virsh; volumes: VolumeFiles };

/**
 * Disks of machines that run. What is known of a machine for its next start follows, for a reboot by libvirt starts it
 * with that; the manager gives it anew with each start of its own.
 */
export class Disks {
  readonly #machine: Machine;
  readonly #virsh: Virsh;
  readonly #volumes: VolumeFiles;

  constructor({ machine, virsh, volumes }: DisksOptions) {
    this.#machine = machine;
    this.#virsh = virsh;
    this.#volumes = volumes;
  }

  /** Where a machine that runs has a volume; undefined when it is off or has it not. */
  async placeOf(uuid: string | null, path: string, signal: AbortSignal): Promise<string | undefined> {
    if (uuid === null || !(await this.#isOn(uuid, signal))) return;
    return (await this.#virsh.disks(uuid, true, signal)).get(path);
  }

  /** @throws HYPERVISOR.NOT_RUNNING, HYPERVISOR.VOLUME_IN_USE, HYPERVISOR.VOLUME_NO_SLOT, those of {@link VolumeFiles.require} */
  async attach({ uuid, disk }: Of<"attachVolume">, signal: AbortSignal): Promise<void> {
    if (!(await this.#isOn(uuid, signal))) throw notRunning(uuid);
    const xml = diskXml(disk);
    if (!(await this.#virsh.disks(uuid, true, signal)).has(disk.path)) {
      await this.#volumes.require(disk);
      if (signal.aborted) throw calledOff();
      await this.#virsh.attachDevice(uuid, xml, true).catch((error: unknown) => {
        throw attachError(error, uuid, disk);
      });
    }
    // It is too late to be called off.
    const next = await this.#virsh.disks(uuid, false, new AbortController().signal);
    if (!next.has(disk.path)) await this.#virsh.attachDevice(uuid, xml, false);
  }

  /** @throws HYPERVISOR.VOLUME_NOT_RELEASED */
  async detach({ uuid, path, waitMs }: Of<"detachVolume">, signal: AbortSignal): Promise<void> {
    const target = await this.placeOf(uuid, path, signal);
    if (target !== undefined) {
      if (signal.aborted) throw calledOff();
      await this.#virsh.detachDisk(uuid, target, true).catch(async (error: unknown) => {
        // It has been asked before, or is gone meanwhile.
        if (isAskedAlready(error)) return;
        if ((await this.placeOf(uuid, path, signal)) !== undefined) throw error;
      });
      await this.#gone(uuid, path, waitMs, signal);
    }
    // Only then: a reboot of a guest that keeps it has it again. One that is off has been given anew what it starts with.
    if (!(await this.#isOn(uuid, signal))) return;
    const next = (await this.#virsh.disks(uuid, false, signal)).get(path);
    if (next !== undefined) await this.#virsh.detachDisk(uuid, next, false);
  }

  /** @throws HYPERVISOR.VOLUME_SHRINKS, HYPERVISOR.VOLUME_IN_USE */
  async resize({ uuid, path, format, sizeBytes, ...standing }: Of<"resizeVolume">, signal: AbortSignal): Promise<void> {
    const { sizeBytes: now } = await this.#volumes.figures({ path, format, ...standing });
    const target = await this.placeOf(uuid, path, signal);
    if (now > sizeBytes) throw shrinks(path, now, sizeBytes);
    // A guest may not have been told of the size that the file has.
    if (uuid !== null && target !== undefined) await this.#virsh.resizeDisk(uuid, target, sizeBytes);
    else if (now < sizeBytes) await this.#volumes.resize(path, format, sizeBytes);
  }

  async #gone(uuid: string, path: string, waitMs: number, signal: AbortSignal): Promise<void> {
    const until = this.#machine.monotonicMs() + waitMs;
    while ((await this.placeOf(uuid, path, signal)) !== undefined) {
      if (this.#machine.monotonicMs() >= until) throw notReleased(uuid, path, waitMs);
      await sleep(this.#machine, lookMs, signal);
      if (signal.aborted) throw calledOff();
    }
  }

  async #isOn(uuid: string, signal: AbortSignal): Promise<boolean> {
    const state = (await this.#virsh.domain(uuid, signal))?.state;
    return state !== undefined && state !== "stopped";
  }
}

export function saidBy(error: unknown): string {
  return error instanceof NodeError ? String(error.values["said"] ?? "") : "";
}

/** The guest was asked before to let it go. */
export function isAskedAlready(error: unknown): boolean {
  return /already in the process of unplug/.test(saidBy(error));
}

function attachError(error: unknown, uuid: string, { path, deviceId }: MachineDisk): unknown {
  const said = saidBy(error);
  if (isLocked(said)) return volumeInUse(path, error);
  if (!/No more available PCI|No PCI buses available|target .* (already exists|duplicated)/i.test(said)) return error;
  return new NodeError(
    "HYPERVISOR.VOLUME_NO_SLOT",
    `The machine ${uuid} has no free place for the disk ${targetOf(deviceId)} while it runs.`,
    { remedy: "Stop the machine, and attach the volume then.", values: { machine: uuid, path }, cause: error },
  );
}
