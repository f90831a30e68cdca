/*
 * Measured values as they are filled into sentences: the same in every language.
 */

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** `3.2 GiB`, `812 MiB`. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
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

/** The first `most` of a list, and how many there are beside. */
export function list(items: readonly string[], most = 3): string {
  const shown = items.slice(0, most).join(", ");
  return items.length > most ? `${shown} +${items.length - most}` : shown;
}
