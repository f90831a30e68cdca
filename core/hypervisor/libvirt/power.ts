import { type Machine, sleep } from "../../node/machine.ts";
import { calledOff } from "../refusals.ts";
import type { Virsh } from "./virsh.ts";

/** Between two looks whether a guest has shut down. */
const lookMs = 250;

/** Whether machines are on, and how they are switched off. */
export class Power {
  readonly #machine: Machine;
  readonly #virsh: Virsh;

  constructor(machine: Machine, virsh: Virsh) {
    this.#machine = machine;
    this.#virsh = virsh;
  }

  async isOn(uuid: string, signal: AbortSignal): Promise<boolean> {
    const state = (await this.#virsh.domain(uuid, signal))?.state;
    return state !== undefined && state !== "stopped";
  }

  /**
   * Asks a guest to shut down, and waits for it. One that can't be asked, or does not listen, has not.
   * @throws HYPERVISOR.ABORTED
   */
  async hasShutDown(uuid: string, graceMs: number, signal: AbortSignal): Promise<boolean> {
    const until = this.#machine.monotonicMs() + graceMs;
    await this.#virsh.pressPower(uuid).catch(() => undefined);
    while (this.#machine.monotonicMs() < until) {
      await sleep(this.#machine, Math.min(lookMs, until - this.#machine.monotonicMs()), signal);
      if (signal.aborted) throw calledOff();
      if (!(await this.isOn(uuid, signal))) return true;
    }
    return false;
  }

  /** It may have ended by itself; and libvirt that was started a moment ago ends it, and says that it did not run. */
  async switchOff(uuid: string): Promise<void> {
    try {
      await this.#virsh.destroy(uuid);
    } catch (error) {
      // Also when the command was called off meanwhile.
      if (await this.isOn(uuid, new AbortController().signal)) throw error;
    }
  }
}
