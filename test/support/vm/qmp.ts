import { createConnection, type Socket } from "node:net";
import * as z from "zod";

const message = z.union([
  z.object({ event: z.string() }),
  z.object({ return: z.unknown() }),
  z.object({ error: z.object({ desc: z.string() }) }),
  z.object({ QMP: z.unknown() }),
]);

/** QEMU's machine protocol: commands in order, and what happens to the machine. Source: QEMU, "QMP". */
export class Qmp {
  readonly #socket: Socket;
  readonly #answers: { resolve(value: unknown): void; reject(error: Error): void }[] = [];
  readonly #events: string[] = [];
  readonly #listeners = new Set<() => void>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    let rest = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.trim() !== "") this.#receive(line);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      for (const { reject } of this.#answers.splice(0)) reject(new Error("QEMU has ended."));
      for (const listener of this.#listeners) listener();
    });
  }

  static async open(path: string): Promise<Qmp> {
    const socket = createConnection(path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    const qmp = new Qmp(socket);
    await qmp.run("qmp_capabilities");
    return qmp;
  }

  run(command: string, args: Record<string, unknown> = {}): Promise<unknown> {
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    return new Promise((resolve, reject) => this.#answers.push({ resolve, reject }));
  }

  /** Presses keys of the guest's keyboard together, by QEMU's names: `f2`, `ctrl`, `a`. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.run("send-key", { keys: keys.map((data) => ({ type: "qcode", data })) });
  }

  /** Waits until an event of this name has come, since the start or since the last wait for it. */
  async event(name: string, timeoutMs: number): Promise<void> {
    const taken = () => {
      const at = this.#events.indexOf(name);
      if (at >= 0) this.#events.splice(at, 1);
      return at >= 0;
    };
    if (taken()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => finish(new Error(`QEMU never told of ${name}.`)), timeoutMs);
      const look = () => {
        if (taken()) finish();
        else if (this.#socket.destroyed) finish(new Error(`QEMU ended before ${name}.`));
      };
      const finish = (error?: Error) => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#listeners.add(look);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(line: string): void {
    const parsed = message.parse(JSON.parse(line));
    if ("event" in parsed) this.#events.push(parsed.event);
    else if ("error" in parsed) this.#answers.shift()?.reject(new Error(parsed.error.desc));
    else if ("return" in parsed) this.#answers.shift()?.resolve(parsed.return);
    for (const listener of this.#listeners) listener();
  }
}
