/* Texts in lines of a terminal's width, for help and errors. */

/** Places that a text takes; of plain letters one each. */
export type Measure = (text: string) => number;

/**
 * The text in rows of so many places at most, divided at blanks. A word that is longer than a row is divided behind `|`
 * and `,`, as choices and lists have them; one without them, such as an address, stays whole.
 */
export function wrap(text: string, columns: number, measure: Measure = (part) => part.length): string[] {
  const rows: string[] = [];
  let isOpen = false;
  for (const word of text.trim().split(" ")) {
    const parts = measure(word) > columns ? word.split(/(?<=[|,])/) : [word];
    for (const [i, part] of parts.entries()) {
      const joined = `${rows.at(-1) ?? ""}${i === 0 ? " " : ""}${part}`;
      if (isOpen && measure(joined) <= columns) rows[rows.length - 1] = joined;
      else rows.push(part);
      isOpen = true;
    }
  }
  return rows;
}

/** A term with its text beside it from the column `indent` on, or below it where the term is long. */
export function entryLines(term: string, text: string, { width, indent }: { width: number; indent: number }): string[] {
  const rows = wrap(text, width - indent).map((row) => `${" ".repeat(indent)}${row}`);
  if (term.length > indent - 4) return [`  ${term}`, ...rows];
  const [first = "", ...more] = rows;
  return [`  ${term.padEnd(indent - 2)}${first.trimStart()}`, ...more];
}
