import { dirname } from "node:path";
import { emptyBootJournal } from "../boot-journal.ts";
import { readIfThere, readOrNothing } from "../machine.ts";
import {
  type BootDecision,
  bootedVersion,
  decideBoot,
  formatBootEnvironment,
  parseBootEnvironment,
} from "./boot-trial.ts";
import type { RoleWorld } from "./world.ts";

/**
 * Tells GRUB how the trial of this boot ended, when it was one. On `fallBack` the caller starts the machine again.
 *
 * @throws when the environment can't be read or written; the machine must not be started again then
 */
export async function settleBoot(
  { machine, paths, write }: RoleWorld,
  passed: boolean,
): Promise<BootDecision["action"]> {
  const booted = bootedVersion((await readOrNothing(machine, "/proc/cmdline")) ?? "");
  if (booted === undefined) return "none";
  const environment = parseBootEnvironment((await readIfThere(machine, paths.bootEnvironment)) ?? "");
  const decision = decideBoot({ booted, environment, passed });
  if (decision.action === "none") return "none";
  // As grub-install makes it: readable for all.
  await write(paths.bootEnvironment, formatBootEnvironment(decision.environment), 0o644);
  await emptyBootJournal(machine, dirname(dirname(paths.bootEnvironment)));
  return decision.action;
}
