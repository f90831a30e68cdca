import type { NamedKey } from "./key.ts";

/** What a control sequence from the keyboard stands for. `null`: nothing that is bound; it is swallowed. */
export type Meaning = NamedKey | "pasteStart" | "mouse" | null;

/**
 * ESC [ <number> ~: VT220 and all that came after it (1 Find and 4 Select sit where Home and End are), rxvt's 7 and 8,
 * F1 to F5 as PuTTY and rxvt send them. From 25 on they are F13 and up.
 */
const tilde: Readonly<Record<string, Meaning>> = {
  1: "home",
  2: "insert",
  3: "delete",
  4: "end",
  5: "pageup",
  6: "pagedown",
  7: "home",
  8: "end",
  11: "f1",
  12: "f2",
  13: "f3",
  14: "f4",
  15: "f5",
  17: "f6",
  18: "f7",
  19: "f8",
  20: "f9",
  21: "f10",
  23: "f11",
  24: "f12",
  200: "pasteStart",
};

/**
 * ESC [ <letter>, without parameters. a to d: rxvt with Shift. L, N, T to X: SCO, those of its keys that nobody else
 * uses for something else (its F1 is the mouse of others, its F3 and Page Up are focus events, its Page Down is the
 * middle of Linux's keypad).
 */
const plainLetter: Readonly<Record<string, Meaning>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  F: "end",
  H: "home",
  L: "insert",
  M: "mouse",
  N: "f2",
  T: "f8",
  U: "f9",
  V: "f10",
  W: "f11",
  X: "f12",
  Z: "backtab",
  a: "up",
  b: "down",
  c: "right",
  d: "left",
};

/**
 * ESC [ 1 ; <modifier> <letter>: xterm and its kin. R, F3 with a modifier, is left out: it can't be told from a cursor
 * position report.
 */
const modifiedLetter: Readonly<Record<string, Meaning>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  F: "end",
  H: "home",
  P: "f1",
  Q: "f2",
  S: "f4",
  Z: "backtab",
};

/** ESC O <letter>: cursor keys in application mode, PF1 to PF4, F5 to F12 of "VT100+" clients, rxvt's Ctrl + arrow. */
const ss3Letter: Readonly<Record<string, NamedKey>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  F: "end",
  H: "home",
  I: "tab",
  M: "enter",
  P: "f1",
  Q: "f2",
  R: "f3",
  S: "f4",
  T: "f5",
  U: "f6",
  V: "f7",
  W: "f8",
  X: "f9",
  Y: "f10",
  Z: "f11",
  "[": "f12",
  a: "up",
  b: "down",
  c: "right",
  d: "left",
};

/** The keypad in application mode, after ESC O. */
const keypad: Readonly<Record<string, string>> = {
  " ": " ",
  j: "*",
  k: "+",
  l: ",",
  m: "-",
  n: ".",
  o: "/",
  p: "0",
  q: "1",
  r: "2",
  s: "3",
  t: "4",
  u: "5",
  v: "6",
  w: "7",
  x: "8",
  y: "9",
};

/** ESC <character>: the twin of a function key, for keyboards and lines that lose the real ones. */
const escapeTwin: Readonly<Record<string, NamedKey>> = {
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
  // The Linux console sends this for Shift + Tab.
  "\t": "backtab",
};

/** ESC [ [ <letter>: F1 to F5 on a Linux virtual terminal. */
const linuxLetter: Readonly<Record<string, NamedKey>> = { A: "f1", B: "f2", C: "f3", D: "f4", E: "f5" };

/** The meaning of ESC [ `parameters` `final`. Modifiers are ignored: Ctrl + Up is Up. */
export function controlSequence(parameters: string, final: string): Meaning {
  const [first = "", second, ...rest] = parameters.split(";");
  // rxvt ends with $, ^ or @ instead of ~ when Shift, Ctrl or both are held.
  if (final === "~" || final === "$" || final === "^" || final === "@")
    return rest.length === 0 && /^\d*$/.test(second ?? "") ? (tilde[first] ?? null) : null;
  if (parameters === "") return plainLetter[final] ?? null;
  if ((first === "1" || first === "") && /^\d+$/.test(second ?? "1") && rest.length === 0)
    return modifiedLetter[final] ?? null;
  return null;
}

/** The meaning of ESC O `final`: a key, or the keypad's character. */
export function singleShift(final: string): { key: NamedKey } | { text: string } | null {
  const key = ss3Letter[final];
  if (key !== undefined) return { key };
  const text = keypad[final];
  return text === undefined ? null : { text };
}

export function linuxFunctionKey(letter: string): NamedKey | null {
  return linuxLetter[letter] ?? null;
}

/** F1 to F12 for Esc and 1 to 9, 0, - and =. */
export function twinKey(character: string): NamedKey | null {
  return escapeTwin[character] ?? null;
}
