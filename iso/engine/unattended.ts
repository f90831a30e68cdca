import type { Draft } from "../../core/model/installation/draft.ts";
import type { Hardware } from "../../core/model/installation/hardware.ts";
import type { InstallerState } from "../../core/model/installation/protocol.ts";
import { draftFromAnswers } from "../answers/draft.ts";
import { type AnswerProblem, describeProblems } from "../answers/problem.ts";
import { readAnswers } from "../answers/read.ts";
import type { FoundAnswers } from "./answers-source.ts";
import type { Call } from "./decide.ts";
import { answersLeader } from "./state.ts";

/** What an answer file needs of the engine. */
export type Unattended = {
  readonly hardware: Hardware | null;
  state(): InstallerState;
  log(line: string): void;
  refuse(lines: readonly string[]): void;
  installUnattended(draft: Draft): Promise<void>;
  call(from: string, call: Call): Promise<object>;
};

/** Carries out an answer file: all of it, or nothing. */
export async function carryOutAnswers(found: FoundAnswers, engine: Unattended): Promise<void> {
  const judged = judgeAnswers(found, engine.hardware);
  if ("refusal" in judged) return engine.refuse(judged.refusal);
  for (const line of judged.warnings) engine.log(line);
  engine.log(`installing by ${found.from}`);
  await engine.installUnattended(judged.draft);
  const { afterwards } = judged.draft;
  const { phase, leader } = engine.state();
  // Somebody who has taken over decides what comes next.
  if (phase !== "done" || afterwards === "ask" || leader !== answersLeader) return;
  await engine.call(answersLeader, { call: "finish", args: { action: afterwards } });
}

/** The draft of an answer file, or the lines that say why there is none. */
export function judgeAnswers(
  found: FoundAnswers,
  hardware: Hardware | null,
): { draft: Draft; warnings: string[] } | { refusal: string[] } {
  if ("unreadable" in found) return { refusal: [`${found.from}: it can't be read: ${found.unreadable}`] };
  if (hardware === null) return { refusal: [`${found.from}: this machine's hardware is not known`] };
  const { read, problems: formal } = readAnswers(Buffer.from(found.text));
  if (read === null || hasError(formal)) return { refusal: describeProblems(found.from, formal) };
  const { draft, problems } = draftFromAnswers(read, hardware);
  const lines = describeProblems(found.from, [...formal, ...problems]);
  return hasError(problems) ? { refusal: lines } : { draft, warnings: lines };
}

function hasError(problems: readonly AnswerProblem[]): boolean {
  return problems.some(({ severity }) => severity === "error");
}
