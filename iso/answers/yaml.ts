import {
  type Document,
  type ErrorCode,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
} from "yaml";
import type { AnswerProblem } from "./problem.ts";
import { shown } from "./words.ts";

/** More than this is no answer file; reading it would only keep an installer busy. */
export const longestFileBytes = 1024 ** 2;
const mostAliases = 20;
const mostSyntaxProblems = 10;
/** Who has made so many mistakes does not want to read more; and finding the place of each takes time. */
export const mostProblems = 100;

export type Path = readonly (string | number)[];
export type Place = { line: number; column: number };

/** A YAML file that has been read: its values, all single ones as text, and where each stands. */
export type YamlFile = {
  data: unknown;
  /** Where the value at a path stands, or the nearest thing around it that there is; its key with `key`. */
  place: (path: Path, of?: "value" | "key") => Place;
  /** What stands at a path. */
  kind: (path: Path) => "absent" | "empty" | "text" | "mapping" | "list";
  text: (path: Path) => string;
};

/**
 * Reads YAML without trusting it: size, encoding, control characters, nesting, aliases. The texts of the YAML library
 * are not passed on: they quote the file, and a password may stand there.
 */
export function readYaml(bytes: Uint8Array): { file: YamlFile | null; problems: AnswerProblem[] } {
  if (bytes.length > longestFileBytes) {
    const size = `${bytes.length} bytes, more than the ${longestFileBytes} that are read.`;
    return refusal({ line: 1, column: 1 }, `The file has ${size}`, "Give an answer file: it needs some hundred bytes.");
  }
  const decoded = decode(bytes);
  if (typeof decoded !== "string") return { file: null, problems: [decoded] };
  try {
    return parse(decoded);
  } catch (error) {
    // The parser calls itself for each level; nothing that is meant to be read goes as deep as its stack.
    if (!(error instanceof RangeError)) throw error;
    return refusal(
      { line: 1, column: 1 },
      "Something in the file is nested too deeply.",
      "No answer is deeper than 4.",
    );
  }
}

function refusal(place: Place, description: string, remedy: string): { file: null; problems: AnswerProblem[] } {
  return { file: null, problems: [problemAt(place, description, remedy)] };
}

function problemAt(place: Place, description: string, remedy: string): AnswerProblem {
  return { ...place, severity: "error", description, remedy, list: [] };
}

function decode(bytes: Uint8Array): string | AnswerProblem {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return problemAt({ line: 1, column: 1 }, "The file is UTF-16.", "Save it as UTF-8.");
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const place = placeOf(new TextDecoder("utf-8").decode(bytes), /\ufffd/u);
    return problemAt(place, "The file is not UTF-8: there is a byte that can't stand here.", "Save it as UTF-8.");
  }
  const control = /[^\P{Cc}\t\r\n]/u;
  if (!control.test(text)) return text;
  return problemAt(placeOf(text, control), "There is a control character here.", "Take it out.");
}

function placeOf(text: string, what: RegExp): Place {
  const before = text.slice(0, text.search(what)).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function parse(text: string): { file: YamlFile | null; problems: AnswerProblem[] } {
  const lines = new LineCounter();
  // `uniqueKeys` compares each key with each other: minutes for a file that means harm. See `oddities`.
  const doc = parseDocument(text, { schema: "failsafe", lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const syntax = [...doc.errors, ...doc.warnings].map(({ code, pos }) => {
    const [description, remedy] = syntaxSentences[code] ?? syntaxSentences.IMPOSSIBLE;
    return problemAt(at(pos[0]), description, remedy);
  });
  if (syntax.length > 0) return { file: null, problems: firstOfEachLine(syntax).slice(0, mostSyntaxProblems) };
  const problems = oddities(doc, at);
  if (problems.length > 0) return { file: null, problems: problems.slice(0, mostProblems) };
  if (!isMap(doc.contents)) {
    return refusal({ line: 1, column: 1 }, "This is not an answer file: it has no keys.", "Begin it with: binnacle: 1");
  }
  const data: unknown = doc.toJS({ maxAliasCount: mostAliases * 4 });
  return { file: { data, ...lookups(doc, at) }, problems: [] };
}

function firstOfEachLine(problems: readonly AnswerProblem[]): AnswerProblem[] {
  const sorted = problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  return sorted.filter((problem, i) => sorted[i - 1]?.line !== problem.line);
}

/** What is YAML, but not for an answer file: keys given twice, aliases that lead nowhere or are too many. */
function oddities(doc: Document.Parsed, at: (offset: number) => Place): AnswerProblem[] {
  const problems: AnswerProblem[] = [];
  let aliases = 0;
  const anchors = new Set<string>();
  visit(doc, {
    Node(_, node) {
      const start = at(node.range?.[0] ?? 0);
      if (isAlias(node)) {
        aliases++;
        if (aliases === mostAliases + 1) {
          problems.push(problemAt(start, `More than ${mostAliases} aliases (*name) are not read.`, "Write it out."));
        }
        if (!anchors.has(node.source)) {
          const why = "A value that begins with * is an alias, and there is no anchor (&) of its name.";
          problems.push(problemAt(start, why, "Put the value into quotes."));
        }
      } else if (node.anchor !== undefined) anchors.add(node.anchor);
      if (isMap(node)) problems.push(...doubleKeys(node.items, at));
    },
  });
  return problems;
}

function doubleKeys(items: readonly unknown[], at: (offset: number) => Place): AnswerProblem[] {
  const seen = new Map<string, Place>();
  const problems: AnswerProblem[] = [];
  for (const item of items) {
    if (!isPair(item)) continue;
    if (!isScalar(item.key)) {
      const place = at(isCollection(item.key) ? (item.key.range?.[0] ?? 0) : 0);
      problems.push(
        problemAt(place, "A key must be a word.", "See whether a bracket or brace stands in the wrong place."),
      );
      continue;
    }
    const key = String(item.key.value);
    const place = at(item.key.range?.[0] ?? 0);
    const before = seen.get(key);
    if (before === undefined) seen.set(key, place);
    else {
      const why = `${shown(key)} is given twice; the first is in line ${before.line}.`;
      problems.push(problemAt(place, why, "Take one of them out."));
    }
  }
  return problems;
}

function lookups(doc: Document.Parsed, at: (offset: number) => Place): Omit<YamlFile, "data"> {
  type Found = { key: number | undefined; node: unknown };
  const real = (node: unknown): unknown => (isAlias(node) ? node.resolve(doc) : node);
  const step = (found: Found, part: string | number): Found | undefined => {
    const node = real(found.node);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part));
      if (pair === undefined) return;
      return { key: isScalar(pair.key) ? pair.key.range?.[0] : undefined, node: pair.value };
    }
    if (!isCollection(node) || typeof part !== "number") return;
    const item = node.items[part];
    return item === undefined ? undefined : { key: undefined, node: item };
  };
  const find = (path: Path): { found: Found; complete: boolean } => {
    let found: Found = { key: undefined, node: doc.contents };
    for (const part of path) {
      const next = step(found, part);
      if (next === undefined) return { found, complete: false };
      found = next;
    }
    return { found, complete: true };
  };
  return {
    place(path, of = "value") {
      const { found, complete } = find(path);
      const value = rangeOf(found.node);
      // An absent value is told of at the key of the mapping that lacks it; at its own key when nothing stands behind.
      const isValue = complete && of === "value" && value !== undefined && !isEmpty(found.node);
      return at((isValue ? value : found.key) ?? value ?? 0);
    },
    kind(path) {
      const { found, complete } = find(path);
      if (!complete) return "absent";
      const node = real(found.node);
      if (isCollection(node)) return isMap(node) ? "mapping" : "list";
      return isEmpty(node) ? "empty" : "text";
    },
    text(path) {
      const node = real(find(path).found.node);
      return isScalar(node) ? String(node.value) : "";
    },
  };
}

function rangeOf(node: unknown): number | undefined {
  return isScalar(node) || isCollection(node) || isAlias(node) ? node.range?.[0] : undefined;
}

function isEmpty(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === "");
}

const quoting = "Put a value that begins with a special character, or holds a colon and a space, into quotes.";

/** By the library's code for what it found: what a person who has never read YAML's specification should look for. */
const syntaxSentences: Partial<Record<ErrorCode, readonly [description: string, remedy: string]>> & {
  IMPOSSIBLE: readonly [description: string, remedy: string];
} = {
  IMPOSSIBLE: ["This is not YAML.", "See whether indentation, quotes and brackets are right."],
  BAD_INDENT: [
    "The indentation is wrong.",
    "Indent all keys of a mapping by the same number of spaces, and close brackets and quotes.",
  ],
  TAB_AS_INDENT: ["A tab is used for indentation.", "Use spaces."],
  BAD_SCALAR_START: ["A value can't begin with this character.", quoting],
  BAD_DQ_ESCAPE: ["There is no such escape in double quotes.", "Write \\\\ for a backslash, or use single quotes."],
  BLOCK_AS_IMPLICIT_KEY: [
    "A key and a value get mixed up here: a second colon in the line, or a line that is indented too far.",
    quoting,
  ],
  BLOCK_IN_FLOW: ["An indented block can't stand inside brackets or braces.", "Close the bracket or brace first."],
  MISSING_CHAR: ["Something is missing here: a closing quote, bracket or brace, a comma, or a colon.", quoting],
  MULTILINE_IMPLICIT_KEY: ["A key can't go over several lines.", "Give each key a colon and a value."],
  UNEXPECTED_TOKEN: ["This can't stand here.", quoting],
  MULTIPLE_DOCS: ["The file has a second document.", "Take out the line --- and what comes after it."],
  TAG_RESOLVE_FAILED: ["Tags (a value that begins with !) are not read.", quoting],
  BAD_ALIAS: ["A value that begins with * is an alias, and this is none.", "Put the value into quotes."],
  ALIAS_PROPS: ["An alias can't have a tag or an anchor.", quoting],
  BAD_DIRECTIVE: ["Directives (lines that begin with %) are not read.", "Take the line out."],
};
