import { NodeError } from "../model/error.ts";
import type { Facts } from "../model/facts.ts";
import { valueOf } from "../model/reading.ts";
import type { Impact, Job, PowerAction } from "../model/records.ts";
import type { Effects } from "./effects.ts";

export type Power = {
  /**
   * Reboots or powers off; resolves when the system has accepted it. Everybody who is logged in is told, with the name
   * of the console that asked for it.
   * @throws POWER.NOT_DONE
   */
  act(action: PowerAction, console: string): Promise<void>;
};

const timeoutMs = 30_000;
const verbs = { reboot: "rebooted", poweroff: "powered off" } as const satisfies Record<PowerAction, string>;

export function powerOf(change: Effects["change"]): Power {
  return {
    async act(action, console) {
      const message = `The machine is being ${verbs[action]}, as asked for on the console ${console}.`;
      const reason = `${action} asked for on ${console}`;
      // The message goes to the journal and, through systemd-logind, to every terminal: systemctl(1), --message.
      const run = change("systemctl", [action, `--message=${message}`], { timeoutMs, reason });
      const result = await run.catch((error: unknown) => {
        throw notDone(action, error instanceof Error ? error.message : "systemctl could not be run", error);
      });
      if (result.code === 0) return;
      const [said] = result.stderr.split("\n").filter((line) => line.trim() !== "");
      throw notDone(action, said ?? `systemctl ended with code ${result.code}`);
    },
  };
}

function notDone(action: PowerAction, why: string, cause?: unknown): NodeError {
  const sentence = why.trim().replace(/\.$/, "").slice(0, 300);
  return new NodeError("POWER.NOT_DONE", `The machine was not ${verbs[action]}: ${sentence}.`, {
    remedy: "Look at the log. A program that must not be interrupted may have asked to wait: systemd-inhibit --list.",
    cause,
  });
}

/** What is known when somebody wants to switch off. */
export type ImpactView = {
  facts: Facts;
  jobs: readonly Pick<Job, "state">[];
  /** Consoles that hold a session. */
  consoles: readonly string[];
  /** The console that asks. */
  console: string;
  /** When the newest backup of the store was made; null or absent where none is known. */
  lastBackupAt?: number | null;
};

/** What a reboot, a power-off or a stop of services would hit; null where nobody knows. */
export function impactOf({ facts, jobs, consoles, console, lastBackupAt = null }: ImpactView): Impact {
  return {
    runningVirtualMachines: valueOf(facts.virtualMachines)?.running ?? null,
    haRole: haRole(facts),
    // No storage cluster exists on a node yet that could tell.
    storageQuorum: null,
    lastBackupAt,
    runningJobs: jobs.filter((job) => job.state === "running").length,
    otherConsoles: consoles.filter((name) => name !== console).toSorted(),
    uptimeSeconds: valueOf(facts.time)?.uptimeSeconds ?? null,
  };
}

function haRole(facts: Facts): string | null {
  const ha = valueOf(facts.management)?.ha;
  return ha === undefined || ha === "unknown" ? null : ha;
}
