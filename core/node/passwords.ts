import { NodeError } from "../model/error.ts";
import { longestPasswordBytes, type PasswordProblem, passwordProblems, shortestPassword } from "../model/password.ts";
import type { Secret } from "../model/secret.ts";

/** The password behind which everything lies that changes the node. */
export type Passwords = {
  /** false only in a preview whose password nobody has chosen yet. */
  isSet(): Promise<boolean>;
  /**
   * Whether this is the password. An error is no answer: the account is locked or expired, or nobody could check.
   * @throws PASSWORD.LOCKED, PASSWORD.NONE, PASSWORD.EXPIRED, PASSWORD.NOT_CHECKED
   */
  check(password: Secret): Promise<boolean>;
  /**
   * @throws PASSWORD.WRONG_OLD, PASSWORD.NOT_CHANGED (the old one still holds), the codes of `passwordProblems`, and
   * those of `check`
   */
  change(old: Secret, next: Secret): Promise<void>;
  /** Sets the first password. @throws PASSWORD.ALREADY_SET and the codes of `passwordProblems` */
  choose(next: Secret): Promise<void>;
};

const sentences: Record<PasswordProblem, string> = {
  "PASSWORD.EMPTY": "The new password is empty.",
  "PASSWORD.CONTROL_CHARACTER": "The new password holds a character that can't be typed at a login prompt.",
  "PASSWORD.TOO_SHORT": `The new password has fewer than ${shortestPassword} characters.`,
  "PASSWORD.TOO_LONG": `The new password is longer than the ${longestPasswordBytes} bytes that the system can take.`,
  "PASSWORD.COMMON": "The new password is one of those that are guessed first.",
  "PASSWORD.SAME": "The new password is the old one.",
};

/** Throws the first problem of a new password, if there is one. */
export function requireGoodPassword(next: Secret, old?: Secret): void {
  const [problem] = passwordProblems(next.reveal(), old?.reveal());
  if (problem === undefined) return;
  throw new NodeError(problem, sentences[problem], {
    remedy: "Choose another password.",
    values: { shortest: shortestPassword, longestBytes: longestPasswordBytes },
  });
}

export function wrongOld(): NodeError {
  return new NodeError("PASSWORD.WRONG_OLD", "The old password is wrong; nothing was changed.");
}

export function alreadySet(): NodeError {
  return new NodeError("PASSWORD.ALREADY_SET", "There is a password already.", {
    remedy: "Give it, and change it under Change Passwords.",
  });
}
