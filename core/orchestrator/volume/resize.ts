import type { Flow } from "../flow/flow.ts";
import { standingOf } from "../images/base.ts";
import { end } from "../vm/life.ts";
import { look, tell, type VmWorld } from "../vm/work.ts";
import { needHeld } from "./attach.ts";
import { heldVolume, isTakenBack, releaseVolume, type VolumeHold } from "./hold.ts";
import { hostForVolume, hostOfVolume } from "./place.ts";
import { takeRoom } from "./room.ts";

/** `vmUuid`: the machine that has it, or null. `foundSize`: what the file has after a failure. */
export type ResizeData = VolumeHold & {
  vmUuid: string | null;
  formerSize: number;
  size: number;
  foundSize?: number;
};

/** Lets a volume grow: in the guest at once, where its machine runs. */
export function resizeVolumeFlow(world: VmWorld): Flow<ResizeData> {
  return {
    name: "resizeVolume",
    steps: [
      {
        name: "room",
        title: "Taking room for it",
        cancellable: true,
        async run(data) {
          await world.allocator.allocate((tx, round) => {
            const volume = tx.need("Volume", data.volumeUuid);
            const { primaryStorageUuid } = volume;
            // A manager has ended between this and the note that it is done.
            if (volume.size >= data.size) return;
            if (primaryStorageUuid !== null) {
              const grows = { sizeBytes: data.size - volume.size };
              takeRoom(round, primaryStorageUuid, hostOfVolume(tx, volume), grows);
            }
            tx.update("Volume", data.volumeUuid, { size: data.size });
          });
          return undefined;
        },
      },
      {
        name: "resize",
        title: "Letting it grow",
        cancellable: true,
        async run(data, env) {
          const tx = look(world);
          const volume = needHeld(tx, data);
          const { installPath: path, format } = volume;
          if (path === null || format === "rbd") return undefined;
          const file = { path, format, ...standingOf(tx, volume.uuid) };
          const command = { do: "resizeVolume", uuid: data.vmUuid, ...file, sizeBytes: data.size } as const;
          await tell(world, hostForVolume(tx, volume), command, env);
          return undefined;
        },
        // What has grown can't shrink: the record follows the file.
        async undo(data, env) {
          const tx = look(world);
          const volume = needHeld(tx, data);
          const { installPath: path, format } = volume;
          if (path === null || format === "rbd") return undefined;
          const file = { path, format, ...standingOf(tx, volume.uuid) };
          const { sizeBytes } = await world.link.volume(hostForVolume(tx, volume), file, env.signal);
          return { data: { foundSize: sizeBytes } };
        },
      },
    ],
    succeeded: (tx, data) => {
      releaseVolume(tx, data);
      if (data.vmUuid !== null) end(tx, { vmUuid: data.vmUuid, holder: data.holder }, "done");
    },
    failed: (tx, data, error, how) => {
      const volume = heldVolume(tx, data);
      releaseVolume(tx, data);
      if (data.vmUuid !== null) end(tx, { vmUuid: data.vmUuid, holder: data.holder }, "failed");
      // While nobody knows how large the file is, the larger size is what is promised.
      if (volume === undefined || !isTakenBack(error, how)) return;
      tx.update("Volume", data.volumeUuid, { size: Math.max(data.formerSize, data.foundSize ?? 0) });
    },
  };
}
