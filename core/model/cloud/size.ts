const units = ["B", "K", "M", "G", "T", "P"] as const;

/** Bytes of a size such as 1G, 512M or 4096: a whole number, and a unit of powers of 1024; undefined for others. */
export function parseSize(text: string): number | undefined {
  const match = /^(0|[1-9]\d{0,15})([BKMGTP]?)$/.exec(text);
  if (match === null) return;
  const power = units.findIndex((unit) => unit === (match[2] || "B"));
  const size = Number(match[1]) * 1024 ** power;
  return Number.isSafeInteger(size) ? size : undefined;
}

/** The shortest form of a size that is exact: 1G for 1073741824, 1025B for 1025. */
export function formatSize(bytes: number): string {
  let [size, power] = [bytes, 0];
  while (size > 0 && size % 1024 === 0 && power < units.length - 1) [size, power] = [size / 1024, power + 1];
  return `${size}${units[power] ?? ""}`;
}
