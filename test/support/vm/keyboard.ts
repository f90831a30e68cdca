/** QEMU's names of the keys of a keyboard with US layout. Source: QEMU, qapi/ui.json, QKeyCode. */
const plain: Readonly<Record<string, string>> = {
  " ": "spc",
  "\n": "ret",
  "\r": "ret",
  "\t": "tab",
  "\x1b": "esc",
  "\b": "backspace",
  "-": "minus",
  "=": "equal",
  "[": "bracket_left",
  "]": "bracket_right",
  ";": "semicolon",
  "'": "apostrophe",
  "`": "grave_accent",
  "\\": "backslash",
  ",": "comma",
  ".": "dot",
  "/": "slash",
};
const shifted = '!@#$%^&*()_+{}:"~|<>?';
const unshifted = "1234567890-=[];'`\\,./";

/** The keys to press together for each character. @throws when a US keyboard has no key for one of them */
export function keysOf(text: string): string[][] {
  return Array.from(text, (character) => {
    if (/[a-z0-9]/.test(character)) return [character];
    if (/[A-Z]/.test(character)) return ["shift", character.toLowerCase()];
    const key = plain[character];
    if (key !== undefined) return [key];
    // Control and a letter: Ctrl-U empties a field.
    if (character < " ") return ["ctrl", String.fromCharCode(character.charCodeAt(0) + 0x60)];
    const base = unshifted[shifted.indexOf(character)];
    if (base === undefined) throw new Error(`A US keyboard has no key for ${JSON.stringify(character)}.`);
    return ["shift", ...keysOf(base).flat()];
  });
}
