import type { Capabilities } from "./capabilities.ts";
import { changeStyle } from "./sgr.ts";

/**
 * Writes to a terminal and knows where its cursor is and which style is on. Starts at an unknown position, plain.
 */
export class Pen {
  out = "";
  readonly #caps: Capabilities;
  /** -1: unknown. */
  #x = -1;
  #y = -1;
  #sgr = "";
  #doubtful = false;

  constructor(caps: Capabilities) {
    this.#caps = caps;
  }

  get sgr(): string {
    return this.#sgr;
  }

  /** The cursor's column when it is known to be in this row; otherwise -1. */
  columnIn(y: number): number {
    return this.#y === y && !this.#doubtful ? this.#x : -1;
  }

  style(sgr: string): void {
    this.out += changeStyle(this.#sgr, sgr);
    this.#sgr = sgr;
  }

  /** Moves by the shortest way. `gap`: what is on the screen between, when it may simply be written again. */
  moveTo(x: number, y: number, gap: string | null = null): void {
    if (this.#doubtful) this.forget();
    if (this.#x === x && this.#y === y) return;
    let best = this.#caps.moveTo(x, y);
    if (this.#x >= 0) {
      if (this.#y === y && gap !== null && gap.length <= best.length) best = gap;
      const relative = steps(x - this.#x, "C", "D") + steps(y - this.#y, "B", "A");
      if (relative.length < best.length) best = relative;
    }
    this.out += best;
    this.#x = x;
    this.#y = y;
  }

  /** Text of known width that doesn't reach beyond the row. Behind the last column the position is unknown. */
  write(text: string, width: number, rowWidth: number): void {
    this.out += text;
    this.#x += width;
    if (this.#x >= rowWidth) this.forget();
  }

  /** A sequence that neither moves the cursor nor changes the style. */
  put(sequence: string): void {
    this.out += sequence;
  }

  /**
   * What was written may have another width on this terminal. Only what is just as doubtful may follow without a move;
   * every move from here is absolute.
   */
  doubt(): void {
    this.#doubtful = true;
  }

  isDoubtfulAt(x: number, y: number): boolean {
    return this.#doubtful && this.#x === x && this.#y === y;
  }

  /** The position is unknown: the next move is absolute. */
  forget(): void {
    this.#x = -1;
    this.#y = -1;
    this.#doubtful = false;
  }
}

/** No line feed and no carriage return among them: what those do depends on the line's settings. */
function steps(count: number, forward: string, back: string): string {
  if (count === 0) return "";
  const distance = Math.abs(count);
  // A backspace is one byte and moves by one.
  if (count < 0 && back === "D" && distance <= 3) return "\b".repeat(distance);
  return `\x1b[${distance === 1 ? "" : distance}${count > 0 ? forward : back}`;
}
