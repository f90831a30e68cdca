import { type Machine, sleep } from "../../node/machine.ts";
import type { DeviceCommand } from "../device-commands.ts";
import { nicNotReleased, noNicSlot, notAmongNics } from "../device-refusals.ts";
import { calledOff, notRunning } from "../refusals.ts";
import { nicXml } from "./device-xml.ts";
import { isAskedAlready, saidBy } from "./disks.ts";
import type { HostNetworks } from "./host-networks.ts";
import type { Virsh } from "./virsh.ts";

type Of<V extends DeviceCommand["do"]> = Extract<DeviceCommand, { do: V }>;

/** Between two looks whether a guest has let go. */
const lookMs = 500;
/** Of what is done whether or not the command was called off. */
const neverOff = new AbortController().signal;

export type CardsOptions = { machine: Machine; virsh: Virsh; networks: HostNetworks };

/** Network cards of machines that run: a card's network is there before it, and its address is told until it has gone. */
export class Cards {
  readonly #machine: Machine;
  readonly #virsh: Virsh;
  readonly #networks: HostNetworks;

  constructor({ machine, virsh, networks }: CardsOptions) {
    this.#machine = machine;
    this.#virsh = virsh;
    this.#networks = networks;
  }

  /** @throws HYPERVISOR.NOT_RUNNING, HYPERVISOR.NIC_NO_SLOT, HYPERVISOR.NETWORK_* */
  async attach({ uuid, mac, nics }: Of<"attachNic">, signal: AbortSignal): Promise<void> {
    const nic = nics.find((each) => each.mac === mac);
    if (nic === undefined) throw notAmongNics(uuid, mac);
    if (!(await this.#isOn(uuid, signal))) throw notRunning(uuid);
    await this.#networks.plugging(uuid, nics, async (bridges) => {
      const xml = nicXml(nic, bridges.get(nic.deviceId) ?? "");
      if (!(await this.#virsh.macs(uuid, true, signal)).has(mac)) {
        if (signal.aborted) throw calledOff();
        await this.#virsh.attachDevice(uuid, xml, true).catch((error: unknown) => {
          throw isFull(error) ? noNicSlot(uuid, mac, error) : error;
        });
      }
      // It is too late to be called off. A reboot by libvirt starts the machine with what is known for its next start.
      if (!(await this.#virsh.macs(uuid, false, neverOff)).has(mac)) await this.#virsh.attachDevice(uuid, xml, false);
    });
  }

  /** @throws HYPERVISOR.NIC_NOT_RELEASED */
  async detach({ uuid, mac, nics, waitMs }: Of<"detachNic">, signal: AbortSignal): Promise<void> {
    if (await this.#has(uuid, mac, signal)) {
      if (signal.aborted) throw calledOff();
      await this.#virsh.detachNic(uuid, mac, true).catch(async (error: unknown) => {
        // It has been asked before, or is gone meanwhile.
        if (isAskedAlready(error)) return;
        if (await this.#has(uuid, mac, signal)) throw error;
      });
      await this.#gone(uuid, mac, waitMs, signal);
    }
    // Only then: a reboot of a guest that keeps it has it again. One that is off has been given anew what it starts with.
    if (!(await this.#isOn(uuid, neverOff))) return;
    if ((await this.#virsh.macs(uuid, false, neverOff)).has(mac)) await this.#virsh.detachNic(uuid, mac, false);
    await this.#networks.unplugged(uuid, nics);
  }

  async #gone(uuid: string, mac: string, waitMs: number, signal: AbortSignal): Promise<void> {
    const until = this.#machine.monotonicMs() + waitMs;
    while (await this.#has(uuid, mac, signal)) {
      if (this.#machine.monotonicMs() >= until) throw nicNotReleased(uuid, mac, waitMs);
      await sleep(this.#machine, lookMs, signal);
      if (signal.aborted) throw calledOff();
    }
  }

  async #has(uuid: string, mac: string, signal: AbortSignal): Promise<boolean> {
    return (await this.#isOn(uuid, signal)) && (await this.#virsh.macs(uuid, true, signal)).has(mac);
  }

  async #isOn(uuid: string, signal: AbortSignal): Promise<boolean> {
    const state = (await this.#virsh.domain(uuid, signal))?.state;
    return state !== undefined && state !== "stopped";
  }
}

function isFull(error: unknown): boolean {
  return /No more available PCI|No PCI buses available/i.test(saidBy(error));
}
