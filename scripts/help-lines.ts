/* How texts are laid out in the lines of a terminal: help, errors, notes of tables. */

/** Columns of the narrowest terminal that is to show help well. */
export const helpWidth = 80;

/** A term with its text beside it, from column `indent` on, or below it where the term is long. */
export function termLines(term: string, text: string, indent: number, width = helpWidth): string[] {
  const rows = wrap(text, width - indent).map((row) => `${" ".repeat(indent)}${row}`);
  if (term.length > indent - 4) return [`  ${term}`, ...rows];
  const [first = "", ...more] = rows;
  return [`  ${term.padEnd(indent - 2)}${first.trimStart()}`, ...more];
}

/** Places that a text takes; of plain letters one each. */
export type Measure = (text: string) => number;

/**
 * A text in rows of so many places at most, divided between its words. A word that is longer than a row is divided behind
 * `|` and `,`, as choices and lists have them; one without them, such as an address, stays whole.
 */
export function wrap(text: string, columns = helpWidth, measure: Measure = (part) => part.length): string[] {
  const rows: string[] = [];
  for (const word of text.trim().split(" ")) {
    const parts = measure(word) > columns ? word.split(/(?<=[|,])/) : [word];
    for (const [i, part] of parts.entries()) {
      const last = rows.at(-1);
      const joined = `${last ?? ""}${i === 0 ? " " : ""}${part}`;
      if (last === undefined || measure(joined) > columns) rows.push(part);
      else rows[rows.length - 1] = joined;
    }
  }
  return rows;
}
