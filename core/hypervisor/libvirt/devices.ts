import type { DeviceCommand } from "../device-commands.ts";
import { Cards, type CardsOptions } from "./cards.ts";
import { Drives, type DrivesOptions } from "./drives.ts";

/** Drives and network cards of machines that run. */
export class Devices {
  readonly drives: Drives;
  readonly #cards: Cards;

  constructor(options: CardsOptions & DrivesOptions) {
    this.drives = new Drives(options);
    this.#cards = new Cards(options);
  }

  /** @throws those of {@link Drives} and {@link Cards} */
  async carryOut(command: DeviceCommand, signal: AbortSignal): Promise<void> {
    switch (command.do) {
      case "attachNic":
        return await this.#cards.attach(command, signal);
      case "detachNic":
        return await this.#cards.detach(command, signal);
      default:
        return await this.drives.carryOut(command, signal);
    }
  }
}
