import { displayWidth } from "../terminal/width.ts";

export type ColumnWidth = {
  title: string;
  /** Fewest cells in which the column is of use. */
  min: number;
  /** Cells that it would like; `min` if absent. */
  width?: number;
  /** Takes a share of what is left over. */
  grow?: boolean;
  /** 1 is the most important; the least important columns are left out first. 1 if absent. */
  priority?: number;
};

/** Blank cells between two columns. */
export const columnGap = 2;

/**
 * Which columns fit into `width` cells, and how wide each is. From the least important on columns are left out until
 * all others have their least width; then the most important ones get what they would like; `grow` takes the rest.
 * The most important column is always there, cut if need be.
 */
export function fitColumns<C extends ColumnWidth>(
  columns: readonly C[],
  width: number,
): { column: C; width: number }[] {
  const kept = columns.map((column) => ({ column, width: Math.max(column.min, displayWidth(column.title)) }));
  const used = () => kept.reduce((sum, c) => sum + c.width, 0) + columnGap * Math.max(kept.length - 1, 0);
  while (kept.length > 1 && used() > width) kept.splice(leastImportant(kept), 1);
  let spare = width - used();
  for (const entry of [...kept].sort((a, b) => priorityOf(a) - priorityOf(b))) {
    const more = Math.min(Math.max((entry.column.width ?? 0) - entry.width, 0), Math.max(spare, 0));
    entry.width += more;
    spare -= more;
  }
  const growing = kept.filter((c) => c.column.grow);
  growing.forEach((entry, index) => {
    const share = Math.floor(spare / (growing.length - index));
    entry.width += Math.max(share, 0);
    spare -= share;
  });
  const [only] = kept;
  if (kept.length === 1 && only !== undefined) only.width = Math.min(only.width, Math.max(width, 0));
  return kept;
}

/** The least important column; of several the one furthest to the right. */
function leastImportant(kept: readonly { column: ColumnWidth }[]): number {
  return kept.reduce((worst, entry, index) => (priorityOf(entry) >= priorityOf(kept[worst]) ? index : worst), 0);
}

function priorityOf(entry: { column: ColumnWidth } | undefined): number {
  return entry?.column.priority ?? 1;
}
