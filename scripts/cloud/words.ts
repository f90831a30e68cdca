/** The words of a line, and what completion has to know of its end. */
export type Words = {
  readonly words: readonly string[];
  /** A quote that was not closed. */
  readonly openQuote: "'" | '"' | undefined;
  /** Where the last word begins in the line; its length when a new word would begin there. */
  readonly lastStart: number;
};

/**
 * Divides a line at its blanks. Quotes keep them: `name="web 1"`; a backslash takes the meaning of a quote, a blank or
 * a backslash away and is a character like others elsewhere, for patterns have some.
 */
export function wordsOf(line: string): Words {
  const words: string[] = [];
  let word: string | undefined;
  let openQuote: Words["openQuote"];
  let lastStart = line.length;
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    const next = line.charAt(at + 1);
    if (openQuote === undefined && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      [word, lastStart] = [undefined, line.length];
      continue;
    }
    if (word === undefined) lastStart = at;
    word ??= "";
    if (character === "\\" && openQuote !== "'" && /[\s'"\\]/.test(next)) {
      word += next;
      at += 1;
    } else if (character === openQuote) openQuote = undefined;
    else if (openQuote === undefined && (character === "'" || character === '"')) openQuote = character;
    else word += character;
  }
  if (word !== undefined) words.push(word);
  return { words, openQuote, lastStart };
}

/** A value as it may be typed in a line. */
export function asWord(text: string): string {
  return /^[^\s'"\\]*$/.test(text) ? text : `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
