import { NodeError } from "../../model/error.ts";
import type { NetworkProblem } from "../../model/network/transaction.ts";
import { whyNotWritten } from "../durable.ts";
import type { Failure } from "./run.ts";

/* Why a change of the network does not begin, or has not come to its end. */

export function invalid(errors: readonly NetworkProblem[]): NodeError {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  return new NodeError("NET.INVALID", `${first?.description ?? "The network would not work."}${more}`, {
    ...(first === undefined ? {} : { remedy: first.remedy, values: { problem: first.code, field: first.field } }),
  });
}

/** A crash in between would leave it open which of the cards has its new name already. */
export function swapped(names: readonly string[]): NodeError {
  return new NodeError("NET.RENAME_SWAP", `${names.join(" and ")} can't change places in one change of the network.`, {
    remedy: `Give ${names[0]} a third name first, and go on when that is kept.`,
    values: { links: names.join(", ") },
  });
}

export function notRecovered(cause: unknown): Failure {
  const why = cause instanceof NodeError ? cause.message.replace(/\.$/, "") : whyNotWritten(cause);
  const description = `The agent ended in the middle of this change, which could not be brought to its end because ${why}. Look at the network as it is before you change it.`;
  return { code: "NET.NOT_RECOVERED", description };
}

export function nothingToDo(): NodeError {
  return new NodeError("NET.NO_CHANGE", "Nothing of that differs from the network as it is.", {
    remedy: "There is nothing to do.",
  });
}
