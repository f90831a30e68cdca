import type { RecordOf } from "../kinds.ts";
import type { Records } from "../records.ts";

export type Retention = {
  /** Seconds that every task is kept after its end. */
  keptSeconds: number;
  /** So many that ended last are kept however long ago that was. */
  keptNewest: number;
};

/** As the settings have it now. */
export function taskRetention(settings: { number(id: string): number }): Retention {
  return {
    keptSeconds: settings.number("managementServer.task.retention"),
    keptNewest: settings.number("managementServer.task.keepNewest"),
  };
}

type Task = Pick<RecordOf<"Task">, "uuid" | "endDate">;

/** The uuids of the tasks that need not be kept any longer, the oldest first. `now`: milliseconds since the epoch. */
export function tasksToRemove(tasks: Iterable<Task>, { keptSeconds, keptNewest }: Retention, now: number): string[] {
  const ended: { uuid: string; endDate: number }[] = [];
  for (const { uuid, endDate } of tasks) if (endDate !== null) ended.push({ uuid, endDate });
  ended.sort((a, b) => a.endDate - b.endDate);
  const beyond = ended.slice(0, Math.max(0, ended.length - keptNewest));
  return beyond.filter(({ endDate }) => now - endDate > keptSeconds * 1000).map(({ uuid }) => uuid);
}

/** Each task takes two changes of a transaction. */
const removedAtOnce = 200;
/** That one sweep removes; the next one goes on. */
const mostRemoved = 10_000;

/** Removes the oldest of them, and says how many. `now` as above. @throws SYS.1006, STORE.…: those before are removed then */
export async function removeOldTasks(records: Records, retention: Retention, now: number): Promise<number> {
  const tasks = [...records.mirror.all("Task")].map(({ value }) => value);
  const old = tasksToRemove(tasks, retention, now).slice(0, mostRemoved);
  for (let i = 0; i < old.length; i += removedAtOnce)
    await records.change((tx) => {
      for (const uuid of old.slice(i, i + removedAtOnce))
        if (tx.get("Task", uuid) !== undefined) tx.remove("Task", uuid);
    });
  return old.length;
}
