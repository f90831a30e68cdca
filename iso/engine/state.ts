import { draftPlan } from "../../core/model/installation/disk-problems.ts";
import type { Draft, DraftProblem } from "../../core/model/installation/draft.ts";
import type { Hardware } from "../../core/model/installation/hardware.ts";
import { draftProblems } from "../../core/model/installation/problems.ts";
import type {
  InstallerState,
  InstallFailure,
  InstallQuestion,
  InstallStep,
} from "../../core/model/installation/protocol.ts";
import { remainingSeconds, wholeShare } from "./progress.ts";

/** Lines of the log that front ends get. */
const shownLogLines = 200;

/** Everything that the engine knows. Changed by `decide` (calls) and `absorb` (what happened), and nowhere else. */
export type EngineState = {
  version: string;
  phase: InstallerState["phase"];
  leader: string | null;
  question: InstallQuestion;
  hardware: Hardware | null;
  /** With its password hashes: they stay here. */
  draft: Draft | null;
  /** The step that runs or ran last, its share, and when the installation began (monotonic milliseconds). */
  running: { step: InstallStep; share: number; startedMs: number } | null;
  failure: InstallFailure | null;
  refusal: readonly string[];
  medium: InstallerState["medium"];
  log: readonly string[];
  vnc: InstallerState["vnc"];
};

export const answersLeader = "answers";

export function firstState(version: string): EngineState {
  return {
    version,
    phase: "probing",
    leader: null,
    question: "locale",
    hardware: null,
    draft: null,
    running: null,
    failure: null,
    refusal: [],
    medium: { check: "skipped", share: 0, file: null },
    log: [],
    vnc: null,
  };
}

/** What front ends see: no hashes, and the figures that follow from the rest. `nowMs` is monotonic. */
export function shown(state: EngineState, nowMs: number): InstallerState {
  const { draft, hardware, running, refusal, log, ...others } = state;
  return {
    ...others,
    hardware,
    draft: draft === null ? null : withoutHashes(draft),
    problems: problemsOf(state),
    plan: draft === null || hardware === null ? [] : draftPlan(draft, hardware),
    progress: running === null ? null : progressOf(running, nowMs),
    refusal: [...refusal],
    log: log.slice(-shownLogLines),
  };
}

/** What is wrong with the draft, apart from the technician's last word on what is erased. */
export function problemsOf({ draft, hardware }: EngineState): DraftProblem[] {
  if (draft === null || hardware === null) return [];
  return draftProblems({ ...draft, disk: { ...draft.disk, erase: true } }, hardware);
}

function withoutHashes({ passwords, ...draft }: Draft): NonNullable<InstallerState["draft"]> {
  return { ...draft, passwordsSet: { root: passwords.root !== null, admin: passwords.admin !== null } };
}

function progressOf(running: NonNullable<EngineState["running"]>, nowMs: number): InstallerState["progress"] {
  const { step, share, startedMs } = running;
  const whole = wholeShare(step, share);
  const elapsedSeconds = Math.max(0, Math.round((nowMs - startedMs) / 1000));
  return {
    step,
    stepShare: share,
    share: whole,
    elapsedSeconds,
    remainingSeconds: remainingSeconds(whole, elapsedSeconds),
  };
}
