/*
 * Figures as a person reads them. Unit symbols are the same in every language. What is not known, or can't be true
 * (not a number, negative where nothing is), is a dash: never a zero.
 */

/** A figure that may be absent. */
export type Figure = number | null | undefined;

export const unknown = "-";

const byteUnits = ["B", "K", "M", "G", "T", "P", "E"] as const;

/** A size in binary units with at most one decimal: `182 G`, `25.6 G`, `512 B`. */
export function formatBytes(bytes: Figure): string {
  if (!isAmount(bytes) || bytes >= 1024 ** 7) return unknown;
  const { text, unit } = scaled(bytes, 1024, byteUnits);
  return `${text} ${unit}`;
}

/**
 * A part and its whole for a sentence such as `25.6 of 62.7 G`: the part goes without a unit where it has that of the
 * whole. A part that would be shown as 0 keeps a smaller unit of its own.
 */
export function formatBytesOf(part: Figure, whole: Figure): { part: string; whole: string } {
  const texts = { part: formatBytes(part), whole: formatBytes(whole) };
  if (!isAmount(part) || !isAmount(whole)) return texts;
  const { unit, factor } = scaled(whole, 1024, byteUnits);
  const same = shortest(part / factor);
  if (part > whole || (part > 0 && same === "0")) return texts;
  return texts.whole.endsWith(` ${unit}`) ? { part: same, whole: texts.whole } : texts;
}

/**
 * A share of 0 to 1 as whole per cents. Only what is full says `100 %`: 0.999 is `99 %`. More than 1 is shown as it is
 * (a process may use two cores).
 */
export function formatPercent(share: Figure): string {
  if (!isAmount(share)) return unknown;
  const percent = Math.round(share * 100);
  return `${percent === 100 && share < 1 ? 99 : percent} %`;
}

/** How full something is: rounded down, as the diagnostics do it, so that no limit shows before it is reached. */
export function formatUsed(share: Figure): string {
  return isAmount(share) ? `${Math.floor(share * 100 + 1e-9)} %` : unknown;
}

/** A link's speed: `10G`, `2.5G`, `100M`. The kernel says -1 or 0 when it doesn't know. */
export function formatSpeed(mbps: Figure): string {
  if (!isAmount(mbps) || mbps === 0) return unknown;
  const { text, unit } = scaled(mbps, 1000, ["M", "G", "T", "P"]);
  return text + unit;
}

/** A duration in its two largest units, rounded down: `1 d 4 h`, `4 h 12 m`, `59 s`. */
export function formatDuration(seconds: Figure): string {
  if (!isAmount(seconds)) return unknown;
  const whole = Math.floor(seconds);
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "m"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

/** How long ago something was, from milliseconds. A moment that lies ahead by less than 5 s (two clocks) is now. */
export function formatAge(ms: Figure): string {
  if (!isFinite(ms)) return unknown;
  return formatDuration(ms > -5000 && ms < 0 ? 0 : ms / 1000);
}

/** A point in time, milliseconds since the epoch: `2026-11-21 14:03:07`, in this machine's time zone. */
export function formatDateTime(at: Figure): string {
  const date = dateOf(at);
  return date === undefined ? unknown : `${dayOf(date)} ${clockOf(date)}`;
}

export function formatDate(at: Figure): string {
  const date = dateOf(at);
  return date === undefined ? unknown : dayOf(date);
}

export function formatTime(at: Figure): string {
  const date = dateOf(at);
  return date === undefined ? unknown : clockOf(date);
}

/** Degrees Celsius: `32 C`. */
export function formatTemperature(celsius: Figure): string {
  if (!isFinite(celsius) || celsius < -273) return unknown;
  // `+ 0` turns a negative zero into a plain one.
  return `${Math.round(celsius) + 0} C`;
}

/** A load average or the like, with a fixed number of decimals. */
export function formatDecimal(value: Figure, decimals = 2): string {
  if (!isFinite(value)) return unknown;
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace("-", "") : text;
}

function isFinite(value: Figure): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isAmount(value: Figure): value is number {
  return isFinite(value) && value >= 0;
}

/** Three digits at most, without a decimal that says nothing: 182, 25.6, 88. */
function shortest(value: number): string {
  const oneDecimal = Math.round(value * 10) / 10;
  return String(oneDecimal < 100 ? oneDecimal : Math.round(value));
}

/** The value in the largest unit in which it is at least 1 after rounding: 1023.9 M is 1 G, never 1024 M. */
function scaled<U>(
  value: number,
  base: number,
  units: readonly [U, ...U[]],
): { text: string; unit: U; factor: number } {
  let factor = 1;
  let [unit] = units;
  for (const next of units.slice(1)) {
    const text = Number(unit === units[0] ? Math.round(value) : shortest(value / factor));
    if (text < base) break;
    factor *= base;
    unit = next;
  }
  return { text: factor === 1 ? String(Math.round(value)) : shortest(value / factor), unit, factor };
}

function dateOf(at: Figure): Date | undefined {
  if (!isFinite(at)) return undefined;
  const date = new Date(at);
  const year = date.getFullYear();
  // Beyond these years the clock that said so is wrong, and the text would not fit its column.
  return year >= 1 && year <= 9999 ? date : undefined;
}

function dayOf(date: Date): string {
  return `${String(date.getFullYear()).padStart(4, "0")}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function clockOf(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
