export type Size = { readonly width: number; readonly height: number };

const largest: Size = { width: 400, height: 150 };

/**
 * A usable size from what the terminal says. Serial lines say 0x0 or nothing: 80x24 then, one dimension at a time.
 * What is beyond 400x150 stays unused.
 */
export function usableSize(columns: number | undefined, rows: number | undefined): Size {
  return { width: usable(columns, 80, largest.width), height: usable(rows, 24, largest.height) };
}

function usable(value: number | undefined, fallback: number, most: number): number {
  return value === undefined || !Number.isInteger(value) || value <= 0 ? fallback : Math.min(value, most);
}
