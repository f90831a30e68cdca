import Tput, { type Terminfo } from "blessed/lib/tput.js";

/** The control sequences of one terminal. All of them are ANSI (ECMA-48) ones; what a terminal lacks is "". */
export type Capabilities = {
  /** Cursor to a cell; counted from 0. */
  moveTo(x: number, y: number): string;
  readonly clear: string;
  readonly eraseToEnd: string;
  /** Erases cells from the cursor on, which stays. Null where the terminal can't. */
  readonly eraseCells: ((count: number) => string) | null;
  readonly resetStyle: string;
  readonly hideCursor: string;
  readonly showCursor: string;
  readonly enterScreen: string;
  readonly leaveScreen: string;
  readonly wrapOff: string;
  readonly wrapOn: string;
  /** Cursor keys and keypad as on a plain terminal, whatever the program before left behind. */
  readonly keypadNormal: string;
};

/** A VT102 with the two things that every terminal program of today adds: hiding the cursor, and turning wrapping off. */
const ansi: Capabilities = {
  moveTo,
  clear: "\x1b[H\x1b[J",
  eraseToEnd: "\x1b[K",
  eraseCells: null,
  resetStyle: "\x1b[m\x0f",
  hideCursor: "\x1b[?25l",
  showCursor: "\x1b[?25h",
  enterScreen: "",
  leaveScreen: "",
  wrapOff: "\x1b[?7l",
  wrapOn: "\x1b[?7h",
  keypadNormal: "\x1b[?1l\x1b>",
};

const xterm: Capabilities = {
  ...ansi,
  eraseCells: (count) => `\x1b[${count}X`,
  resetStyle: "\x1b(B\x1b[m\x0f",
  enterScreen: "\x1b[?1049h",
  leaveScreen: "\x1b[?1049l",
};

/**
 * What the terminal `term` understands, from the machine's terminfo as blessed reads it. A terminal without an entry, or
 * whose cursor movement isn't ANSI (no such one is left in use), gets the sequences of an xterm or of a VT102 by its
 * name. Never throws.
 */
export function capabilitiesOf(term: string | undefined): Capabilities {
  const fallback = /^(xterm|screen|tmux|rxvt|alacritty|foot|kitty|konsole|gnome|vte|putty|st)\b/.test(term ?? "")
    ? xterm
    : ansi;
  const info = readTerminfo(term);
  if (info === null || string(info, "cursor_address") !== "\x1b[%i%p1%d;%p2%dH") return fallback;
  return {
    moveTo,
    clear: string(info, "clear_screen") || fallback.clear,
    eraseToEnd: string(info, "clr_eol"),
    eraseCells: string(info, "erase_chars") === "\x1b[%p1%dX" ? xterm.eraseCells : null,
    resetStyle: string(info, "exit_attribute_mode") || fallback.resetStyle,
    hideCursor: string(info, "cursor_invisible") || fallback.hideCursor,
    showCursor: string(info, "cursor_normal") || fallback.showCursor,
    enterScreen: string(info, "enter_ca_mode"),
    leaveScreen: string(info, "exit_ca_mode"),
    wrapOff: string(info, "exit_am_mode") || fallback.wrapOff,
    wrapOn: string(info, "enter_am_mode") || fallback.wrapOn,
    keypadNormal: string(info, "keypad_local") || fallback.keypadNormal,
  };
}

/** Terminfo's cup, without the parameters at its end that are 1 anyway. */
function moveTo(x: number, y: number): string {
  if (x === 0) return y === 0 ? "\x1b[H" : `\x1b[${y + 1}H`;
  return `\x1b[${y + 1};${x + 1}H`;
}

function readTerminfo(term: string | undefined): Terminfo | null {
  // The name becomes part of a path.
  if (term === undefined || !/^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/.test(term)) return null;
  try {
    return new Tput().readTerminfo(term);
  } catch {
    return null;
  }
}

/** A capability without its padding: "$<50>" made sense for terminals that were slower than their lines. */
function string(info: Terminfo, name: string): string {
  return (info.strings[name] ?? "").replace(/\$<[\d.]+[*/]*>/g, "");
}
