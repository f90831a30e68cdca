import { Duplex } from "node:stream";
import type { ConsoleKind } from "../../model/cloud/console.ts";
import { noConsole } from "../refusals.ts";
import type { SimulatedState } from "./state.ts";

/** The serial line of a simulated machine: it says what it is, and prints what is typed. */
class SimulatedConsole extends Duplex {
  #printed: (() => void) | undefined;

  constructor(uuid: string) {
    super({ allowHalfOpen: false });
    this.push(`The machine ${uuid} is SIMULATED and runs nowhere: its line prints what is typed.\r\n`);
  }

  override _read(): void {
    this.#printed?.();
    this.#printed = undefined;
  }

  /** Takes no more than is read. */
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.push(Buffer.from(chunk.toString("latin1").replaceAll("\r", "\r\n"), "latin1"))) done();
    else this.#printed = done;
  }

  override _final(done: () => void): void {
    this.push(null);
    done();
  }
}

/** The serial line of a machine, until it does not run any more. @throws HYPERVISOR.CONSOLE_NONE for a screen */
export function openSimulatedConsole(
  uuid: string,
  kind: ConsoleKind,
  { onChange }: Pick<SimulatedState, "onChange">,
  runs: () => boolean,
): SimulatedConsole {
  if (kind === "vnc") throw noConsole(uuid, "a simulated machine has no screen");
  const opened = new SimulatedConsole(uuid);
  const look = () => {
    if (!runs()) opened.end();
  };
  onChange.add(look);
  opened.once("close", () => onChange.delete(look));
  return opened;
}
