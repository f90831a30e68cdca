import type { Duplex } from "node:stream";

/** What is on its way when one end closes has so long to get to the other one. */
const lastMs = 2_000;

/**
 * Lets what comes out of each of two streams go into the other one, neither faster than it is taken there, until either
 * closes: the other one gets what is on its way, and closes then. Never throws.
 */
export function joinStreams(one: Duplex, other: Duplex): void {
  carry(one, other);
  carry(other, one);
}

function carry(from: Duplex, to: Duplex): void {
  from.on("error", () => undefined);
  from.pipe(to);
  const last = () => {
    if (to.destroyed) return;
    to.end();
    const timer = setTimeout(() => to.destroy(), lastMs);
    to.once("close", () => clearTimeout(timer));
    to.once("finish", () => to.destroy());
    if (to.writableFinished) to.destroy();
  };
  from.once("end", last);
  from.once("close", last);
}
