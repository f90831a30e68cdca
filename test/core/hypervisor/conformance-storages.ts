import assert from "node:assert/strict";
import { it } from "node:test";
import type { HypervisorDriver } from "../../../core/hypervisor/driver.ts";
import { type lockSteps, networkStorageFolder } from "../../../core/hypervisor/shared-storage.ts";

/* What every driver does with storages that hosts have together: a part of its conformance. */

type Part = {
  driver: () => HypervisorDriver;
  /** Of a storage. */
  folder: () => string;
  uuidOf: (n: number) => string;
  refuses: (attempt: Promise<unknown>, code: string) => Promise<unknown>;
};

const never = new AbortController().signal;

export function storageConformance({ driver, folder, uuidOf, refuses }: Part): void {
  const step = (n: number, what: (typeof lockSteps)[number]) =>
    driver().shared?.lock({ path: folder(), probe: uuidOf(n), step: what }, never);

  it("holds a lock of a storage for others to see until it is released, and is asked for each step twice", async () => {
    assert.equal(await step(1, "look"), "absent");
    for (const _ of [1, 2]) assert.equal(await step(1, "hold"), "held");
    assert.equal(await step(1, "look"), "held");
    assert.equal(await step(2, "look"), "absent");
    for (const _ of [1, 2]) assert.equal(await step(1, "release"), "absent");
    assert.equal(await step(1, "hold"), "held");
    assert.equal(await step(1, "release"), "absent");
  });

  it("makes no volume on a network storage that is not mounted, nor in the folder in its place", async () => {
    const path = `${networkStorageFolder}/${uuidOf(0xfff)}/volumes/1`;
    const attempt = driver().carryOut({ do: "createVolume", path, sizeBytes: 1024 ** 2, format: "qcow2" }, never);
    await refuses(attempt, "STORAGE.1052");
    await refuses(driver().volume({ path, format: "qcow2" }, never), "STORAGE.1052");
    await driver().shared?.keepOnly([], never);
  });
}
