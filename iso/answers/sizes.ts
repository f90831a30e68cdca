const units: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 1024,
  MIB: 1024 ** 2,
  GIB: 1024 ** 3,
  TIB: 1024 ** 4,
};

/** What a size may look like, for whoever wrote something else. */
export const sizeForm = "a number with MB, GB, TB (powers of ten) or MiB, GiB, TiB (powers of two), such as 480 GB";

/** The bytes of `480 GB` or `1.5TiB`; undefined for anything else, such as a number without a unit. */
export function parseSize(text: string): number | undefined {
  const found = /^(\d{1,9}(?:\.\d{1,3})?) ?([A-Za-z]{1,3})$/.exec(text);
  const unit = units[found?.[2]?.toUpperCase() ?? ""];
  return unit === undefined ? undefined : Math.round(Number(found?.[1]) * unit);
}
