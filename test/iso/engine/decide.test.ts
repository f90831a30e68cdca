import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import { type InstallFailure, installSteps } from "../../../core/model/installation/protocol.ts";
import { absorb, type Call, decide, installUnattended } from "../../../iso/engine/decide.ts";
import { remainingSeconds, resumeStep, wholeShare } from "../../../iso/engine/progress.ts";
import { type EngineState, firstState, shown } from "../../../iso/engine/state.ts";
import { aDisk, aDraft, aMachine, someHash } from "./samples.ts";

const refuses = (code: string) => (error: unknown) => error instanceof NodeError && error.code === code;
const failure: InstallFailure = {
  step: "copy",
  code: "STEP.COMMAND",
  description: "",
  remedy: "",
  command: null,
  lastLines: [],
};
const locale: Call = { call: "setLocale", args: { language: "zh_CN", keyboard: "us", timezone: "UTC" } };
const setPassword: Call = { call: "setPassword", args: { which: "root", password: "correct horse" } };
const install = (typed: string): Call => ({ call: "install", args: { typed } });

/** At the questions, with everything answered. */
function asking(more: Partial<EngineState> = {}): EngineState {
  const hardware = aMachine();
  return { ...firstState("1.2.3"), phase: "questions", hardware, draft: aDraft(hardware), ...more };
}

test("the first that changes something leads; the others are refused until they take over", () => {
  const { state } = decide(asking(), "tty1", locale);
  assert.equal(state.leader, "tty1");
  assert.throws(() => decide(state, "ttyS0", setPassword), refuses("LEAD.OTHER"));
  const taken = decide(state, "ttyS0", { call: "lead", args: {} }).state;
  assert.equal(taken.leader, "ttyS0");
  assert.throws(() => decide(taken, "tty1", locale), refuses("LEAD.OTHER"));
});

test("where the leader is stays known, for whoever takes over; nobody else says where that is", () => {
  const turnTo = { call: "turnTo", args: { question: "network" } } as const;
  const { state } = decide(asking(), "tty1", turnTo);
  assert.deepEqual([state.leader, state.question], ["tty1", "network"]);
  assert.throws(() => decide(state, "ttyS0", turnTo), refuses("LEAD.OTHER"));
  assert.equal(absorb(state, { kind: "gone", name: "tty1" }).question, "network");
});

test("a leader that goes leaves the lead to whoever comes next; anybody else's going changes nothing", () => {
  const { state } = decide(asking(), "tty1", locale);
  assert.equal(absorb(state, { kind: "gone", name: "ttyS0" }).leader, "tty1");
  assert.equal(absorb(state, { kind: "gone", name: "tty1" }).leader, null);
});

test("a watcher may collect the log", () => {
  const { state } = decide(asking(), "tty1", locale);
  assert.deepEqual(decide(state, "ttyS0", { call: "collect", args: { to: "sdb1" } }).effect, {
    kind: "collect",
    to: "sdb1",
  });
});

test("while the hardware is looked at, and while it installs, no answer is taken", () => {
  for (const phase of ["probing", "installing", "done", "failed", "refused"] as const)
    for (const call of [locale, setPassword, install("sda")])
      assert.throws(() => decide(asking({ phase }), "tty1", call), refuses("PHASE.WRONG"), `${phase} ${call.call}`);
});

test("the installation starts when the name of the disk is typed, and the draft then says that it may be erased", () => {
  assert.throws(() => decide(asking(), "tty1", install("sdb")), refuses("CONFIRM.NAME"));
  assert.throws(() => decide(asking(), "tty1", install("")), refuses("CONFIRM.NAME"));
  const before = asking();
  const { state, effect } = decide(before, "tty1", install("sda"));
  assert.deepEqual(effect, { kind: "install", from: "check" });
  assert.equal(state.phase, "installing");
  assert.equal(state.draft?.disk.erase, true);
  assert.equal(before.draft?.disk.erase, false);
});

test("a draft with an error is not installed, whatever is typed", () => {
  const hardware = aMachine();
  const draft = aDraft(hardware, { passwords: { root: null, admin: someHash } });
  assert.throws(() => decide(asking({ draft }), "tty1", install("sda")), refuses("DRAFT.PROBLEMS"));
});

test("a bad password is refused, a good one is hashed; neither shows in what is decided", () => {
  const bad: Call = { call: "setPassword", args: { which: "root", password: "short" } };
  assert.throws(() => decide(asking(), "tty1", bad), refuses("PASSWORD.TOO_SHORT"));
  const decision = decide(asking(), "tty1", setPassword);
  assert.doesNotMatch(JSON.stringify(decision), /correct horse/);
});

test("a password that is hashed too late changes nothing of what is being installed", () => {
  const before = asking({ phase: "installing" });
  assert.equal(absorb(before, { kind: "hashed", which: "root", hash: "$y$late" }).draft, before.draft);
  assert.equal(absorb(asking(), { kind: "hashed", which: "root", hash: "$y$new" }).draft?.passwords.root, "$y$new");
});

test("front ends see whether there is a password, never its hash", () => {
  const state = shown(asking(), 0);
  assert.deepEqual(state.draft?.passwordsSet, { root: true, admin: true });
  assert.doesNotMatch(JSON.stringify(state), /\$y\$/);
});

test("choosing a disk takes back that it may be erased", () => {
  const hardware = aMachine();
  const draft = aDraft(hardware);
  const erased = asking({ draft: { ...draft, disk: { ...draft.disk, erase: true } } });
  const call: Call = { call: "setDisk", args: { disk: "sda", mirror: null, custom: null } };
  assert.equal(decide(erased, "tty1", call).state.draft?.disk.erase, false);
});

test("answers survive a new look at the hardware; a disk that is gone is no longer chosen", () => {
  const state = decide(asking({ hardware: aMachine() }), "tty1", locale).state;
  const probing = decide(state, "tty1", { call: "probe", args: {} }).state;
  assert.equal(probing.phase, "probing");
  const after = absorb(probing, { kind: "probed", hardware: aMachine({ disks: [aDisk("sdb")] }) });
  assert.equal(after.phase, "questions");
  assert.equal(after.draft?.locale.language, "zh_CN");
  assert.equal(after.draft?.disk.disk, null);
});

test("before the disk is touched one can go back, afterwards not", () => {
  const at = (step: (typeof installSteps)[number]) =>
    asking({ phase: "installing", running: { step, share: 0, startedMs: 0 } });
  const back: Call = { call: "backToQuestions", args: {} };
  assert.deepEqual(decide(at("check"), "tty1", back).effect, { kind: "abandon" });
  for (const step of installSteps.filter((name) => name !== "check"))
    assert.throws(() => decide(at(step), "tty1", back), refuses("INSTALL.NO_WAY_BACK"), step);
});

test("a failure can be tried again from the step that the disk's state allows", () => {
  const failed = absorb(asking({ phase: "installing" }), { kind: "failed", failure });
  assert.equal(failed.phase, "failed");
  assert.deepEqual(decide(failed, "tty1", { call: "retry", args: {} }).effect, { kind: "install", from: "copy" });
  assert.equal(resumeStep("format", "STEP.COMMAND"), "partition");
  assert.equal(resumeStep("verify", "VERIFY.DIFFERS"), "copy");
  assert.equal(resumeStep("copy", "COPY.FAILED"), "partition");
  assert.equal(resumeStep("check", "CHECK.DISK"), "check");
  assert.equal(resumeStep("bootloader", "STEP.COMMAND"), "bootloader");
});

test("an installation that was called off does not fail or finish afterwards", () => {
  assert.equal(absorb(asking(), { kind: "failed", failure }).phase, "questions");
  assert.equal(absorb(asking(), { kind: "done" }).phase, "questions");
});

test("a machine that installs is not rebooted by a call", () => {
  const finish: Call = { call: "finish", args: { action: "reboot" } };
  assert.throws(() => decide(asking({ phase: "installing" }), "tty1", finish), refuses("PHASE.WRONG"));
  assert.deepEqual(decide(asking({ phase: "done" }), "tty1", finish).effect, { kind: "power", action: "reboot" });
});

test("an answer file leads its installation; a refused one leaves the questions to a technician", () => {
  const hardware = aMachine();
  assert.equal(installUnattended(asking(), aDraft(hardware)).state.leader, "answers");
  const refused = absorb(asking(), { kind: "refused", lines: ["answers.yaml:3:1: no such disk"] });
  assert.equal(refused.phase, "refused");
  assert.deepEqual(decide(refused, "tty1", { call: "backToQuestions", args: {} }).effect, { kind: "abandon" });
});

test("the shares of the steps add up, and the remaining time is told once there is something to tell it by", () => {
  let last = 0;
  for (const step of installSteps) {
    assert.equal(wholeShare(step, 0), last);
    last = wholeShare(step, 1);
  }
  assert.equal(last, 1);
  assert.equal(remainingSeconds(0.05, 10), null);
  assert.equal(remainingSeconds(0.25, 30), 90);
});

test("front ends get the newest 200 lines of the log", () => {
  const lines = Array.from({ length: 450 }, (_, nth) => `line ${nth}`);
  const { log } = shown(absorb(asking(), { kind: "log", lines }), 0);
  assert.equal(log.length, 200);
  assert.equal(log.at(-1), "line 449");
});
