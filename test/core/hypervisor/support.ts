import assert from "node:assert/strict";
import type { HypervisorDriver } from "../../../core/hypervisor/driver.ts";
import { NodeError } from "../../../core/model/error.ts";

const never = new AbortController().signal;
export const uuidOf = (n: number) => `${n.toString(16).padStart(12, "0")}4aaa8aaaaaaaaaaaaaaa`;

export async function refuses(attempt: Promise<unknown>, code: string): Promise<NodeError> {
  let caught: unknown;
  await attempt.catch((error: unknown) => {
    caught = error;
  });
  assert.ok(caught instanceof NodeError, `${code} was expected, not ${String(caught)}`);
  assert.equal(caught.code, code, caught.message);
  return caught;
}

export async function running(driver: HypervisorDriver): Promise<string[]> {
  const machines = await driver.machines(never);
  return machines
    .filter(({ state }) => state === "running")
    .map(({ uuid }) => uuid)
    .sort();
}
