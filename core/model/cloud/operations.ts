import * as z from "zod/mini";
import { bytes, count, jsonObject, line, moment, record, say, uuid } from "./fields.ts";
import { cloudErrorContent } from "./refusal.ts";
import { onOffMachine, type StateMachine } from "./state-machine.ts";

/* What the manager itself keeps: tasks, the audit, alarms, users, sessions. */

export const taskStates = ["Waiting", "Running", "Cancelling", "Succeeded", "Failed", "Cancelled"] as const;
export const taskStateMachine = {
  resource: "Task",
  attribute: "state",
  code: "SYS.1002",
  initial: "Waiting",
  states: {
    Waiting: "Waits for its turn.",
    Running: "Runs; after a restart of the manager it goes on or is taken back.",
    Cancelling: "Being taken back, as somebody wants.",
    Succeeded: "Done; the result is kept.",
    Failed: "Failed and taken back; the error is kept.",
    Cancelled: "Taken back, as somebody wanted.",
  },
  events: {
    start: "A manager begins with it.",
    succeed: "Its last step is done.",
    fail: "A step failed, and all steps before it are taken back.",
    cancel: "Somebody wants it taken back.",
    cancelled: "All its steps are taken back.",
  },
  table: {
    Waiting: { start: "Running", cancel: "Cancelled" },
    Running: { succeed: "Succeeded", fail: "Failed", cancel: "Cancelling" },
    // What is wanted may come too late, or not go well.
    Cancelling: { cancelled: "Cancelled", succeed: "Succeeded", fail: "Failed" },
    Succeeded: {},
    Failed: {},
    Cancelled: {},
  },
} as const satisfies StateMachine<(typeof taskStates)[number], "start" | "succeed" | "fail" | "cancel" | "cancelled">;

export const task = record({
  call: say(line(128), "The API call that it carries out."),
  resourceUuid: say(z.nullable(uuid), "What it works on; null for none, or for several."),
  sessionUuid: say(z.nullable(uuid), "Who wanted it; null for the manager itself."),
  state: say(z.enum(taskStates), "Where it is in its life."),
  progress: say(count.check(z.maximum(100)), "Percent that is done."),
  step: say(z.nullable(line(128)), "What is being done; null before and after."),
  cancellable: say(z.boolean(), "Whether cancelling would still be obeyed, now or before a later step."),
  startDate: say(z.nullable(moment), "When it began, in milliseconds since the epoch; or null."),
  endDate: say(z.nullable(moment), "When it ended, in milliseconds since the epoch; or null."),
  result: say(z.nullable(jsonObject), "What the call gives, as its documentation says; null until then."),
  error: say(z.nullable(cloudErrorContent), "Why it failed, as the call would have answered; null if it did not."),
});

/**
 * Stands for the name at a log-in that is no user's. Many a password was typed as a name: such a text is kept nowhere, as
 * the audit of Linux writes `acct="(unknown)"`.
 */
export const unknownAccount = "unknown account";
/** Characters of the arguments of one call. */
export const longestArguments = 2048;

export const auditRecord = record({
  call: say(line(128), "The API call."),
  resourceUuid: say(z.nullable(uuid), "What it was about, or null."),
  taskUuid: say(
    z.nullable(uuid),
    "The task that carries it out; null for none. The audit keeps more than there are tasks.",
  ),
  accountName: say(
    z.nullable(line(255)),
    `Who called, or, of a log-in, wanted to: "${unknownAccount}" where there is none of that name. null without a session.`,
  ),
  clientAddress: say(line(64), "Where the call came from."),
  arguments: say(
    z.nullable(line(longestArguments)),
    "What a change was given, as name=web-1, cut where it is long, without secrets; null where nothing is to be told.",
  ),
  succeeded: say(
    z.nullable(z.boolean()),
    "Whether it did what was asked; null until its task has ended, and of a repeated call, whose first one tells it.",
  ),
  errorCode: say(z.nullable(line(32)), "The code of the error, of the call or of its task; or null."),
  durationMs: say(
    count,
    "Milliseconds from the call to its answer; of a change, to the decision that was written; of a task, to its end.",
  ),
  requestBytes: say(bytes, "Size of the call's body."),
  count: say(
    count.check(z.minimum(1)),
    "Calls it stands for: those that only read share one a minute, with the longest duration.",
  ),
});

export const alarmStatuses = ["InsufficientData", "OK", "Alarm"] as const;
export const alarmStateMachine = onOffMachine("Alarm", "SYS.1002", "It is not watched.");
export const alarmStatusMachine = {
  resource: "Alarm",
  attribute: "status",
  code: "SYS.1002",
  initial: "InsufficientData",
  states: {
    InsufficientData: "Nothing is known of what it watches.",
    OK: "What it watches is as it should be.",
    Alarm: "What it watches is not as it should be.",
  },
  events: { clear: "The condition does not hold.", raise: "The condition holds.", miss: "The figures stay away." },
  table: {
    InsufficientData: { clear: "OK", raise: "Alarm" },
    OK: { raise: "Alarm", miss: "InsufficientData" },
    Alarm: { clear: "OK", miss: "InsufficientData" },
  },
} as const satisfies StateMachine<(typeof alarmStatuses)[number], "clear" | "raise" | "miss">;

export const alarm = record({
  resourceUuid: say(z.nullable(uuid), "What it watches; null for the cloud as a whole."),
  metric: say(line(255), "The figure that it watches."),
  comparison: say(z.enum(["above", "below"]), "On which side of the threshold it is raised."),
  threshold: say(z.number(), "In the figure's own unit."),
  periodSeconds: say(z.int().check(z.minimum(1), z.maximum(86_400)), "How long the condition must hold."),
  state: say(z.enum(["Enabled", "Disabled"]), "Whether it is watched."),
  status: say(z.enum(alarmStatuses), "What was seen last."),
});

export const userState = onOffMachine("User", "IDENTITY.1010", "Nobody can log in as this user.");
export const user = record({
  state: say(z.enum(["Enabled", "Disabled"]), "Whether anybody may log in as this user."),
  mustChangePassword: say(z.boolean(), "The password was reset: the next log-in has to change it."),
  passwordChangeDate: say(z.nullable(moment), "When the password was changed last; or null."),
});

export const session = record({
  userUuid: say(uuid, "Who has logged in."),
  clientAddress: say(line(64), "Where the log-in came from."),
  lastUseDate: say(moment, "When it was used last, in milliseconds since the epoch."),
});

/** Whether a session is over: not used for `timeoutSeconds`. A clock that was set back ends none. */
export function isSessionOver({ lastUseDate }: { lastUseDate: number }, timeoutSeconds: number, now: number): boolean {
  return now - lastUseDate >= timeoutSeconds * 1000;
}
