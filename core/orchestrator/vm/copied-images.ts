import type { FlowEnv } from "../flow/flow.ts";
import type { ImageCarrier } from "../images/carrier.ts";
import type { CopiedVolume } from "./copied-volume.ts";
import { neededImages } from "./copied-volumes.ts";
import { filePlace } from "./spec.ts";
import { hostOf, look, type VmWorld } from "./work.ts";

type Way = { vmUuid: string; copies: readonly CopiedVolume[]; sourceUuid: string; destinationUuid: string };

/**
 * Brings the images to the other host. One that is there already needs no store.
 * @throws those of {@link ImageCarrier.bring}
 */
export async function bringImages(
  { world, carrier }: { world: VmWorld; carrier: ImageCarrier },
  { vmUuid, copies, sourceUuid, destinationUuid }: Way,
  env: FlowEnv,
  signal: AbortSignal,
): Promise<void> {
  const host = hostOf(world, destinationUuid);
  for (const { storage, image, storeUuid = "" } of neededImages(look(world), vmUuid, copies, sourceUuid)) {
    const { sha256, format, sizeBytes } = image;
    if (format === "iso") await carrier.bringIso(host, storage, { sha256, format, sizeBytes, storeUuid }, env, signal);
    else await carrier.bring(host, storage, { sha256, format, sizeBytes, storeUuid }, env, signal);
  }
}

/** The volumes with the size that their files have: what could not be taken back of a growth may have left another one. */
export async function withFileSizes(
  world: VmWorld,
  copies: readonly CopiedVolume[],
  sourceUuid: string,
  signal: AbortSignal,
): Promise<CopiedVolume[]> {
  const host = hostOf(world, sourceUuid);
  const found: CopiedVolume[] = [];
  for (const copy of copies) {
    const tx = look(world);
    const { sizeBytes } = await world.link.volume(host, filePlace(tx, tx.need("Volume", copy.volumeUuid)), signal);
    found.push({ ...copy, size: sizeBytes });
  }
  return found;
}
