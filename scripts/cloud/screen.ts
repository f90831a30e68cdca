import { helpWidth } from "../help-lines.ts";

/* How wide what is printed may be. */

type Stream = Pick<NodeJS.WriteStream, "isTTY" | "columns">;

/** Fewer would leave no room for the words. */
const fewest = 40;

/** Columns of the terminal that a stream ends at; undefined where it ends at none. */
export function terminalColumns({ isTTY, columns }: Stream): number | undefined {
  return isTTY === true && columns > 0 ? Math.max(columns, fewest) : undefined;
}

/** Columns of help: lines that are longer are hard to read. */
export function helpColumns(): number {
  return Math.min(terminalColumns(process.stdout) ?? helpWidth, helpWidth);
}

/** Columns of tables: those of the terminal, or what COLUMNS says; 80 where neither is known. */
export function tableColumnsOf(stream: Stream): number {
  const told = Number(process.env["COLUMNS"] ?? "");
  const columns = stream.isTTY === true ? stream.columns : told;
  return Number.isInteger(columns) && columns >= 20 ? columns : helpWidth;
}
