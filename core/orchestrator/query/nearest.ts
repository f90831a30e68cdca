import { listed } from "../../model/quote.ts";

/** More of a mistyped name does not help to find what was meant. */
const mostCharacters = 64;

/** What to do about a name that is not there: the names that look like it, or else which there are. */
export function nearestRemedy(given: string, names: readonly string[]): string {
  const near = nearest(given, names);
  if (near.length > 0) return `Did you mean ${near.join(" or ")}?`;
  return `There are ${listed(names, 12)}.`;
}

/** The names that look most like a given one, three at most; none when nothing does. */
export function nearest(given: string, names: readonly string[]): string[] {
  const wanted = given.slice(0, mostCharacters).toLowerCase();
  const allowed = Math.max(1, Math.floor(wanted.length / 3));
  return names
    .map((name) => ({ name, distance: distanceOf(wanted, name.toLowerCase()) }))
    .filter(({ distance }) => distance <= allowed)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Letters to change, add or take away; a name that holds the given one is near, too. */
function distanceOf(given: string, name: string): number {
  const edits = editsBetween(given, name);
  return given.length >= 2 && name.includes(given) ? Math.min(edits, 0.5) : edits;
}

/** Two letters in each other's place are one edit (optimal string alignment). */
function editsBetween(a: string, b: string): number {
  let earlier: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwapped ? (earlier[j - 2] ?? 0) + 1 : replaced;
      next.push(Math.min(replaced, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    [earlier, row] = [row, next];
  }
  return row[b.length] ?? 0;
}
