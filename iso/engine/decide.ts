import type * as z from "zod/mini";
import { NodeError } from "../../core/model/error.ts";
import { firstDraft } from "../../core/model/installation/defaults.ts";
import type { Draft } from "../../core/model/installation/draft.ts";
import type { Hardware } from "../../core/model/installation/hardware.ts";
import type {
  InstallerCall,
  InstallerState,
  InstallFailure,
  InstallStep,
  installerCalls,
} from "../../core/model/installation/protocol.ts";
import { passwordProblems } from "../../core/model/password.ts";
import { Secret } from "../../core/model/secret.ts";
import { resumeStep } from "./progress.ts";
import { answersLeader, type EngineState, problemsOf } from "./state.ts";

/*
 * What a call or an event makes of the state, and what the engine then has to do. No clock, no I/O.
 */

export type CallArgs = { [C in InstallerCall]: z.infer<(typeof installerCalls)[C]["args"]> };
/** A call whose arguments have been checked. */
export type Call = { [C in InstallerCall]: { call: C; args: CallArgs[C] } }[InstallerCall];

/** Something that the engine does; what comes of it returns as an event, or as the answer to the call. */
export type Effect =
  | { kind: "probe" }
  | { kind: "install"; from: InstallStep }
  | { kind: "abandon" }
  | { kind: "hashPassword"; which: "root" | "admin"; password: Secret }
  | { kind: "tryDhcp" }
  | { kind: "collect"; to: string }
  | { kind: "power"; action: "reboot" | "poweroff" };

export type Decision = { state: EngineState; effect: Effect | null };

/** Calls that need no lead. */
const watching: readonly InstallerCall[] = ["hello", "lead", "collect"];

/** Phases in which each call makes sense; the others are refused with PHASE.WRONG. */
const phases: Readonly<Partial<Record<InstallerCall, readonly InstallerState["phase"][]>>> = {
  turnTo: ["questions"],
  setLocale: ["questions"],
  setRole: ["questions"],
  setDisk: ["questions"],
  setNetwork: ["questions"],
  setPassword: ["questions"],
  tryDhcp: ["questions"],
  probe: ["questions"],
  install: ["questions"],
  retry: ["failed"],
  backToQuestions: ["failed", "refused", "installing"],
  finish: ["questions", "failed", "done", "refused"],
};

/**
 * What the call of a front end named `from` leads to.
 * @throws NodeError LEAD.OTHER, PHASE.WRONG, CONFIRM.NAME, DRAFT.PROBLEMS, INSTALL.NO_WAY_BACK, or a code of
 * core/model/password.ts; the state stays as it is then
 */
export function decide(before: EngineState, from: string, call: Call): Decision {
  requirePhase(before, call.call);
  const state = watching.includes(call.call) ? before : leading(before, from);
  const { draft } = state;
  switch (call.call) {
    case "hello":
      return only(state);
    case "lead":
      return only({ ...state, leader: from });
    case "turnTo":
      return only({ ...state, question: call.args.question });
    case "collect":
      return { state, effect: { kind: "collect", to: call.args.to } };
    case "retry":
      return retry(state);
    case "backToQuestions":
      return backToQuestions(state);
    case "finish":
      return { state, effect: { kind: "power", action: call.args.action } };
    case "probe":
      return { state: { ...state, phase: "probing" }, effect: { kind: "probe" } };
    default:
      if (draft === null) throw wrongPhase("probing");
      return decideDraft(state, draft, call);
  }
}

function decideDraft(
  state: EngineState,
  draft: Draft,
  call: Extract<Call, { call: `set${string}` | "tryDhcp" | "install" }>,
): Decision {
  switch (call.call) {
    case "setLocale":
      return only(withDraft(state, { ...draft, locale: call.args }));
    case "setRole":
      return only(withDraft(state, { ...draft, role: call.args.role }));
    case "setDisk":
      return only(withDraft(state, { ...draft, disk: { ...call.args, erase: false } }));
    case "setNetwork":
      return only(withDraft(state, { ...draft, network: call.args }));
    case "setPassword": {
      const { which, password } = call.args;
      requireGoodPassword(password);
      return { state, effect: { kind: "hashPassword", which, password: new Secret(password) } };
    }
    case "tryDhcp":
      return { state, effect: { kind: "tryDhcp" } };
    case "install":
      return install(state, draft, call.args.typed);
  }
}

/** The point of no return. */
function install(state: EngineState, draft: Draft, typed: string): Decision {
  const { disk } = draft.disk;
  const problem = problemsOf(state).find(({ severity }) => severity === "error");
  if (problem !== undefined || disk === null)
    throw new NodeError("DRAFT.PROBLEMS", problem?.description ?? "No disk is chosen.", {
      remedy: problem?.remedy ?? "Choose a disk.",
      values: problem === undefined ? {} : { problem: problem.code, field: problem.field },
    });
  if (typed.trim() !== disk)
    throw new NodeError("CONFIRM.NAME", `The disk that is erased is called ${disk}; something else was typed.`, {
      remedy: `Type ${disk} to erase it, or go back.`,
      values: { disk },
    });
  return started(withDraft(state, { ...draft, disk: { ...draft.disk, erase: true } }), "check");
}

function started(state: EngineState, from: InstallStep): Decision {
  const next = { ...state, phase: "installing", failure: null, refusal: [] } as const;
  return { state: next, effect: { kind: "install", from } };
}

function retry(state: EngineState): Decision {
  const { failure } = state;
  return started(state, failure === null ? "check" : resumeStep(failure.step, failure.code));
}

/** An installation that has not touched a disk yet can be called off; one that has can't. */
function backToQuestions(state: EngineState): Decision {
  if (state.phase === "installing" && state.running !== null && state.running.step !== "check")
    throw new NodeError(
      "INSTALL.NO_WAY_BACK",
      "The disk is being written: there is no way back until this has ended.",
      {
        remedy: "Wait for the end of the installation.",
      },
    );
  const draft = state.draft === null ? null : { ...state.draft, disk: { ...state.draft.disk, erase: false } };
  const next = { ...state, draft, phase: "probing", failure: null, refusal: [], running: null } as const;
  return { state: next, effect: { kind: "abandon" } };
}

/** An installation that an answer file asks for: nobody is there to confirm it. The draft has been checked. */
export function installUnattended(state: EngineState, draft: Draft): Decision {
  return started({ ...state, draft, leader: answersLeader }, "check");
}

/** What has happened, apart from calls. */
export type EngineEvent =
  | { kind: "probed"; hardware: Hardware }
  | { kind: "hashed"; which: "root" | "admin"; hash: string }
  | { kind: "step"; step: InstallStep; atMs: number }
  | { kind: "share"; share: number }
  | { kind: "failed"; failure: InstallFailure }
  | { kind: "done" }
  | { kind: "refused"; lines: readonly string[] }
  | { kind: "medium"; medium: InstallerState["medium"] }
  | { kind: "log"; lines: readonly string[] }
  | { kind: "vnc"; vnc: InstallerState["vnc"] }
  | { kind: "gone"; name: string };

/** Lines that are kept; front ends get the newest of them, `collect` all. */
const keptLogLines = 5000;

/** What an event makes of the state. */
export function absorb(state: EngineState, event: EngineEvent): EngineState {
  switch (event.kind) {
    case "probed":
      return probed(state, event.hardware);
    case "hashed":
      // Too late: the installation goes by the draft that was confirmed.
      if (state.draft === null || state.phase !== "questions") return state;
      return withDraft(state, { ...state.draft, passwords: { ...state.draft.passwords, [event.which]: event.hash } });
    case "step":
      return { ...state, running: { step: event.step, share: 0, startedMs: state.running?.startedMs ?? event.atMs } };
    case "share":
      return state.running === null ? state : { ...state, running: { ...state.running, share: event.share } };
    case "failed":
      return state.phase === "installing" ? { ...state, phase: "failed", failure: event.failure } : state;
    case "done":
      return state.phase === "installing" ? { ...state, phase: "done" } : state;
    case "refused":
      return { ...state, phase: "refused", leader: null, refusal: event.lines };
    case "medium":
      return { ...state, medium: event.medium };
    case "log":
      return { ...state, log: [...state.log, ...event.lines].slice(-keptLogLines) };
    case "vnc":
      return { ...state, vnc: event.vnc };
    case "gone":
      // Whoever presses a key next leads; an installation goes on in any case.
      return state.leader === event.name ? { ...state, leader: null } : state;
  }
}

/** Answers stay when the hardware is looked at again; a disk that is gone is no longer chosen. */
function probed(state: EngineState, hardware: Hardware): EngineState {
  const phase = state.phase === "probing" ? "questions" : state.phase;
  const { draft } = state;
  if (draft === null) return { ...state, hardware, phase, draft: firstDraft(hardware) };
  const there = (name: string | null) => (hardware.disks.some((disk) => disk.name === name) ? name : null);
  const disk = { ...draft.disk, disk: there(draft.disk.disk), mirror: there(draft.disk.mirror) };
  return { ...state, hardware, phase, draft: { ...draft, disk } };
}

function leading(state: EngineState, from: string): EngineState {
  if (state.leader !== null && state.leader !== from)
    throw new NodeError("LEAD.OTHER", `The installation is led from ${state.leader}.`, {
      remedy: "Take over to go on from here.",
      values: { leader: state.leader },
    });
  return { ...state, leader: from };
}

function requirePhase({ phase }: EngineState, call: InstallerCall): void {
  const allowed = phases[call];
  if (allowed !== undefined && !allowed.includes(phase)) throw wrongPhase(phase);
}

function wrongPhase(phase: InstallerState["phase"]): NodeError {
  return new NodeError("PHASE.WRONG", `This can't be done now (${phase}).`, { values: { phase } });
}

function requireGoodPassword(password: string): void {
  const [problem] = passwordProblems(password);
  if (problem === undefined) return;
  throw new NodeError(problem, "The password can't be used.", { remedy: "Choose another password." });
}

function withDraft(state: EngineState, draft: Draft): EngineState {
  return { ...state, draft };
}

function only(state: EngineState): Decision {
  return { state, effect: null };
}
