import { stat } from "node:fs/promises";
import { errnoOf } from "../../node/durable.ts";
import type { DeviceCommand } from "../device-commands.ts";
import { isoInUse, noDrive } from "../device-refusals.ts";
import { checkIso } from "../driver.ts";
import { calledOff, noImage, notRunning } from "../refusals.ts";
import { drivesIn, driveXml } from "./device-xml.ts";
import type { Virsh } from "./virsh.ts";
import type { VolumeFiles } from "./volume-files.ts";

type Of<V extends DeviceCommand["do"]> = Extract<DeviceCommand, { do: V }>;
type IsoCommand = Of<"insertIso" | "ejectIso">;

/** Of what is done whether or not the command was called off. */
const neverOff = new AbortController().signal;

export type DrivesOptions = { virsh: Virsh; volumes: VolumeFiles };

/**
 * The CD-ROM drives of machines that run. What is known of a machine for its next start follows, for a reboot by libvirt
 * starts it with that; the manager gives it anew with each start of its own.
 */
export class Drives {
  readonly #virsh: Virsh;
  readonly #volumes: VolumeFiles;

  constructor({ virsh, volumes }: DrivesOptions) {
    this.#virsh = virsh;
    this.#volumes = volumes;
  }

  /** What a machine is started with is there. @throws HYPERVISOR.BAD_PATH, HYPERVISOR.IMAGE_ABSENT */
  async require(paths: readonly string[] = []): Promise<void> {
    for (const path of paths) {
      checkIso(path);
      if (!(await isFile(path))) throw noImage(path);
    }
  }

  async carryOut(command: IsoCommand, signal: AbortSignal): Promise<void> {
    checkIso(command.path);
    if (command.do === "insertIso") await this.#insert(command, signal);
    else await this.#eject(command, signal);
  }

  /**
   * Refuses for an image that a machine has in a drive, on any host that QEMU's locks reach.
   * @throws HYPERVISOR.IMAGE_IN_USE
   */
  async requireUnused(path: string): Promise<void> {
    if (path.endsWith(".iso") && (await isFile(path)) && (await this.#volumes.isOpen(path))) throw isoInUse(path);
  }

  async #insert({ uuid, path }: Of<"insertIso">, signal: AbortSignal): Promise<void> {
    if (!(await this.#isOn(uuid, signal))) throw notRunning(uuid);
    await this.require([path]);
    const isIn = await this.#change(uuid, path, { isLive: true, isIn: true }, signal);
    if (!isIn) throw noDrive(uuid, await this.#count(uuid, signal));
    // It is too late to be called off.
    await this.#change(uuid, path, { isLive: false, isIn: true }, neverOff);
  }

  async #eject({ uuid, path }: Of<"ejectIso">, signal: AbortSignal): Promise<void> {
    if (!(await this.#isOn(uuid, signal))) return;
    await this.#change(uuid, path, { isLive: true, isIn: false }, signal);
    await this.#change(uuid, path, { isLive: false, isIn: false }, neverOff);
  }

  /** Whether the image is then where it is to be. */
  async #change(
    uuid: string,
    path: string,
    { isLive, isIn }: Record<"isLive" | "isIn", boolean>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const drives = drivesIn(await this.#virsh.xml(uuid, signal, isLive));
    const its = drives.find((drive) => drive.path === path);
    if ((its !== undefined) === isIn) return true;
    const drive = its ?? drives.find((each) => each.path === undefined);
    if (drive === undefined) return false;
    if (signal.aborted) throw calledOff();
    // By force: a guest may hold the tray, and there is nothing that it could lose by this.
    await this.#virsh.updateDevice(uuid, driveXml({ ...drive, path: isIn ? path : undefined }), isLive);
    return true;
  }

  async #count(uuid: string, signal: AbortSignal): Promise<number> {
    return drivesIn(await this.#virsh.xml(uuid, signal)).length;
  }

  async #isOn(uuid: string, signal: AbortSignal): Promise<boolean> {
    const state = (await this.#virsh.domain(uuid, signal))?.state;
    return state !== undefined && state !== "stopped";
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return false;
    throw error;
  }
}
