import { NodeError } from "../../model/error.ts";
import type { JobContext } from "../jobs.ts";
import { type Machine, readIfThere } from "../machine.ts";
import { type RoleRecord, roleRecord } from "../role/record.ts";
import { resetUnit } from "./units.ts";
import type { ServiceWorld } from "./world.ts";

const lookEveryMs = 500;

/**
 * Runs the installation of the management role anew, as a unit of its own: it goes on when the agent ends. Its steps
 * are told as the record of the installation shows them.
 *
 * @throws NodeError SERVICE.NOT_RESET with the step that failed
 */
export async function reinstall(
  { machine, effects, record }: ServiceWorld,
  { log, signal }: JobContext,
  timeoutMs: number,
  progress: (share: number) => void,
): Promise<void> {
  const before = await readRecord(machine, record);
  const seen = new Set<string>();
  const look = async () => {
    const now = await readRecord(machine, record);
    if (now === undefined || isFormer(now, before)) return now;
    for (const { id, title, state, why } of now.steps) {
      if (state === "waiting" || state === "running" || seen.has(id)) continue;
      seen.add(id);
      log(`  ${title}: ${state.toUpperCase()}${why === null ? "" : ` (${why})`}`);
    }
    progress(seen.size / Math.max(now.steps.length, 1));
    return now;
  };
  const stopLooking = every(machine, lookEveryMs, look);
  const options = { timeoutMs, signal, reason: "reset zstack" };
  const result = await effects.change("systemd-run", command, options).finally(stopLooking);
  const after = await look();
  if (result.code === 0) return;
  const step = after?.steps.find(({ state }) => state === "fail");
  const words = step === undefined ? (result.stderr.trim().split("\n")[0] ?? "") : `${step.title}: ${step.why ?? ""}`;
  throw new NodeError("SERVICE.NOT_RESET", `The role was not installed: ${words.slice(0, 300)}`, {
    remedy: step?.remedy ?? `See: journalctl -b -u ${resetUnit}`,
  });
}

const command = [
  "--quiet",
  "--collect",
  "--wait",
  `--unit=${resetUnit}`,
  "--description=Installation of the management role, anew",
  "--",
  "/usr/bin/binnacle-role",
  "management",
  "--yes",
];

/** Undefined when there is none, or while it can't be understood. */
async function readRecord(machine: Machine, file: string): Promise<RoleRecord | undefined> {
  try {
    return roleRecord.safeParse(JSON.parse((await readIfThere(machine, file)) ?? "")).data;
  } catch {
    return undefined;
  }
}

/** Every installation counts as an attempt. */
function isFormer(now: RoleRecord, before: RoleRecord | undefined): boolean {
  return before !== undefined && now.attempts === before.attempts && now.version === before.version;
}

/** Calls `action` again and again, never twice at once; gives a function that ends it. */
function every(machine: Machine, everyMs: number, action: () => Promise<unknown>): () => void {
  let cancel = () => {};
  let ended = false;
  const next = () => {
    cancel = machine.after(everyMs, () => {
      void action()
        .catch(() => undefined)
        .then(() => {
          if (!ended) next();
        });
    });
  };
  next();
  return () => {
    ended = true;
    cancel();
  };
}
