/*
 * The order of the product's versions: as Debian orders its packages (deb-version(7)), but that `-` begins a
 * pre-release, as in Semantic Versioning and so in package.json, and means the same as `~`.
 */

/** Below 0 when `a` is older than `b`, above 0 when it is newer, 0 when they are the same. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let nth = 0; nth < Math.max(left.length, right.length); nth++) {
    const [mine, theirs] = [left[nth] ?? end, right[nth] ?? end];
    const order = compareText(mine.text, theirs.text) || compareNumber(mine.number, theirs.number);
    if (order !== 0) return order;
  }
  return 0;
}

export function isNewer(version: string, than: string): boolean {
  return compareVersions(version, than) > 0;
}

export function newestFirst(versions: readonly string[]): string[] {
  return versions.toSorted((a, b) => compareVersions(b, a));
}

type Part = { text: string; number: string };
const end: Part = { text: "", number: "" };

/** What is no digit and the number behind it, in turn. */
function partsOf(version: string): Part[] {
  const found = version.replaceAll("-", "~").matchAll(/(\D*)(\d*)/g);
  return [...found].map(([, text = "", number = ""]) => ({ text, number })).filter((part) => part.text + part.number);
}

/** `~` comes before the end, the end before letters, and letters before everything else. */
function compareText(a: string, b: string): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const order = weight(a[at]) - weight(b[at]);
    if (order !== 0) return order;
  }
  return 0;
}

function weight(letter: string | undefined): number {
  if (letter === "~") return -1;
  if (letter === undefined) return 0;
  const code = letter.charCodeAt(0);
  return /[A-Za-z]/.test(letter) ? code : code + 256;
}

/** Numbers of any length: without leading zeros the longer one is the larger one. */
function compareNumber(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
  if (left.length !== right.length) return left.length - right.length;
  return left === right ? 0 : left < right ? -1 : 1;
}
