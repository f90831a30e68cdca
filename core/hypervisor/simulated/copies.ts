import type { CopyVolume } from "../copy-commands.ts";
import { checkVolumePath } from "../driver.ts";
import { noSnapshot, noVolume, otherVolume, shrinks } from "../refusals.ts";
import type { SimulatedHost } from "./disks.ts";

/** A copy of a simulated volume: only the books. */
export async function copySimulated(
  host: Pick<SimulatedHost, "holds" | "volume" | "putVolume" | "check">,
  { path, from, snapshotUuid, sizeBytes, backing }: CopyVolume,
  wait: () => Promise<void>,
): Promise<void> {
  checkVolumePath(path);
  host.check({ path: from, format: "qcow2", ...(backing === undefined ? {} : { backing }) });
  const found = host.volume(path);
  if (found !== undefined) {
    if (found.sizeBytes === sizeBytes && found.format === "qcow2" && found.image === backing?.path) return;
    throw otherVolume(path, found.sizeBytes, found.format);
  }
  const look = () => {
    const source = host.volume(from);
    if (source === undefined) throw noVolume(from);
    if (snapshotUuid === undefined) host.holds.checkFree(from);
    else if (source.snapshots?.includes(snapshotUuid) !== true) throw noSnapshot(from, snapshotUuid);
    if (source.sizeBytes > sizeBytes) throw shrinks(path, source.sizeBytes, sizeBytes);
  };
  look();
  await wait();
  look();
  const image = backing === undefined ? {} : { image: backing.path };
  await host.putVolume({ path, sizeBytes, format: "qcow2", ...image });
}
