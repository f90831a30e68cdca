/* How the help of the commands is laid out. */

/** Columns of the narrowest terminal that is to show it well. */
export const helpWidth = 80;

/** A term with its text beside it, from column `indent` on, or below it where the term is long. */
export function termLines(term: string, text: string, indent: number): string[] {
  const rows = wrap(text, helpWidth - indent).map((row) => `${" ".repeat(indent)}${row}`);
  if (term.length > indent - 4) return [`  ${term}`, ...rows];
  const [first = "", ...more] = rows;
  return [`  ${term.padEnd(indent - 2)}${first.trimStart()}`, ...more];
}

/** A text in rows, divided between its words. */
export function wrap(text: string, columns = helpWidth): string[] {
  const rows: string[] = [];
  for (const word of text.trim().split(" ")) {
    const last = rows.at(-1);
    if (last === undefined || last.length + 1 + word.length > columns) rows.push(word);
    else rows[rows.length - 1] = `${last} ${word}`;
  }
  return rows;
}
