import { checkBacking, checkVolumePath, type MachineSpec } from "../driver.ts";
import type { NewCopy } from "../migration/commands.ts";
import { noVolume, otherFormat } from "../refusals.ts";
import type { SimulatedState } from "./state.ts";

/* Volumes that come from another host with their machine, as libvirt's (libvirt/coming-volumes.ts): only the books. */

/** Makes the disks that come. @throws HYPERVISOR.VOLUME_DIFFERS, HYPERVISOR.IMAGE_ABSENT, HYPERVISOR.BAD_PATH */
export async function makeComing(
  state: SimulatedState,
  { disks }: MachineSpec,
  copies: readonly NewCopy[],
  needImage: (path: string) => void,
): Promise<void> {
  for (const { path, sizeBytes } of copies) {
    const disk = disks.find((each) => each.path === path);
    if (disk === undefined) throw noVolume(path);
    const { format, backing } = disk;
    checkVolumePath(path);
    if (backing !== undefined) {
      checkBacking(path, backing);
      needImage(backing.path);
    }
    const found = state.volumes.get(path);
    if (found !== undefined && found.isComing !== true)
      throw otherFormat(path, "is there already, and is no copy that was begun");
    const image = backing === undefined ? {} : { image: backing.path };
    await state.putVolume({ path, sizeBytes, format, ...image, isComing: true });
  }
}

/** The machine is here, with all that its disks held. @returns whether any came with it */
export async function arrived(state: SimulatedState, { disks }: MachineSpec): Promise<boolean> {
  let hasCome = false;
  for (const { path } of disks) {
    const found = state.volumes.get(path);
    if (found?.isComing !== true) continue;
    const { isComing: _, ...whole } = found;
    await state.putVolume(whole);
    hasCome = true;
  }
  return hasCome;
}
