import { createHash, timingSafeEqual } from "node:crypto";
import type { Duplex } from "node:stream";
import { unexpected } from "./refusals.ts";
import type { MigrationChannel, MigrationVisit } from "./way.ts";

/** `disks`: how many of its disks come, each through a connection of its own. */
export type Announced = { uuid: string; sourceUuid: string; tokenHash: string; aliveMs: number; disks?: number };
type Expectation = Announced & {
  /** How often each channel can still be used. */
  left: Record<MigrationChannel, number>;
  streams: Set<Duplex>;
  cancelEnd: () => void;
  /** Told when it is expected no more. */
  ended: () => void;
};

/**
 * The machines that may come to this host. In memory alone: when the agent ends, so do the connections through which
 * they come, and a move that has lost these fails on both sides.
 */
export class ExpectedMachines {
  readonly #after: (delayMs: number, action: () => void) => () => void;
  readonly #expected = new Map<string, Expectation>();

  constructor(after: (delayMs: number, action: () => void) => () => void) {
    this.#after = after;
  }

  /** Instead of what was announced for this machine before. */
  announce(given: Announced, ended: () => void): void {
    this.end(given.uuid);
    const left = { control: 1, memory: 1, disks: given.disks ?? 0, go: (given.disks ?? 0) > 0 ? 1 : 0 };
    const cancelEnd = this.#after(given.aliveMs, () => this.end(given.uuid));
    this.#expected.set(given.uuid, { ...given, left, streams: new Set(), cancelEnd, ended });
  }

  has(uuid: string): boolean {
    return this.#expected.has(uuid);
  }

  /** Each channel once, that of disks once for each. @throws HYPERVISOR.MIGRATION_UNEXPECTED, whatever of it is wrong */
  use({ machineUuid, sourceUuid, token, channel }: MigrationVisit): void {
    const found = this.#expected.get(machineUuid);
    if (found === undefined || found.sourceUuid !== sourceUuid || !isTokenOf(found.tokenHash, token))
      throw unexpected(machineUuid);
    if (found.left[channel] === 0) throw unexpected(machineUuid);
    found.left[channel] -= 1;
  }

  /** What comes for it through this connection ends with the expectation. */
  keep(uuid: string, stream: Duplex): void {
    const found = this.#expected.get(uuid);
    if (found === undefined) {
      stream.destroy();
      return;
    }
    found.streams.add(stream);
    stream.once("close", () => found.streams.delete(stream));
  }

  end(uuid: string): void {
    const found = this.#expected.get(uuid);
    if (found === undefined) return;
    this.#expected.delete(uuid);
    found.cancelEnd();
    for (const stream of found.streams) stream.destroy();
    found.ended();
  }

  endAll(): void {
    for (const uuid of [...this.#expected.keys()]) this.end(uuid);
  }
}

export function hashOfToken(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}

function isTokenOf(hash: string, token: string): boolean {
  const [known, given] = [Buffer.from(hash), Buffer.from(hashOfToken(token))];
  return known.length === given.length && timingSafeEqual(known, given);
}
