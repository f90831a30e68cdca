import type { CloudErrorCode } from "../../model/cloud/error-codes.ts";
import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { longestPasswordBytes, type PasswordProblem, shortestPassword } from "../../model/password.ts";
import { shown } from "../../model/quote.ts";

/* What identity refuses, in words. None repeats a password or a token; none tells a stranger whether a user exists. */

type Values = Readonly<Record<string, string | number | boolean>>;

function error(code: CloudErrorCode, where: string, details: string, remedy: string, values: Values = {}): CloudError {
  return new CloudError(refusalOf(code, { where, details, remedy, values }));
}

/** @param why a sentence */
export function invalidSession(why: string): CloudError {
  return error("IDENTITY.1001", "session", why, "Log in.");
}

/** @param retryAfterMs 0: at once */
export function wrongPassword(attemptsLeft: number, retryAfterMs: number): CloudError {
  const details = "No user has this name and this password.";
  const remedy =
    retryAfterMs > 0
      ? `Try again in ${seconds(retryAfterMs)}.`
      : "Give the right ones. On a management node, zstack-ctl reset_password sets the password back.";
  return error("IDENTITY.1002", "log-in", details, remedy, { attemptsLeft, ...after(retryAfterMs) });
}

export function mustChangePassword(userName: string): CloudError {
  const details = `${shown(userName)} has a password that others may know, for it is the initial one.`;
  return error("IDENTITY.1003", "session", details, "Change the password; until then only that and log-out work.");
}

export function disabledUser(userName: string): CloudError {
  const remedy = "An administrator can enable it.";
  return error("IDENTITY.1004", `User ${shown(userName)}`, "Nobody can log in as this user now.", remedy);
}

/** @param what of what there were too many, as the end of a sentence */
export function slowed(what: string, retryAfterMs: number): CloudError {
  const remedy = `Try again in ${seconds(retryAfterMs)}.`;
  return error("IDENTITY.1005", "log-in", `There were too many ${what}.`, remedy, after(retryAfterMs));
}

export function busy(): CloudError {
  const details = "The manager checks only some passwords at once, and as many as may wait do so already.";
  return error("IDENTITY.1006", "log-in", details, "Wait a moment and try again.");
}

const problems: Record<PasswordProblem, string> = {
  "PASSWORD.EMPTY": "It is empty.",
  "PASSWORD.CONTROL_CHARACTER": "It holds a character that can't be typed.",
  "PASSWORD.TOO_SHORT": `It has fewer than ${shortestPassword} characters.`,
  "PASSWORD.TOO_LONG": `It is longer than ${longestPasswordBytes} bytes.`,
  "PASSWORD.COMMON": "It is one of those that are guessed first.",
  "PASSWORD.SAME": "It is the old one.",
};

export function badPassword(problem: PasswordProblem): CloudError {
  const values = { problem, shortest: shortestPassword, longestBytes: longestPasswordBytes };
  return error("IDENTITY.1007", "password", problems[problem], "Choose another password.", values);
}

/** @param freeAfterMs until the first of them ends by itself, if nobody uses it */
export function tooManySessions(userName: string, sessions: number, maximum: number, freeAfterMs: number): CloudError {
  const details = `${shown(userName)} has ${sessions} sessions, and ${maximum} are allowed.`;
  const remedy =
    "Log out of a session, raise identity.session.maxConcurrent in one, or change the password there, which ends all " +
    `others. Unused, the first ends in ${seconds(freeAfterMs)}. zstack-ctl reset_password on a management node ends all.`;
  return error("IDENTITY.1008", `User ${shown(userName)}`, details, remedy, {
    sessions,
    maximum,
    ...after(freeAfterMs),
  });
}

export function unreadablePassword(why: string): CloudError {
  const remedy = "Run zstack-ctl reset_password on a management node.";
  return error("IDENTITY.1009", "password", why, remedy);
}

export function lastResort(): CloudError {
  const details = "admin can't be disabled: nobody could enable it again.";
  return error("IDENTITY.1010", "User admin", details, "Change its password; that ends all other sessions.");
}

export function rootOnly(): CloudError {
  const details = "A password is set without the old one only through root's door, /run/binnacle/manager.sock.";
  const remedy = "On a management node: zstack-ctl reset_password, or Change Passwords on its console.";
  return error("IDENTITY.1030", "caller", details, remedy);
}

function after(retryAfterMs: number): Values {
  return retryAfterMs > 0 ? { retryAfterMs } : {};
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`;
}
