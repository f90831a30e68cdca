import { NodeError } from "../model/error.ts";
import { couldBePassword } from "../model/password.ts";
import type { Secret } from "../model/secret.ts";
import type { Machine, RunResult } from "./machine.ts";
import { alreadySet, type Passwords, requireGoodPassword, wrongOld } from "./passwords.ts";
import { Turns } from "./turns.ts";

/** PAM's own helper (unix_chkpwd(8), Debian package libpam-modules-bin): it reads shadow, so that nobody else has to. */
const helper = "/sbin/unix_chkpwd";
const checkTimeoutMs = 15_000;
/** chpasswd waits very long for the lock of the password files when another program holds it. */
const changeTimeoutMs = 20_000;

/** Exit codes of the helper are PAM's return values. Source: security/_pam_types.h. */
const pam = {
  success: 0,
  authError: 7,
  newPasswordRequired: 12,
  accountExpired: 13,
  /** From `chkexpiry`: the password is too young to be changed by its owner, which does not concern root. */
  tooYoung: 20,
  passwordExpired: 27,
} as const;

/** The password of root on this machine. Has to run as root; passwords go over standard input only. */
export function systemPasswords(machine: Machine): Passwords {
  // One after the other, so that the old password is checked against what the change before has set.
  const turns = new Turns();
  return {
    isSet: async () => true,
    async check(password) {
      if (!(await matches(machine, password))) {
        await requireUsablePassword(machine);
        return false;
      }
      await requireLiveAccount(machine);
      return true;
    },
    change: (old, next) =>
      turns.take(async () => {
        requireGoodPassword(next, old);
        if (!(await matches(machine, old))) throw wrongOld();
        await setPassword(machine, next);
      }),
    choose: async () => {
      throw alreadySet();
    },
  };
}

/** Whether the helper accepts the password. Its protocol: the password and a NUL, through a pipe, never a terminal. */
async function matches(machine: Machine, password: Secret): Promise<boolean> {
  if (!couldBePassword(password.reveal())) return false;
  const { code } = await runHelper(machine, "nonull", `${password.reveal()}\0`);
  if (code === pam.success) return true;
  if (code === pam.authError) return false;
  throw notChecked(`PAM's helper ended with code ${code}`);
}

/** Says so when no password at all can be right. `passwd --status` is the documented way to ask: passwd(1). */
async function requireUsablePassword(machine: Machine): Promise<void> {
  const status = await machine
    .run("passwd", ["--status", "root"], { timeoutMs: checkTimeoutMs, reason: "why no password fits" })
    .catch(() => undefined);
  const state = status?.stdout.split(" ")[1];
  if (state === "L")
    throw new NodeError("PASSWORD.LOCKED", "The account root is locked: no password opens it.", {
      remedy: "Start the rescue system and unlock it there with: passwd root",
    });
  if (state === "NP")
    throw new NodeError("PASSWORD.NONE", "The account root has no password, and none can't be checked.", {
      remedy: "Log in as root on another terminal and set one with: passwd",
    });
}

/**
 * Refuses what a login would refuse. A password that is merely due for a change is let in: this console is where it can
 * be changed.
 */
async function requireLiveAccount(machine: Machine): Promise<void> {
  const { code } = await runHelper(machine, "chkexpiry", "");
  if (code === pam.success || code === pam.newPasswordRequired || code === pam.tooYoung) return;
  if (code === pam.accountExpired || code === pam.passwordExpired)
    throw new NodeError(
      "PASSWORD.EXPIRED",
      code === pam.accountExpired
        ? "The password is right, but the account root has expired."
        : "The password is right, but it expired too long ago.",
      { remedy: "Start the rescue system and give root a new date there with: chage root" },
    );
  throw notChecked(`PAM's helper ended with code ${code} when asked for the account's dates`);
}

async function runHelper(machine: Machine, question: string, input: string): Promise<RunResult> {
  try {
    return await machine.run(helper, ["root", question], { timeoutMs: checkTimeoutMs, input, reason: "check root" });
  } catch (error) {
    throw notChecked(error instanceof Error ? error.message : "the helper could not be run", error);
  }
}

function notChecked(why: string, cause?: unknown): NodeError {
  return new NodeError("PASSWORD.NOT_CHECKED", `The password could not be checked: ${why.replace(/\.$/, "")}.`, {
    remedy: "This is no wrong password. The agent has to run as root, with the package libpam-modules-bin installed.",
    cause,
  });
}

async function setPassword(machine: Machine, next: Secret): Promise<void> {
  let why: string;
  try {
    const input = `root:${next.reveal()}\n`;
    const { code, stderr } = await machine.run("chpasswd", [], {
      timeoutMs: changeTimeoutMs,
      input,
      reason: "change the password of root",
    });
    why = code === 0 ? "it does not open the account" : said(stderr, next, code);
  } catch (error) {
    why =
      error instanceof NodeError && error.code === "RUN.TIMEOUT"
        ? "the password files are in use by another program"
        : said(error instanceof Error ? error.message : "", next, null);
  }
  // What counts is what opens the account now, whatever chpasswd said.
  if (await matches(machine, next)) return;
  throw new NodeError("PASSWORD.NOT_CHANGED", `The password was not changed: ${why}.`, {
    remedy: "The old password still holds. Try again, or look at the log.",
  });
}

/** What PAM's modules said, for instance that a password is too weak; without the password, should one repeat it. */
function said(text: string, next: Secret, code: number | null): string {
  const line = text
    .replaceAll(next.reveal(), String(next))
    .split("\n")
    .map((part) => part.trim())
    .find((part) => part !== "" && !part.startsWith("chpasswd:"));
  if (line !== undefined) return line.replace(/\.$/, "").slice(0, 200);
  return code === null ? "chpasswd could not be run" : `chpasswd ended with code ${code}`;
}
