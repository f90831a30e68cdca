/* What a person or a file gave, as it may stand in a sentence: one line, bounded, nothing that a terminal obeys. */

/** Characters of a given text that a sentence shows, quotes not counted. */
const longest = 40;

/** The text in quotes, escaped as in JSON; the middle of a long one is left out. */
export function quoted(text: string): string {
  const whole = escaped(text.slice(0, longest + 1));
  if (text.length <= longest && whole.length <= longest + 2) return whole;
  let start = text.slice(0, longest - 13);
  while (escaped(start).length > longest - 11) start = start.slice(0, -1);
  return `${escaped(start).slice(0, -1)}..." (${text.length} characters)`;
}

/** A name as it is where it is a plain one, otherwise quoted. */
export function shown(name: string): string {
  return /^[\w.:@/-]{1,24}$/.test(name) ? name : quoted(name);
}

/** Several names: `eno1, eno2 and 5 more`. */
export function listed(names: readonly string[], most = 4): string {
  const some = names.slice(0, most).map(shown);
  const rest = names.length - some.length;
  if (rest > 0) return `${some.join(", ")} and ${rest} more`;
  return some.length < 2 ? some.join("") : `${some.slice(0, -1).join(", ")} and ${some.at(-1)}`;
}

/**
 * The whole text in quotes. JSON leaves alone what is no ASCII control character: C1 controls, marks that turn the
 * direction of writing.
 */
export function escaped(text: string): string {
  const hexadecimal = (character: string) =>
    Array.from({ length: character.length }, (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`);
  return JSON.stringify(text).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => hexadecimal(character).join(""));
}
