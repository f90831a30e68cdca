import type { Key } from "node:readline";

/*
 * A Tab that is pasted is a blank. Taken as a wish for completion it would put words into what comes behind it, for the
 * rest of the text is there before the answer.
 */

const begin = "\u001b[200~";
const end = "\u001b[201~";
const parts = new RegExp(`${RegExp.escape(begin)}|${RegExp.escape(end)}|\t`, "g");
/** Has a terminal mark what is pasted; one that can't pays no heed. */
export const [markPastes, unmarkPastes] = ["\u001b[?2004h", "\u001b[?2004l"];

/** Tells which Tabs of what a terminal sends were pasted. */
export class PastedTabs {
  #isPasting = false;
  #tabs: boolean[] = [];

  /** What was sent, before its keys are asked for. Without marks, what stands before other keys was not typed. */
  see(chunk: string): void {
    const lastOther = chunk.search(/\t*$/) - 1;
    this.#tabs = [];
    for (const { 0: found, index } of chunk.matchAll(parts)) {
      if (found === "\t") this.#tabs.push(this.#isPasting || index < lastOther);
      else this.#isPasting = found === begin;
    }
  }

  /** Whether the next Tab was pasted. */
  next(): boolean {
    return this.#tabs.shift() ?? this.#isPasting;
  }
}

/** From now on, whoever listens to the keys of this terminal later hears of no Tab that was pasted. */
export function hidePastedTabs(stdin: NodeJS.ReadStream): void {
  const tabs = new PastedTabs();
  stdin.on("data", (chunk: Buffer | string) => tabs.see(String(chunk)));
  stdin.on("keypress", (_text: string | undefined, key: Key) => {
    // The key goes on to the listeners behind this one, and a Tab without its name is a character.
    if (key.name === "tab" && tabs.next()) delete key.name;
  });
}
