import type { Damage } from "../../node/document.ts";
import type { HostCapacity, HostCommand } from "../driver.ts";
import type { Dial } from "../migration/way.ts";
import type { SharedStorage } from "./holds.ts";

export type SimulatedOptions = {
  /** Where machines, volumes and `simulation.json` are; without one all is in memory, for thousands in one process. */
  folder?: string;
  /** Of the start of the host: what ran in another one does not run any more. */
  bootId: string;
  /** What the host is said to have; all that this computer has unless told. */
  capacity?: HostCapacity;
  shared?: SharedStorage;
  /** How long commands take; `usualLatencyMs` unless told. */
  latencyMs?: (command: HostCommand["do"]) => number;
  /** Calls `action` after so long; gives what calls it off. The process's timers unless told. */
  after?: (delayMs: number, action: () => void) => () => void;
  /** Is told at once, for the log, that nothing here is real. */
  announce: (sentence: string) => void;
  onDamage?: (damage: Damage) => void;
  /** To other hosts; without it no machine leaves. */
  dial?: Dial;
};
