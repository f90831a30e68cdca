/** Escape sequences of terminals: CSI, OSC (titles, links) and the two-character ones. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const sequences = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g;
/** C0 and C1 controls, invisible and bidirectional characters: text from outside must not steer a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: see above
const unsafe = /[\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\p{Cs}]/gu;

/**
 * One line of text that is safe to show: terminal sequences are dropped, tabs and line ends become a space, other
 * control characters `?`. At most `maxLength` UTF-16 units; a cut one ends in `…`.
 */
export function plainLine(text: string, maxLength: number): string {
  // Cut first: a message may be megabytes long, and nobody sees what the expressions below would do to its end.
  const head = text.length > maxLength * 4 ? text.slice(0, maxLength * 4) : text;
  const plain = head
    .replace(sequences, "")
    .replace(/\r?\n|[\t\r]/g, " ")
    .replace(unsafe, "?")
    .trimEnd();
  if (plain.length <= maxLength) return plain;
  return `${plain.slice(0, maxLength - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}
