import { jsonText } from "./print.ts";
import type { Request } from "./request.ts";

export type AnswerStyle = { isTable: boolean; warn: (line: string) => void };

/** An answer as it is printed. */
export async function answerText(request: Request, answer: object, { isTable, warn }: AnswerStyle): Promise<string> {
  if (!isTable) return `${jsonText(answer)}\n`;
  const { recordText, tableText } = await import("./table.ts");
  const { tableColumns } = await import("./columns.ts");
  const width = columnsOfTerminal();
  const found = new Map<string, unknown>(Object.entries(answer));
  const rows = found.get("inventories");
  if (!Array.isArray(rows)) {
    const [only, ...more] = [...found.values()].filter(isRecord);
    return recordText(only !== undefined && more.length === 0 ? only : { ...answer }, width);
  }
  const total = found.get("total");
  const isCount = rows.length === 0 && request.texts.has("count") && typeof total === "number";
  if (!isCount) {
    const columns = request.texts.get("fields")?.flatMap((text) => text.split(","));
    const { text, leftOut } = tableText(columns ?? tableColumns[request.call.resource], rows.filter(isRecord), width);
    // Of the columns that nobody has asked for, those that fit are enough.
    if (columns !== undefined && leftOut.length > 0)
      warn(`No room for ${leftOut.join(", ")}: widen the terminal, or name it with COLUMNS=.`);
    const isAsked = request.texts.has("replyWithCount");
    const isCut = typeof total === "number" && total > rows.length;
    return isAsked || isCut ? `${text}${rows.length} of ${String(total)}\n` : text;
  }
  return `${total}\n`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Of the terminal, or what COLUMNS says; 80 where neither is known. */
function columnsOfTerminal(): number {
  const told = Number(process.env["COLUMNS"] ?? "");
  const width = process.stdout.isTTY ? process.stdout.columns : told;
  return Number.isInteger(width) && width >= 20 ? width : 80;
}
