import { jsonText } from "./print.ts";
import type { Request } from "./request.ts";
import { tableColumnsOf } from "./screen.ts";
import type { TableRow } from "./table.ts";

export type AnswerText = {
  text: string;
  /** What of the answer found no room, for the person. */
  note?: string;
};

/** An answer as it is printed. */
export async function answerText(request: Request, answer: object, isTable: boolean): Promise<AnswerText> {
  if (!isTable) return { text: `${jsonText(answer)}\n` };
  const { recordText, tableText } = await import("./table.ts");
  const { cutColumnsOf, tableColumns } = await import("./columns.ts");
  const width = tableColumnsOf(process.stdout);
  const found = new Map<string, unknown>(Object.entries(answer));
  const rows = found.get("inventories");
  if (!Array.isArray(rows)) {
    const [only, ...more] = [...found.values()].filter(isRecord);
    return { text: recordText(only !== undefined && more.length === 0 ? only : { ...answer }, width) };
  }
  const total = found.get("total");
  const isCount = rows.length === 0 && request.texts.has("count") && typeof total === "number";
  if (isCount) return { text: `${total}\n` };
  const { resource } = request.call;
  const columns = request.texts.get("fields")?.flatMap((text) => text.split(",")) ?? tableColumns[resource];
  const noteOf = resource === "Task" ? (await import("./task-note.ts")).taskNote : undefined;
  const options = { noteOf, cut: cutColumnsOf[resource] };
  const { text, leftOut } = tableText(columns, rows.filter(isRecord), width, options);
  const isAsked = request.texts.has("replyWithCount");
  const isCut = typeof total === "number" && total > rows.length;
  return {
    text: isAsked || isCut ? `${text}${rows.length} of ${String(total)}\n` : text,
    ...(leftOut.length === 0 || rows.length === 0 ? {} : { note: leftOutText(leftOut) }),
  };
}

function leftOutText(columns: readonly string[]): string {
  return `No room for ${columns.join(", ")}; choose columns with fields=, or give more room.`;
}

function isRecord(value: unknown): value is TableRow {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
