import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";

/* How hypervisors of two hosts reach each other: through their agents, whoever carries it. */

/**
 * `control`: between the hypervisors themselves. `memory`: what the guest consists of. `disks`: of one disk, its content.
 * `go`: the word of the source, which has the machine no more, that it may run; let in, it runs.
 */
export const migrationChannels = ["control", "memory", "disks", "go"] as const;
export type MigrationChannel = (typeof migrationChannels)[number];

export type MigrationAsk = { machineUuid: string; token: string; channel: MigrationChannel };
/** The same where it arrives. `sourceUuid`: the host that has proven to be that. */
export type MigrationVisit = MigrationAsk & { sourceUuid: string };
export type Destination = { hostUuid: string; address: string };

/** Opens a connection to another host's hypervisor. @throws HYPERVISOR.MIGRATION_FAILED with the reason */
export type Dial = (to: Destination, ask: MigrationAsk, signal: AbortSignal) => Promise<Duplex>;
/** Takes a connection over that was let in; it ends itself. */
export type Visitor = (stream: Duplex) => void;

/** Passes on what comes from either end to the other, as fast as that takes it; resolves when both have ended. */
export async function joined(one: Duplex, other: Duplex): Promise<void> {
  // Two pipelines listen on each for its end, and more often than Node takes for usual.
  for (const end of [one, other]) end.setMaxListeners(32);
  await Promise.allSettled([pipeline(one, other), pipeline(other, one)]);
  one.destroy();
  other.destroy();
}
