import xterm, { type IBufferCell } from "@xterm/headless";
import type { Canvas, Style } from "./canvas.ts";

/** Accents, joiners, vowels of Hangul: what a terminal puts into the cell before it. */
const withoutCell = "\\p{M}\\p{Cf}\\u1160-\\u11ff\\ud7b0-\\ud7ff";
const runs = new RegExp(`[${withoutCell}]+|[^${withoutCell}]+`, "gu");
const isWithoutCell = new RegExp(`^[${withoutCell}]`, "u");
/** In one cell: more than any language needs. */
const mostMarks = 8;

/**
 * A terminal inside of the terminal, for what a stranger prints. Its bytes end here: what comes out is a grid of
 * characters, which is drawn as every other screen is, so that nothing of it can steer, lock or rename the real terminal,
 * whatever it may be, and a flood of it costs four frames a second. It answers no question of the stranger's (where the
 * cursor is, what the terminal is called): an answer would be typed into the stranger's shell.
 */
export class Emulator {
  readonly #terminal: InstanceType<typeof xterm.Terminal>;
  readonly #decoder = new TextDecoder();
  /** Characters without a cell of their own that have come in a row. */
  #marks = 0;
  #waiting = 0;

  constructor(width: number, height: number) {
    // It would complain of what it does not understand on standard error, which is the real terminal.
    const quiet = { scrollback: 0, allowProposedApi: true, logLevel: "off" } as const;
    this.#terminal = new xterm.Terminal({ cols: width, rows: height, ...quiet });
  }

  /** Bytes that were written and are not understood yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** `understood` is called when it has been. */
  write(bytes: Uint8Array, understood: () => void): void {
    this.#waiting += bytes.length;
    this.#terminal.write(this.#bounded(this.#decoder.decode(bytes, { stream: true })), () => {
      this.#waiting -= bytes.length;
      understood();
    });
  }

  /** One cell holds all characters that have none of their own: a flood of them would fill the memory. */
  #bounded(text: string): string {
    return text.replaceAll(runs, (run) => {
      if (!isWithoutCell.test(run)) {
        this.#marks = 0;
        return run;
      }
      const marks = [...run];
      const kept = marks.slice(0, Math.max(0, mostMarks - this.#marks));
      this.#marks += marks.length;
      return kept.join("");
    });
  }

  resize(width: number, height: number): void {
    if (width !== this.#terminal.cols || height !== this.#terminal.rows) this.#terminal.resize(width, height);
  }

  /** How the stranger wants arrow keys and pastes. */
  get modes(): { applicationCursor: boolean; bracketedPaste: boolean } {
    const { applicationCursorKeysMode, bracketedPasteMode } = this.#terminal.modes;
    return { applicationCursor: applicationCursorKeysMode, bracketedPaste: bracketedPasteMode };
  }

  /** Whether nothing stands in a line of what is drawn in a room of so many lines, from a column on. */
  isBlank(height: number, y: number, from: number): boolean {
    const { active } = this.#terminal.buffer;
    const line = active.getLine(active.viewportY + this.#topIn(height) + y);
    return line === undefined || line.translateToString(true, from).trim() === "";
  }

  #topIn(height: number): number {
    return Math.max(0, this.#terminal.buffer.active.cursorY - height + 1);
  }

  /** Draws as many lines as there is room for, those with the cursor among them, and puts the terminal's cursor there. */
  draw(canvas: Canvas): void {
    const { active } = this.#terminal.buffer;
    const top = this.#topIn(canvas.height);
    const isAscii = canvas.glyphs.horizontal === "-";
    const cell = active.getNullCell();
    for (let y = 0; y < canvas.height; y++) {
      const line = active.getLine(active.viewportY + top + y);
      if (line === undefined) break;
      let run = "";
      let from = 0;
      let style: Style = "text";
      const end = (x: number) => {
        if (run.trimEnd() !== "" || style === "selected") canvas.text(from, y, run, style);
        run = "";
        from = x;
      };
      for (let x = 0; x < Math.min(line.length, canvas.width); x++) {
        const found = line.getCell(x, cell);
        // The second half of a wide character.
        if (found === undefined || found.getWidth() === 0) continue;
        const now = styleOf(found);
        const chars = shown(found.getChars(), isAscii);
        if (now !== style) {
          end(x);
          style = now;
        }
        run += chars;
        // Others may count its cells in another way: what follows begins at its own place.
        if (!/^[ -~]$/.test(chars)) end(x + found.getWidth());
      }
      end(0);
    }
    canvas.cursor(Math.min(active.cursorX, canvas.width - 1), active.cursorY - top);
  }

  close(): void {
    this.#terminal.dispose();
  }
}

function styleOf(cell: IBufferCell): Style {
  if (cell.isInverse() !== 0) return "selected";
  if (cell.isBold() !== 0) return "strong";
  return cell.isDim() !== 0 ? "dim" : "text";
}

/** Frames and bars of a guest's menu, for a console that knows ASCII alone. */
function shown(chars: string, isAscii: boolean): string {
  if (chars === "") return " ";
  if (!isAscii || chars.length !== 1) return chars;
  if (/[─━═╌╴╶]/.test(chars)) return "-";
  if (/[│┃║╎╵╷]/.test(chars)) return "|";
  if (/[\u2500-\u257f]/.test(chars)) return "+";
  return /[\u2580-\u259f]/.test(chars) ? "#" : chars;
}
