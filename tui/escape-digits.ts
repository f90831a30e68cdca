import type { Key, NamedKey } from "./terminal/key.ts";

/** The F-key that Esc and a character stand for; the footer names it. F11 and F12 are - and =, as on the key row. */
const twins: Readonly<Record<string, NamedKey>> = {
  "1": "f1",
  "2": "f2",
  "3": "f3",
  "4": "f4",
  "5": "f5",
  "6": "f6",
  "7": "f7",
  "8": "f8",
  "9": "f9",
  "0": "f10",
  "-": "f11",
  "=": "f12",
};

/** How long after Esc a digit still belongs to it: as fast as a hurried hand that looks for the key. */
const windowMs = 1_000;

/**
 * Esc + digit typed by hand. Esc acts at once, for it must not feel slow; when a digit follows within a second, the two
 * were an F-key, and what was before the Esc is given back so that the key acts there.
 */
export class EscapeDigits<Before> {
  #last: { at: number; before: Before } | undefined;
  readonly #monotonic: () => number;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** An Esc came; `before` is what was before it acted. */
  remember(before: Before): void {
    this.#last = { at: this.#monotonic(), before };
  }

  /** The F-key that this key completes, or undefined. Where a person types text, a digit is a digit. */
  resolve(key: Key, typing: boolean): { key: Key; before: Before } | undefined {
    const last = this.#last;
    this.#last = undefined;
    if (last === undefined || typing || key.name !== "char") return undefined;
    const name = twins[key.text];
    if (name === undefined || this.#monotonic() - last.at > windowMs) return undefined;
    return { key: { name }, before: last.before };
  }
}
