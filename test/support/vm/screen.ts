import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { keysOf } from "./keyboard.ts";
import { type Picture, parsePpm } from "./picture.ts";
import type { Qmp } from "./qmp.ts";
import { TextReader } from "./read-text.ts";

/** QEMU tells nobody of a change on the screen, so it is looked at this often. */
const lookMs = 300;
/** QEMU holds a key for 100 ms before it sends the next one. */
const keyMs = 150;

/** A machine's screen and the keyboard in front of it. */
export class Screen {
  readonly #qmp: Qmp;
  readonly #folder: string;
  readonly #reader = new TextReader();
  #count = 0;

  constructor(qmp: Qmp, folder: string) {
    this.#qmp = qmp;
    this.#folder = folder;
  }

  async picture(): Promise<Picture> {
    this.#count += 1;
    const file = path.join(this.#folder, `screen-${this.#count}.ppm`);
    try {
      await this.#qmp.run("screendump", { filename: file, format: "ppm" });
      return parsePpm(fs.readFileSync(file));
    } finally {
      fs.rmSync(file, { force: true });
    }
  }

  /** Its rows as text, without blanks at their ends; see {@link TextReader}. */
  async text(): Promise<string> {
    return this.#reader.read(await this.picture());
  }

  /** Waits until the screen shows something. */
  async until(what: string | RegExp | ((text: string) => boolean), timeoutMs = 60_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const text = await this.text();
      const holds =
        typeof what === "function" ? what(text) : typeof what === "string" ? text.includes(what) : what.test(text);
      if (holds) return;
      if (performance.now() > deadline) throw new Error(`the screen never showed ${String(what)}:\n${text}`);
      await wait(lookMs);
    }
  }

  /** Presses keys together, by QEMU's names: `f2`, `ctrl`, `a`. */
  press(...keys: readonly string[]): Promise<void> {
    return this.#qmp.press(...keys);
  }

  /** Types on a keyboard with US layout, as fast as a person: its buffer holds five keys of a machine that is busy. */
  async type(text: string): Promise<void> {
    for (const keys of keysOf(text)) {
      await this.#qmp.press(...keys);
      await wait(keyMs);
    }
  }
}
