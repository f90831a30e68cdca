import * as z from "zod/mini";
import type { RecordOf } from "../kinds.ts";
import type { Mirror } from "../mirror.ts";
import type { Tx } from "../records.ts";
import { hostOfVolume } from "../volume/place.ts";
import type { CopiedVolume } from "./copied-volume.ts";
import type { VmWorld } from "./work.ts";

/*
 * Files of volumes that went to another host, or were to come to this one and did not. A record of the kind VolumeRest is
 * there until its host has removed the file; as long, the host is charged for it and is given no copy of that volume
 * again. It is written in the transaction that says where the machine is, so that no file is forgotten, and none is
 * removed before it is one too many.
 */

const volumeRest = z.object({
  hostUuid: z.string(),
  storageUuid: z.string(),
  volumeUuid: z.string(),
  path: z.string(),
  size: z.number(),
});
export type VolumeRest = z.infer<typeof volumeRest>;

function keyOf(hostUuid: string, volumeUuid: string): string {
  return `${hostUuid}:${volumeUuid}`;
}

export function noteVolumeRests(tx: Tx, hostUuid: string, copies: readonly CopiedVolume[]): void {
  // With a host that is gone its files are nobody's concern.
  if (tx.get("Host", hostUuid) === undefined) return;
  for (const { volumeUuid, storageUuid, path, size } of copies)
    tx.put("VolumeRest", keyOf(hostUuid, volumeUuid), { hostUuid, storageUuid, volumeUuid, path, size });
}

export function hasRest(tx: Pick<Tx, "peek">, hostUuid: string, volumeUuid: string): boolean {
  return tx.peek("VolumeRest", keyOf(hostUuid, volumeUuid)) !== undefined;
}

const commandMs = 60_000;

/** Has hosts that answer remove such files; what could not be removed stays on record for the next time. */
export async function removeVolumeRests(world: Pick<VmWorld, "records" | "link" | "newUuid">): Promise<void> {
  const { records, link, newUuid } = world;
  const { mirror } = records;
  for (const [key, { value }] of [...mirror.entries("VolumeRest")]) {
    const rest = volumeRest.safeParse(value);
    if (!rest.success) continue;
    const { hostUuid, path } = rest.data;
    const host = mirror.get("Host", hostUuid)?.value;
    const why = whyKept(mirror, rest.data, host);
    if (why === "later") continue;
    if (why === undefined && host !== undefined) {
      const id = newUuid();
      const how = { id, flow: id, epoch: 0, timeoutMs: commandMs };
      const isDone = await link.command(host, { do: "deleteVolume", path }, how).then(
        () => true,
        () => false,
      );
      if (!isDone) continue;
    }
    await records.change((tx) => {
      if (tx.get("VolumeRest", key) !== undefined) tx.delete("VolumeRest", key);
    });
  }
}

/** `forGood`: nobody removes it. `later`: it is asked again. */
function whyKept(
  mirror: Mirror,
  { hostUuid, storageUuid, volumeUuid }: VolumeRest,
  host: RecordOf<"Host"> | undefined,
): "forGood" | "later" | undefined {
  if (mirror.unreadable.get("Host", hostUuid) !== undefined) return "later";
  if (mirror.unreadable.get("Volume", volumeUuid) !== undefined) return "later";
  if (mirror.unreadable.get("PrimaryStorage", storageUuid) !== undefined) return "later";
  // With the records of its storage or host the data is nobody's concern any more.
  if (host === undefined || mirror.get("PrimaryStorage", storageUuid) === undefined) return "forGood";
  const volume = mirror.get("Volume", volumeUuid)?.value;
  if (volume !== undefined) {
    const { vmInstanceUuid } = volume;
    // What has come of the machine itself goes first.
    if (vmInstanceUuid !== null && mirror.get("MigrationRest", `${hostUuid}:${vmInstanceUuid}`) !== undefined)
      return "later";
    if (vmInstanceUuid !== null && mirror.unreadable.get("VmInstance", vmInstanceUuid) !== undefined) return "later";
    if (vmInstanceUuid !== null && mirror.get("Migration", vmInstanceUuid) !== undefined) return "later";
    // Nothing leads to this; were it so, it would be the volume itself.
    const peek: Pick<Tx, "peek"> = { peek: (kind, key) => mirror.get(kind, key)?.value };
    if (hostOfVolume(peek, volume) === hostUuid) return "forGood";
  }
  return host.status === "Connected" ? undefined : "later";
}
