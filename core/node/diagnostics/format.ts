/*
 * Measured values as they are filled into sentences: the same in every language.
 */

const units = ["B", "K", "M", "G", "T", "P", "E"];

/** A size in binary units with at most one decimal, in the form that the console's screens have: `3.2 G`, `812 M`. */
export function size(bytes: number): string {
  let value = Math.round(bytes);
  let unit = 0;
  while (shortest(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${shortest(value)} ${units[unit]}`;
}

/** Three digits at most, without a decimal that says nothing: 182, 25.6, 88. */
function shortest(value: number): number {
  const oneDecimal = Math.round(value * 10) / 10;
  return oneDecimal < 100 ? oneDecimal : Math.round(value);
}

/** Rounded down, so that 94.9 % is never shown as the limit that it has not reached. */
export function percent(share: number): string {
  return `${Math.floor(share * 100 + 1e-9)} %`;
}

/** A duration of a clock's error: `1.25 s`, `3 min`, `2 h`. */
export function seconds(value: number): string {
  const length = Math.abs(value);
  if (length < 0.001) return `${(length * 1e6).toFixed(0)} us`;
  if (length < 1) return `${(length * 1000).toFixed(length < 0.01 ? 1 : 0)} ms`;
  if (length < 120) return `${Number(length.toFixed(2))} s`;
  if (length < 7200) return `${Math.round(length / 60)} min`;
  return `${Math.round(length / 3600)} h`;
}

/** `10G`, `100M`: as switches name the speeds of their ports. */
export function speed(megabits: number): string {
  return megabits >= 1000 ? `${megabits / 1000}G` : `${megabits}M`;
}

/** The first items of a list, and how many there are beside: "and 2 more" is said in the reader's language. */
export type Listed = { shown: string; more: number };

/** The first `most` of a list. */
export function list(items: readonly string[], most = 3): Listed {
  return { shown: items.slice(0, most).join(", "), more: Math.max(0, items.length - most) };
}
