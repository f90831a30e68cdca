const units: Readonly<Record<string, number>> = { "": 1024 ** 3, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** Bytes of `500 M`, `32G`, `1.5 T`, `32` (gigabytes); undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const match = /^\s*(\d{1,7}(?:[.,]\d{1,3})?)\s*([MGT]?)(?:i?B)?\s*$/i.exec(text);
  if (match === null) return undefined;
  const factor = units[(match[2] ?? "").toUpperCase()];
  const count = Number((match[1] ?? "").replace(",", "."));
  return factor === undefined || !Number.isFinite(count) ? undefined : Math.round(count * factor);
}

/** A size that `parseSize` reads back as the same number of megabytes: `500 M`, `32 G`. */
export function sizeWords(bytes: number): string {
  if (bytes === 0) return "0";
  return bytes % 1024 ** 3 === 0 ? `${bytes / 1024 ** 3} G` : `${Math.round(bytes / 1024 ** 2)} M`;
}
