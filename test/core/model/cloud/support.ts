import assert from "node:assert/strict";
import type { Outcome, Refusal } from "../../../../core/model/cloud/refusal.ts";

/** The value as it is: whoever writes to it fails. */
export function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) freeze(each);
  }
  return value;
}

export function nextOf<T>(outcome: Outcome<T>): T {
  assert.ok(outcome.done, outcome.done ? "" : JSON.stringify(outcome.refusal));
  return outcome.next;
}

/** The refusal, which is fit to be read: one line each, what, where, why and what to do. */
export function refusalOf<T>(outcome: Outcome<T>): Refusal {
  assert.ok(!outcome.done, "It was not refused.");
  return readable(outcome.refusal);
}

export function readable(refusal: Refusal): Refusal {
  for (const text of [refusal.description, refusal.where, refusal.details, refusal.remedy]) {
    assert.ok(text.length > 0 && text.length < 600, JSON.stringify(refusal));
    assert.ok(!/[\p{Cc}\p{Zl}\p{Zp}]|undefined|\[object/u.test(text), JSON.stringify(refusal));
  }
  assert.match(refusal.remedy, /\.\)?$/);
  return refusal;
}
