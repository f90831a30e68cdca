export const namedKeys = [
  "enter",
  "esc",
  "tab",
  "backtab",
  "backspace",
  "delete",
  "insert",
  "up",
  "down",
  "left",
  "right",
  "home",
  "end",
  "pageup",
  "pagedown",
  "f1",
  "f2",
  "f3",
  "f4",
  "f5",
  "f6",
  "f7",
  "f8",
  "f9",
  "f10",
  "f11",
  "f12",
] as const;
export type NamedKey = (typeof namedKeys)[number];

/**
 * What a person pressed.
 * - `char`: one typed character (a whole grapheme is not promised: combining marks come as keys of their own);
 *   `inBurst` when it came together with other keys, as a paste without brackets does and no hand
 * - `ctrl`: Ctrl with a letter, `letter` in lower case; Enter, Tab, Backspace and Esc come under their names
 * - `paste`: a bracketed paste, or a burst that no hand can type, with its control characters taken out but for \n and \t
 */
export type Key =
  | { name: NamedKey }
  | { name: "char"; text: string; inBurst?: true }
  | { name: "ctrl"; letter: string }
  | { name: "paste"; text: string };
