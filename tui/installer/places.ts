/** X keyboard layouts that are offered; their names are in the catalogue. */
export const keyboards = [
  "us",
  "gb",
  "cn",
  "jp",
  "kr",
  "de",
  "fr",
  "ch",
  "be",
  "nl",
  "es",
  "latam",
  "pt",
  "br",
  "it",
  "pl",
  "cz",
  "hu",
  "ro",
  "se",
  "no",
  "dk",
  "fi",
  "ru",
  "ua",
  "tr",
  "il",
] as const;

const known = new Map<string, string>();

/** `Asia/Shanghai (UTC+8)`: with the offset that holds at `now`, milliseconds since the epoch. */
export function zoneWords(zone: string, now: number): string {
  const words = known.get(zone) ?? `${zone}${offsetOf(zone, now)}`;
  known.set(zone, words);
  return words;
}

function offsetOf(zone: string, now: number): string {
  if (zone === "UTC") return "";
  try {
    const parts = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "shortOffset" }).formatToParts(now);
    const offset = parts.find(({ type }) => type === "timeZoneName")?.value.replace("GMT", "UTC");
    return offset === undefined ? "" : ` (${offset})`;
  } catch {
    // A zone that this Node does not know still has its name.
    return "";
  }
}
