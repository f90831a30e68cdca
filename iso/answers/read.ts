import type * as z from "zod/mini";
import { hashProblem } from "../../core/model/installation/crypt-hash.ts";
import { type Answers, answersFormat } from "./format.ts";
import type { AnswerProblem } from "./problem.ts";
import { closest, shown } from "./words.ts";
import { mostProblems, type Path, type Place, readYaml, type YamlFile } from "./yaml.ts";

/** An answer file that has the right form, and where its answers stand. */
export type ReadAnswers = { answers: Answers; place: (path: Path) => Place; text: (path: Path) => string };

/** Reads an answer file as far as it can be judged without a machine's hardware; `read` is null when anything is wrong. */
export function readAnswers(bytes: Uint8Array): { read: ReadAnswers | null; problems: AnswerProblem[] } {
  const { file, problems } = readYaml(bytes);
  if (file === null) return { read: null, problems };
  const parsed = answersFormat.safeParse(file.data);
  if (!parsed.success) {
    const issues = parsed.error.issues.slice(0, mostProblems);
    return { read: null, problems: issues.flatMap((issue) => explain(issue, [], file)) };
  }
  return { read: { answers: parsed.data, place: file.place, text: file.text }, problems: [] };
}

function explain(issue: z.core.$ZodIssue, above: Path, file: YamlFile): AnswerProblem[] {
  const path = [...above, ...issue.path.map((part) => (typeof part === "symbol" ? String(part) : part))];
  const kind = file.kind(path);
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    // All unions of the format are of a single value, first, and a mapping, last.
    const branch = (kind === "mapping" ? issue.errors.at(-1) : issue.errors[0]) ?? [];
    return branch.flatMap((inner) => explain(inner, path, file));
  }
  if (issue.code === "unrecognized_keys")
    return issue.keys.slice(0, mostProblems).map((key) => unknownKey([...path, key], issue.message, file));
  const where = path.join(".");
  const allowed = allowedSentence(issue);
  if (kind === "absent") return [problem(file.place(path, "key"), `${where} is missing.`, allowed)];
  if (kind === "empty") return [problem(file.place(path), `${where} has no value.`, allowed)];
  // A mapping or list of the right type that is refused as a whole lacks something.
  const wrong = wrongValue(path, kind, issue.code !== "invalid_type" && issue.code !== "invalid_value", file);
  return [problem(file.place(path), wrong, allowed + meant(path, kind, issue, file))];
}

function problem(place: Place, description: string, remedy: string): AnswerProblem {
  return { ...place, severity: "error", description, remedy, list: [] };
}

function allowedSentence(issue: z.core.$ZodIssue): string {
  const isMapping = issue.code === "invalid_type" && issue.expected === "object";
  return `Allowed: ${isMapping ? "a mapping with the keys " : ""}${issue.message}.`;
}

const kinds = { text: "a single value", mapping: "a mapping", list: "a list" } as const;

function wrongValue(path: Path, kind: keyof typeof kinds, isTooLittle: boolean, file: YamlFile): string {
  const where = path.join(".");
  if (kind !== "text") return `${where} ${isTooLittle ? "is empty" : `can't be ${kinds[kind]}`}.`;
  if (!isSecret(path)) return `${where} can't be ${shown(file.text(path))}.`;
  if (path.length < 2) return `${where} can't be a single value.`;
  switch (hashProblem(file.text(path))) {
    case "weak":
      return `${where} is a hash by a method that is guessed too fast.`;
    case "malformed":
      return `${where} is not a whole hash: characters are missing or wrong.`;
    default:
      return `${where} is not a hash. A password itself is not taken (and not shown here).`;
  }
}

function meant(path: Path, kind: string, issue: z.core.$ZodIssue, file: YamlFile): string {
  if (kind !== "text" || isSecret(path) || issue.code !== "invalid_value") return "";
  const word = closest(file.text(path), issue.values.map(String));
  return word === undefined ? "" : ` Did you mean ${word}?`;
}

function unknownKey(path: Path, keys: string, file: YamlFile): AnswerProblem {
  const key = String(path.at(-1));
  const around = path.slice(0, -1).join(".");
  const word = closest(key, keys.split(", "));
  // What stands as a key below passwords may be one.
  const named = isSecret(path) && word === undefined ? "such key" : `key ${shown(key)}`;
  return problem(
    file.place(path, "key"),
    `There is no ${named} ${around === "" ? "in an answer file" : `in ${around}`}.`,
    `Allowed: ${keys}.${word === undefined ? "" : ` Did you mean ${word}?`}`,
  );
}

function isSecret(path: Path): boolean {
  return path[0] === "passwords";
}
