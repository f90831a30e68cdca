import type { Machine } from "./machine.ts";

const timeoutMs = 60_000;
const reason = "the journal of /boot";
/** Whoever is asked to end between the two ends after them; what was killed with its unit is thawed by ExecStopPost. */
const script = 'mountpoint -q "$1" || exit 0; trap "" HUP INT TERM; fsfreeze --freeze "$1" && fsfreeze --unfreeze "$1"';

/**
 * Brings what was written to the file system of /boot from its journal to its place: GRUB reads no journal, and would
 * find the files of before when the power fails, or when the machine restarts without an unmount. Freezing does that.
 * A folder that is no mount point is left alone. Gives whether it was done.
 */
export async function emptyBootJournal(machine: Machine, boot: string): Promise<boolean> {
  const args = ["-c", script, "sh", boot];
  return machine.run("sh", args, { timeoutMs, reason }).then(
    ({ code }) => code === 0,
    // Killed for taking too long, perhaps between the two.
    async () => {
      await machine.run("fsfreeze", ["--unfreeze", boot], { timeoutMs, reason }).catch(() => undefined);
      return false;
    },
  );
}
