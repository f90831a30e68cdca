import assert from "node:assert/strict";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { it } from "node:test";
import type { HostCommand, HypervisorDriver } from "../../../core/hypervisor/driver.ts";

/* What every driver does with the consoles of machines: a part of its conformance. */

type Part = {
  driver: () => HypervisorDriver;
  startNew: (...all: number[]) => Promise<void>;
  carryOut: (command: HostCommand) => Promise<void>;
  uuidOf: (n: number) => string;
  refuses: (attempt: Promise<unknown>, code: string) => Promise<unknown>;
};

const never = new AbortController().signal;

/** Its bytes are read and thrown away. */
function flowing(stream: Duplex): Duplex {
  return stream.on("error", () => undefined).resume();
}

export function consoleConformance({ driver, startNew, carryOut, uuidOf, refuses }: Part): void {
  const open = (n: number) => driver().openConsole(uuidOf(n), "serial", never);
  const stop = (n: number) => carryOut({ do: "stopMachine", uuid: uuidOf(n), graceMs: 0 });

  it("opens the serial line of a machine for several at once, and ends all when the machine stops", async () => {
    await startNew(1, 2);
    const [one, two, others] = [flowing(await open(1)), flowing(await open(1)), flowing(await open(2))];
    const ends = Promise.all([once(one, "close"), once(two, "close")]);
    await stop(1);
    await ends;
    assert.equal(others.destroyed, false);
    others.destroy();
  });

  it("goes on for others when one who looks at a serial line leaves, and opens it anew after the last has left", async () => {
    await startNew(1);
    const [one, two] = [flowing(await open(1)), flowing(await open(1))];
    one.destroy();
    await once(one, "close");
    assert.equal(two.destroyed, false);
    two.destroy();
    const again = flowing(await open(1));
    assert.equal(again.destroyed, false);
    await carryOut({ do: "pauseMachine", uuid: uuidOf(1) });
    const ofPaused = flowing(await open(1));
    const ends = Promise.all([once(again, "close"), once(ofPaused, "close")]);
    await stop(1);
    await ends;
  });

  it("has no console of a machine that does not run, or that it does not know", async () => {
    await startNew(1);
    await stop(1);
    for (const n of [1, 7])
      for (const kind of ["serial", "vnc"] as const)
        await refuses(driver().openConsole(uuidOf(n), kind, never), "HYPERVISOR.NOT_RUNNING");
  });
}
