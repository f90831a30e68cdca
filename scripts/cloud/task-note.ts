import { failureText, type TableRow } from "./table.ts";

/** What is said below a task in a table: why it failed, or how far it is. */
export function taskNote({ name, state, error, progress, step }: TableRow): string | undefined {
  const what = typeof name === "string" ? `${name}: ` : "";
  const why = failureText(error);
  if (why !== undefined) return `${what}${why}`;
  if (typeof progress !== "number" || !["Waiting", "Running", "Cancelling"].includes(String(state))) return;
  return `${what}${progress} %${typeof step === "string" ? `, ${step}` : ""}`;
}
