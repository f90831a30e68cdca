import xterm from "@xterm/headless";
import type { Cells } from "../../../tui/terminal/canvas.ts";
import type { Profile } from "../../../tui/terminal/profile.ts";
import { leavesBlanksPlain } from "../../../tui/terminal/sgr.ts";

/** A terminal emulator, its screen read cell by cell. */
export class Emulator {
  readonly #terminal: xterm.Terminal;

  constructor(width: number, height: number) {
    this.#terminal = new xterm.Terminal({ cols: width, rows: height, allowProposedApi: true, scrollback: 100 });
  }

  async write(text: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => this.#terminal.write(text, resolve));
  }

  resize(width: number, height: number): void {
    this.#terminal.resize(width, height);
  }

  /** How many lines have scrolled out at the top: none ever should. */
  get scrolled(): number {
    return this.#terminal.buffer.active.baseY;
  }

  get cursor(): { x: number; y: number } {
    return { x: this.#terminal.buffer.active.cursorX, y: this.#terminal.buffer.active.cursorY };
  }

  /** Each cell as its character and what is visible of its style. */
  cells(): string[] {
    const buffer = this.#terminal.buffer.active;
    const found: string[] = [];
    for (let y = 0; y < this.#terminal.rows; y++)
      for (let x = 0; x < this.#terminal.cols; x++) {
        const cell = buffer.getLine(buffer.baseY + y)?.getCell(x);
        if (cell === undefined) throw new Error(`No cell at ${x},${y}.`);
        const char = cell.getWidth() === 0 ? "" : cell.getChars() || " ";
        const background = `${cell.getBgColorMode()}/${cell.getBgColor()}${cell.isInverse() ? " inverse" : ""}${cell.isUnderline() ? " underline" : ""}`;
        const ink = `${cell.getFgColorMode()}/${cell.getFgColor()}${cell.isBold() ? " bold" : ""}${cell.isDim() ? " dim" : ""}`;
        // Bold or coloured blanks look like any other, unless something of them shows.
        const bare = char === " " && !cell.isInverse() && !cell.isUnderline() && cell.isBgDefault();
        found.push(bare ? " |" : `${char}|${background}|${char === " " && !cell.isInverse() ? "" : ink}`);
      }
    return found;
  }

  lines(): string[] {
    const buffer = this.#terminal.buffer.active;
    return Array.from(
      { length: this.#terminal.rows },
      (_, y) => buffer.getLine(buffer.baseY + y)?.translateToString(true) ?? "",
    );
  }
}

/** The same screen drawn in the most naive way: each cell by itself, nothing remembered. What a frame is compared to. */
export function drawNaively(cells: Cells, profile: Profile): string {
  let out = "\x1b[m\x1b[2J";
  for (let y = 0; y < cells.height; y++)
    for (let x = 0; x < cells.width; x++) {
      const at = y * cells.width + x;
      const char = cells.chars[at] ?? " ";
      const sgr = profile.sgr[cells.styles[at] ?? "text"];
      if (char === "" || (char === " " && leavesBlanksPlain(sgr))) continue;
      out += `\x1b[${y + 1};${x + 1}H\x1b[0;${sgr}m${char}`;
    }
  return out;
}
