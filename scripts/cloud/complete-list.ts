import { printable } from "../network/say.ts";
import type { Candidate, Completion } from "./complete.ts";

/* What a completion does to a line, and how its candidates are shown. */

const mostLines = 40;
/** What was typed, and a line of the text before it. */
const keptLines = 3;
const gap = 2;

/** What stands in the place of the typed word now; undefined when the person has to choose. */
export function stepOf({ typed, candidates }: Completion): string | undefined {
  const [only, ...more] = candidates;
  if (only === undefined) return;
  if (more.length === 0) return only.isOpen ? only.text : `${only.text} `;
  const common = commonStart(candidates.map(({ text }) => text));
  // What was found by another way than its beginning, as a uuid by a name, doesn't go on from what was typed.
  const goesOn = common.toLowerCase().startsWith(typed.toLowerCase());
  return goesOn && common !== typed ? common : undefined;
}

function commonStart(texts: readonly string[]): string {
  const [first = "", ...others] = texts;
  let length = first.length;
  for (const other of others) {
    while (!other.startsWith(first.slice(0, length))) length -= 1;
  }
  return first.slice(0, length);
}

type Size = { columns?: number; rows?: number };

/** Candidates beside each other, or one a line with what is to say of it. */
export function listText(candidates: readonly Candidate[], { columns = 80, rows: screen = 24 }: Size): string {
  const most = Math.max(Math.min(mostLines, screen - keptLines), 1);
  const labels = candidates.map(({ label }) => printable(label));
  const longest = Math.max(...labels.map((label) => label.length));
  if (candidates.some(({ note }) => note !== undefined))
    return bounded(
      candidates.map(({ note }, i) =>
        `${(labels[i] ?? "").padEnd(longest + gap)}${printable(note ?? "")}`.trimEnd().slice(0, columns - 1),
      ),
      most,
    );
  const perLine = Math.max(1, Math.floor((columns - 1) / (longest + gap)));
  const rows: string[] = [];
  for (let at = 0; at < labels.length; at += perLine)
    rows.push(
      labels
        .slice(at, at + perLine)
        .map((label) => label.padEnd(longest + gap))
        .join("")
        .trimEnd(),
    );
  return bounded(rows, most);
}

function bounded(rows: readonly string[], most: number): string {
  const rest = rows.length - most;
  const shown = rest > 0 ? [...rows.slice(0, most - 1), `and ${rest + 1} more lines`] : rows;
  return shown.map((row) => `${row}\n`).join("");
}
