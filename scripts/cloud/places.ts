import { eastAsianWidth } from "get-east-asian-width";

/** Places that a text takes on a terminal. */
export function columnsOf(text: string): number {
  let sum = 0;
  for (const character of text) sum += placesOf(character);
  return sum;
}

function placesOf(character: string): number {
  return /^[\p{M}\u200d]$/u.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) ?? 0);
}

/** The text in exactly so many places; one that is longer is cut, with a ~ that says so. */
export function padded(text: string, width: number): string {
  const own = columnsOf(text);
  if (own <= width) return text + " ".repeat(width - own);
  const cut = startOf(text, width - 1);
  return `${cut}~${" ".repeat(width - 1 - columnsOf(cut))}`;
}

/** As much of the beginning as has room in so many places. */
export function startOf(text: string, width: number): string {
  let [start, places] = ["", 0];
  for (const character of text) {
    const more = placesOf(character);
    if (places + more > width) break;
    [start, places] = [start + character, places + more];
  }
  return start;
}
