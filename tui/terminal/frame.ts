import { Cells } from "./canvas.ts";
import type { Capabilities } from "./capabilities.ts";
import { Pen } from "./pen.ts";
import type { Profile } from "./profile.ts";
import { leavesBlanksPlain } from "./sgr.ts";

/** From this many blanks on, erasing them costs less than writing them, the move behind them included. */
const worthErasing = 13;

/** A frame shorter than this is small whichever way it is drawn. */
const worthComparing = 500;

/**
 * What to send so that a screen that shows `previous` shows `next`; "" when they look the same. Without `previous`, or
 * when its size differs, nothing is assumed about the screen: it is cleared and drawn anew. Each frame begins with an
 * absolute move and ends in plain style, so that one that was disturbed can't disturb the next.
 */
export function renderFrame(previous: Cells | null, next: Cells, profile: Profile, caps: Capabilities): string {
  if (previous === null || previous.width !== next.width || previous.height !== next.height)
    return draw(null, next, profile, caps);
  const changes = draw(previous, next, profile, caps);
  if (changes.length < worthComparing) return changes;
  // Where little stays, clearing the screen costs less than wiping away what was there piece by piece.
  const anew = draw(null, next, profile, caps);
  return Buffer.byteLength(anew) < Buffer.byteLength(changes) ? anew : changes;
}

function draw(previous: Cells | null, next: Cells, profile: Profile, caps: Capabilities): string {
  const shown = previous ?? new Cells(next.width, next.height);
  const pen = new Pen(caps);
  if (previous === null) pen.put(caps.resetStyle + caps.clear);
  for (let y = 0; y < next.height; y++) new Row(shown, next, y, profile, caps, pen).render();
  pen.style("");
  showCursor(previous?.cursor ?? null, next.cursor, previous === null, pen, caps);
  return pen.out;
}

function showCursor(before: Cells["cursor"], now: Cells["cursor"], full: boolean, pen: Pen, caps: Capabilities): void {
  if (now === null) {
    if (before !== null || full) pen.put(caps.hideCursor);
    return;
  }
  if (pen.out === "" && before?.x === now.x && before.y === now.y) return;
  pen.moveTo(now.x, now.y);
  if (before === null) pen.put(caps.showCursor);
}

/** One row's way from what is shown to what is wanted. */
class Row {
  readonly #shown: Cells;
  readonly #next: Cells;
  readonly #y: number;
  readonly #start: number;
  readonly #width: number;
  readonly #profile: Profile;
  readonly #caps: Capabilities;
  readonly #pen: Pen;

  constructor(shown: Cells, next: Cells, y: number, profile: Profile, caps: Capabilities, pen: Pen) {
    this.#shown = shown;
    this.#next = next;
    this.#y = y;
    this.#width = next.width;
    this.#start = y * next.width;
    this.#profile = profile;
    this.#caps = caps;
    this.#pen = pen;
  }

  render(): void {
    let first = 0;
    while (first < this.#width && !this.#differs(first)) first++;
    if (first === this.#width) return;
    let tail = this.#width;
    while (tail > 0 && this.#isPlainBlank(tail - 1)) tail--;
    for (let x = first; x < tail; x++) if (this.#mustWrite(x)) x = this.#writeAt(x);
    this.#eraseTail(Math.max(tail, first));
  }

  /** Draws what is at x and returns the last column that it covers. */
  #writeAt(x: number): number {
    const blanks = this.#blankRun(x);
    const erase = this.#caps.eraseCells;
    if (blanks >= worthErasing && erase !== null) {
      this.#goTo(x);
      this.#pen.style("");
      this.#pen.put(erase(blanks));
      return x + blanks - 1;
    }
    this.#goTo(x);
    this.#writeCell(x);
    return x + this.#cellWidth(x) - 1;
  }

  #writeCell(x: number): void {
    const width = this.#cellWidth(x);
    const sgr = this.#sgrAt(this.#next, x);
    const blank = this.#charAt(this.#next, x) === " ";
    const keepsStyle = blank && leavesBlanksPlain(sgr) && leavesBlanksPlain(this.#pen.sgr);
    if (!keepsStyle) this.#pen.style(sgr);
    const char = this.#printable(x, width);
    // In the last cell of the screen a terminal may wrap at once, and scroll.
    const corner = this.#y === this.#next.height - 1 && x + width === this.#width;
    this.#pen.write(corner ? this.#caps.wrapOff + char + this.#caps.wrapOn : char, width, this.#width);
    if (this.#isUnsure(x)) this.#pen.doubt();
  }

  #goTo(x: number): void {
    if (this.#pen.isDoubtfulAt(x, this.#y) && this.#isUnsure(x)) return;
    const from = this.#pen.columnIn(this.#y);
    this.#pen.moveTo(x, this.#y, from >= 0 && from < x ? this.#rewritable(from, x) : null);
  }

  /** The cells between as text, when all of them are as cheap as that: narrow, ASCII, in the style that is on. */
  #rewritable(from: number, to: number): string | null {
    if (to - from > 8) return null;
    const penIsPlain = leavesBlanksPlain(this.#pen.sgr);
    let text = "";
    for (let x = from; x < to; x++) {
      const char = this.#charAt(this.#next, x);
      const sgr = this.#sgrAt(this.#next, x);
      const sameStyle = sgr === this.#pen.sgr || (char === " " && penIsPlain && leavesBlanksPlain(sgr));
      if (!sameStyle || !/^[ -~]$/.test(char)) return null;
      text += char;
    }
    return text;
  }

  /** From `tail` on everything is blank: erase at once, or write the few blanks that are needed. */
  #eraseTail(tail: number): void {
    let first = tail;
    while (first < this.#width && !this.#mustWrite(first)) first++;
    if (first === this.#width) return;
    let last = this.#width - 1;
    while (!this.#mustWrite(last)) last--;
    const erase = this.#caps.eraseToEnd;
    const eraseCost = erase.length + (this.#pen.sgr === "" ? 0 : 3);
    if (erase !== "" && last - first + 1 > eraseCost) {
      const column = this.#pen.columnIn(this.#y);
      // Blanks between the cursor and the first that has to go may as well be erased again.
      if (column < tail || column > first) this.#goTo(first);
      this.#pen.style("");
      this.#pen.put(erase);
      return;
    }
    for (let x = first; x <= last; x++) {
      this.#goTo(x);
      this.#writeCell(x);
    }
  }

  /** How many plain blanks follow from x on, up to the last one that has to be written. */
  #blankRun(x: number): number {
    let length = 0;
    for (let at = x; at < this.#width && this.#isPlainBlank(at); at++) if (this.#mustWrite(at)) length = at - x + 1;
    return length;
  }

  /** The second half of a wide character is never drawn by itself: it can't differ unless the first does. */
  #mustWrite(x: number): boolean {
    return !this.#isSecondHalf(x) && this.#differs(x);
  }

  #differs(x: number): boolean {
    const at = this.#start + x;
    if (this.#shown.chars[at] !== this.#next.chars[at]) return true;
    const before = this.#sgrAt(this.#shown, x);
    const now = this.#sgrAt(this.#next, x);
    if (before === now) return false;
    return !(this.#next.chars[at] === " " && leavesBlanksPlain(before) && leavesBlanksPlain(now));
  }

  #isPlainBlank(x: number): boolean {
    return this.#charAt(this.#next, x) === " " && leavesBlanksPlain(this.#sgrAt(this.#next, x));
  }

  #isSecondHalf(x: number): boolean {
    return x > 0 && this.#next.chars[this.#start + x] === "" && this.#next.chars[this.#start + x - 1] !== "";
  }

  #cellWidth(x: number): 1 | 2 {
    return x + 1 < this.#width && this.#isSecondHalf(x + 1) ? 2 : 1;
  }

  #charAt(cells: Cells, x: number): string {
    return cells.chars[this.#start + x] ?? " ";
  }

  #sgrAt(cells: Cells, x: number): string {
    return this.#profile.sgr[cells.styles[this.#start + x] ?? "text"];
  }

  /** Characters whose width terminals don't agree on: wide ones, and clusters of several code points. */
  #isUnsure(x: number): boolean {
    if (this.#profile.ascii) return false;
    const char = this.#charAt(this.#next, x);
    return this.#cellWidth(x) === 2 || (char.length > 1 && !/^.$/u.test(char));
  }

  /** The cell's character as it may be sent: never a control character, and ASCII where the console knows no other. */
  #printable(x: number, width: 1 | 2): string {
    const char = this.#charAt(this.#next, x);
    if (/^[ -~]$/.test(char)) return char;
    if (char === "" || /\p{Cc}/u.test(char)) return char === "" ? " " : "?".repeat(width);
    if (!this.#profile.ascii) return char;
    // é as e, and full-width letters as letters; what has no such form is a question mark for each cell.
    const plain = char.normalize("NFKD").slice(0, 1);
    return /^[!-~]$/.test(plain) ? plain.padEnd(width) : "?".repeat(width);
  }
}
