/* Pieces of a page in Markdown. */

export function heading(level: number, text: string): string {
  return `${"#".repeat(level)} ${text}`;
}

/** A table; a cell is text in one line, in which `|` stands for itself. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
