import { type Duplex, duplexPair } from "node:stream";
import type { HypervisorDriver } from "../../../core/hypervisor/driver.ts";
import { migrationFailed } from "../../../core/hypervisor/migration/refusals.ts";
import type { Dial, MigrationVisit } from "../../../core/hypervisor/migration/way.ts";

/** One end of a connection to a driver, which has let it in; either end closes the other. */
export async function visited(driver: HypervisorDriver, visit: MigrationVisit, signal: AbortSignal): Promise<Duplex> {
  const visitor = await driver.admit?.(visit, signal).catch((error: unknown) => {
    throw migrationFailed(visit.machineUuid, "the host there refuses", error);
  });
  if (visitor === undefined) throw migrationFailed(visit.machineUuid, "nothing lets it in there");
  const [here, there] = duplexPair();
  for (const [one, other] of [
    [here, there],
    [there, here],
  ] as const) {
    one.on("error", () => undefined);
    one.once("close", () => other.destroy());
  }
  visitor(there);
  return here;
}

/** Hosts of one test, by their uuids, that reach each other. */
export class Wire {
  readonly drivers = new Map<string, HypervisorDriver>();
  /** Open connections, at the end that has opened them. */
  readonly streams = new Set<Duplex>();
  /** As the next ones are asked for. */
  distort = (visit: MigrationVisit): MigrationVisit => visit;

  dialFrom(sourceUuid: string): Dial {
    return async (to, ask, signal) => {
      const driver = this.drivers.get(to.hostUuid);
      if (driver === undefined) throw migrationFailed(ask.machineUuid, "nothing answers there");
      const stream = await visited(driver, this.distort({ ...ask, sourceUuid }), signal);
      this.streams.add(stream);
      stream.once("close", () => this.streams.delete(stream));
      return stream;
    };
  }
}
