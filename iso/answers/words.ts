/** The candidate that was probably meant by a misspelt word; undefined when none is near. Capitals don't count. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  // Anything is near to a word of one or two letters.
  if (word.length < 3 || word.length > 64) return;
  const given = word.toLowerCase();
  const farthest = Math.max(1, Math.min(3, Math.floor(given.length / 3)));
  const near = candidates
    .map((candidate) => ({ candidate, steps: distance(given, candidate.toLowerCase()) }))
    .filter(({ steps }) => steps <= farthest)
    .toSorted((a, b) => a.steps - b.steps);
  return near[0]?.candidate;
}

/** Letters that must be added, taken away or replaced to get from one word to the other (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

const longestShown = 60;

/**
 * A text from a file as it may stand in a sentence on any terminal: in quotes, cut, and without anything that a
 * terminal would obey (controls, and the marks that turn the direction of writing).
 */
export function shown(text: string): string {
  const cut = text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
  return JSON.stringify(cut).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (letter) => {
    return `\\u${(letter.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  });
}
