import assert from "node:assert/strict";
import type { RecordOf } from "../../../core/orchestrator/kinds.ts";
import { machine, place } from "./place.ts";

export const gigabyte = 1024 ** 3;
type Task = RecordOf<"Task">;

function succeeded(task: Task): Task {
  assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
  return task;
}

/** A place with what is done with volumes in it. */
export async function volumePlace(...given: Parameters<typeof place>) {
  const bed = await place(...given);
  const { call, done, cloud, primary, hosts } = bed;
  const volumeOf = async (uuid: string) => (await call("GetVolume", { uuid })).inventory;
  return {
    ...bed,
    volumeOf,
    /** A new data volume. */
    async data(more: object = {}): Promise<string> {
      return (
        succeeded(await done("CreateDataVolume", { name: "data", diskSize: gigabyte, ...more })).resourceUuid ?? ""
      );
    },
    async vm(more: object = {}): Promise<string> {
      return succeeded(await machine(bed, more)).resourceUuid ?? "";
    },
    ok: async (...args: Parameters<typeof done>) => succeeded(await done(...args)),
    free: () => cloud.mirror.get("PrimaryStorage", primary.uuid)?.value.availableCapacity ?? 0,
    /** What the hosts were told since this was asked the last time. */
    told: () => hosts.commands.splice(0).map((each) => each.split(" ")[1]),
  };
}
