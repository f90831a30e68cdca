/** Something that is wrong with an answer file, and where. Lines and columns count from 1. Never holds a password. */
export type AnswerProblem = {
  line: number;
  column: number;
  severity: "error" | "warning";
  /** What is wrong, in one or two sentences. */
  description: string;
  /** What is allowed, or what to do. */
  remedy: string;
  /** What there is to choose from on this machine, a line each. */
  list: readonly string[];
};

/** The problems as a person reads them, a line each: `FILE:LINE:COLUMN: what is wrong`, below it what is allowed. */
export function describeProblems(file: string, problems: readonly AnswerProblem[]): string[] {
  return problems
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
    .flatMap(({ line, column, severity, description, remedy, list }) => [
      `${file}:${line}:${column}: ${severity === "warning" ? "Warning: " : ""}${description}`,
      ...(remedy === "" ? [] : [`  ${remedy}`]),
      ...list.map((entry) => `    ${entry}`),
    ]);
}
