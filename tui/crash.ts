import { writeFileSync } from "node:fs";

/**
 * Leaves one line about a fault on standard error, for the launcher and the journal, and the stack in a file when there
 * is one to write to. Nothing that a person typed is in either.
 */
export function recordCrash(file: string | undefined, error: unknown): void {
  const name = error instanceof Error ? error.name : "Error";
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`binnacle: the console stopped because of a fault: ${name}: ${oneLine(message)}\n`);
  if (file === undefined) return;
  try {
    const stack = error instanceof Error ? (error.stack ?? "") : "";
    writeFileSync(file, `${new Date().toISOString()}\n${stack}\n`, { mode: 0o600 });
  } catch {
    // A full disk must not keep the console from being started again.
  }
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, " ").slice(0, 200);
}
