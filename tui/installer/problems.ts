import type { DraftProblem, DraftSection, InstallRole } from "../../core/model/installation/draft.ts";
import { formatBytes as formatSoldBytes } from "../../core/model/installation/problem.ts";
import { draftProblems } from "../../core/model/installation/problems.ts";
import type { InstallerState } from "../../core/model/installation/protocol.ts";
import type { Canvas } from "../terminal/canvas.ts";
import { wrap } from "../terminal/width.ts";
import { formatBytes } from "../widgets/format.ts";
import type { Known, View } from "./screen.ts";
import type { InstallerTranslate } from "./texts.ts";

/**
 * What keeps the installation from beginning. That a disk with data needs leave to be erased does not count here: the
 * technician gives it by typing the disk's name, in the last step.
 */
export function blocking(state: InstallerState): DraftProblem[] {
  return state.problems.filter(({ severity, code }) => severity === "error" && code !== "DISK.ERASE");
}

/** What is wrong with the answers of one section. */
export function errorsOf(state: InstallerState, section: DraftSection): DraftProblem[] {
  return blocking(state).filter((problem) => problem.section === section);
}

/** What the machine lacks for a role, before the engine was asked for it. */
export function machineProblems({ draft, hardware }: Known, role: InstallRole): DraftProblem[] {
  const asked = { ...draft, role, passwords: { root: null, admin: null } };
  return draftProblems(asked, hardware).filter(({ section }) => section === "role");
}

/** The sentence for a problem in the console's language; the engine's own words where the catalogue has none. */
export function problemWords(t: InstallerTranslate, problem: DraftProblem): string {
  const { code, description, remedy } = problem;
  const why = problem.values["why"] ?? problem.values["kind"];
  const values = Object.fromEntries(
    Object.entries(problem.values).map(([name, value]) => [name, shown(code, name, value)]),
  );
  const own = t.find(`problem.${code}.${why}`, values) ?? t.find(`problem.${code}`, values);
  return own ?? `${description} ${remedy}`.trim();
}

/** Memory and disks are told as they are sold, partitions as they are made. */
function shown(code: string, name: string, value: string | number): string | number {
  if (typeof value !== "number" || !/Bytes$/.test(name)) return value;
  return code.startsWith("PARTITION.") ? formatBytes(value) : formatSoldBytes(value);
}

/** Draws the problems of a section, a paragraph each; returns how many there are. */
export function drawProblems(canvas: Canvas, { t, state }: View, section: DraftSection): number {
  const problems = state.problems.filter((problem) => problem.section === section && problem.code !== "DISK.ERASE");
  let y = 1;
  for (const problem of problems)
    for (const line of wrap(problemWords(t, problem), canvas.width))
      canvas.text(0, y++, line, problem.severity === "error" ? "bad" : "warn");
  return problems.length;
}
