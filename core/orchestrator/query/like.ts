/*
 * Patterns as SQL's LIKE has them: `%` any characters, `_` one, `\` before one of these takes its meaning away. The
 * whole text has to match, in any case. No regular expression is made of a pattern: the work for a text is bounded by
 * its length times the pattern's.
 */

/** null: any one character. */
type Part = readonly (string | null)[];

/** @param pattern bounded in length by the caller */
export function compileLike(pattern: string): (text: string) => boolean {
  const parts = partsOf(pattern.toLowerCase());
  const hasOne = parts.some((part) => part.includes(null));
  if (hasOne) return (text) => matchesParts(parts, charactersOf(text.toLowerCase()));
  const texts = parts.map((part) => part.join(""));
  return (text) => matchesTexts(texts, text.toLowerCase());
}

/** What stands between the `%`. */
function partsOf(pattern: string): Part[] {
  const parts: (string | null)[][] = [[]];
  let isEscaped = false;
  for (const character of pattern) {
    if (!isEscaped && character === "\\") {
      isEscaped = true;
      continue;
    }
    if (!isEscaped && character === "%") parts.push([]);
    else {
      const isPlainBackslash = isEscaped && !["%", "_", "\\"].includes(character);
      if (isPlainBackslash) parts.at(-1)?.push("\\");
      parts.at(-1)?.push(!isEscaped && character === "_" ? null : character);
    }
    isEscaped = false;
  }
  if (isEscaped) parts.at(-1)?.push("\\");
  return parts;
}

function matchesTexts(parts: readonly string[], text: string): boolean {
  const [first = "", ...others] = parts;
  const last = others.pop();
  if (last === undefined) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const part of others) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

/** `_` stands for a character, not for half of one. */
function charactersOf(text: string): ArrayLike<string> {
  return /[\ud800-\udfff]/.test(text) ? Array.from(text) : text;
}

function matchesParts(parts: readonly Part[], text: ArrayLike<string>): boolean {
  const [first = [], ...others] = parts;
  const last = others.pop();
  if (last === undefined) return text.length === first.length && isAt(first, text, 0);
  const end = text.length - last.length;
  if (end < first.length || !isAt(first, text, 0) || !isAt(last, text, end)) return false;
  let at = first.length;
  for (const part of others) {
    while (at + part.length <= end && !isAt(part, text, at)) at++;
    if (at + part.length > end) return false;
    at += part.length;
  }
  return true;
}

function isAt(part: Part, text: ArrayLike<string>, at: number): boolean {
  return part.every((character, i) => character === null || text[at + i] === character);
}
