import { hasEnded, type NetworkTransaction } from "../core/model/network/transaction.ts";

/** A change of the network that goes on, or the last one that ended. */
export type FollowedChange = {
  readonly transaction: NetworkTransaction;
  /**
   * When it is taken back, in milliseconds of the console's own clock that never jumps: a change of the network may
   * set the node's clock. null: it isn't, or not any more.
   */
  readonly deadline: number | null;
};

/** A change as it was told at `monotonic`. */
export function follow(transaction: NetworkTransaction, monotonic: number): FollowedChange {
  const { remainingMs } = transaction;
  return { transaction, deadline: remainingMs === null ? null : monotonic + remainingMs };
}

/** The change, as long as it has not ended. */
export function runningChange(change: FollowedChange | undefined): FollowedChange | undefined {
  return change === undefined || hasEnded(change.transaction) ? undefined : change;
}

/** Milliseconds until a change is taken back; undefined when nothing counts down. */
export function leftMs(change: FollowedChange | undefined, monotonic: number): number | undefined {
  const deadline = runningChange(change)?.deadline ?? null;
  return deadline === null ? undefined : Math.max(deadline - monotonic, 0);
}

/** The same as a person counts: the second that has begun still counts. */
export function secondsLeft(change: FollowedChange | undefined, monotonic: number): number | undefined {
  const left = leftMs(change, monotonic);
  return left === undefined ? undefined : Math.ceil(left / 1000);
}
