import { isSessionOver } from "../../model/cloud/operations.ts";
import type { JsonObject } from "../../store/record.ts";
import type { RecordOf } from "../kinds.ts";
import { credentialOf } from "./credentials.ts";

/*
 * When a session is over. Pure.
 *
 * Uses are not written one by one: lastUseDate may be older than the last use by `useGranularityMs`, and a write takes
 * its time. So a session is over `useGranularityMs + writeMs` after its time-out by lastUseDate: never before the
 * time-out has passed since the last use, whichever manager saw it, and that much later at the most.
 *
 * Dates are of the wall clock. Set forward by hours, it ends sessions, for they seem unused; set back, it ends none.
 */

/** What a session's record is judged by. */
export type SessionFacts = {
  readonly session: RecordOf<"Session">;
  readonly token: JsonObject | undefined;
  readonly user: RecordOf<"User"> | undefined;
  readonly credential: JsonObject | undefined;
};

/** Longest time that a use may go unwritten. */
const longestGranularityMs = 60_000;
/** For a write to arrive, with some difference between the clocks of managers. */
const writeMs = 10_000;

/** A use is written when lastUseDate is this old. */
export function useGranularityMs(timeoutSeconds: number): number {
  return Math.min(longestGranularityMs, (timeoutSeconds * 1000) / 4);
}

/** Why a session is over, as a sentence; undefined while it is not. `lastUseDate`: the last use that is known. */
export function whyOver(
  facts: SessionFacts,
  lastUseDate: number,
  timeoutSeconds: number,
  now: number,
): string | undefined {
  const { session, token, user, credential } = facts;
  if (token === undefined) return "It has ended.";
  if (user === undefined) return "Its user has been deleted.";
  if (user.state !== "Enabled") return "Its user has been disabled.";
  if (token["passwordId"] !== credentialOf(credential)?.passwordId) return "Its user's password was changed.";
  const limitSeconds = timeoutSeconds + (useGranularityMs(timeoutSeconds) + writeMs) / 1000;
  if (!isSessionOver({ lastUseDate: Math.max(session.lastUseDate, lastUseDate) }, limitSeconds, now)) return;
  return `It was not used for more than ${timeoutSeconds} s.`;
}

/** Milliseconds until a session ends if nobody uses it. */
export function remainingMs(session: RecordOf<"Session">, timeoutSeconds: number, now: number): number {
  return session.lastUseDate + timeoutSeconds * 1000 + useGranularityMs(timeoutSeconds) + writeMs - now;
}
