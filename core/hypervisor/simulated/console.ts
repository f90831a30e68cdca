import { Duplex } from "node:stream";

/** The serial line of a simulated machine: it says what it is, and prints what is typed. */
export class SimulatedConsole extends Duplex {
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
