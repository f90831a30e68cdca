import { shown } from "../quote.ts";
import { type Refusal, refusalOf } from "./refusal.ts";
import { formatSize } from "./size.ts";

/*
 * What hosts and storages have to give. Bytes and virtual processors are whole numbers; a share of one counts as a
 * whole, to the promising side's disadvantage. Source: ../shared/spec/cloud.md, "Storage rules".
 */

/** CPU that a host can promise: each thread counts `ratio` times. */
export function cpuCapacity(threads: number, ratio: number): number {
  return Number((BigInt(threads) * millionths(ratio)) / million);
}

/** What a machine's memory, or a volume's size, is charged as when each byte may be promised `ratio` times. */
export function charged(bytes: number, ratio: number): number {
  const divisor = millionths(ratio);
  return Number((BigInt(bytes) * million + divisor - 1n) / divisor);
}

/** Settings have six decimals at most. In binary fractions, 10 * 1.1 would be 11.000000000000002. */
const million = 1_000_000n;
function millionths(ratio: number): bigint {
  return BigInt(Math.round(ratio * 1_000_000));
}

export type HostCapacity = {
  threads: number;
  cpuRatio: number;
  memoryBytes: number;
  reservedBytes: number;
  memoryRatio: number;
  machines: readonly { cpuNum: number; memorySize: number }[];
};

/** What is left of a host; below zero after a setting was lowered, which stops no machine. */
export function freeOf(host: HostCapacity): { cpu: number; memoryBytes: number } {
  const cpu = host.machines.reduce((sum, { cpuNum }) => sum + cpuNum, 0);
  const memory = host.machines.reduce((sum, { memorySize }) => sum + charged(memorySize, host.memoryRatio), 0);
  return {
    cpu: cpuCapacity(host.threads, host.cpuRatio) - cpu,
    memoryBytes: host.memoryBytes - host.reservedBytes - memory,
  };
}

/** Everything that keeps a machine from fitting on a host; empty when it fits. Codes: HOST.1005, HOST.1006. */
export function fitRefusals(
  name: string,
  host: HostCapacity,
  machine: { cpuNum: number; memorySize: number },
): Refusal[] {
  const free = freeOf(host);
  const where = `Host ${shown(name)}`;
  const refusals: Refusal[] = [];
  if (machine.cpuNum > free.cpu) {
    const details = `${machine.cpuNum} virtual processors are asked for, ${Math.max(0, free.cpu)} are free.`;
    const remedy = "Choose another host or a smaller offering, or raise cpu.overProvisioning.ratio.";
    refusals.push(
      refusalOf("HOST.1005", { where, details, remedy, values: { asked: machine.cpuNum, free: free.cpu } }),
    );
  }
  const asked = charged(machine.memorySize, host.memoryRatio);
  if (asked > free.memoryBytes) {
    const details = `${formatSize(asked)} of memory are asked for, ${formatSize(Math.max(0, free.memoryBytes))} are free.`;
    const remedy = "Choose another host or a smaller offering, or lower reservedMemory.";
    refusals.push(refusalOf("HOST.1006", { where, details, remedy, values: { asked, free: free.memoryBytes } }));
  }
  return refusals;
}

export type StorageCapacity = {
  totalBytes: number;
  physicalTotalBytes: number;
  physicalAvailableBytes: number;
  /** Bytes promised for each byte (overProvisioning.primaryStorage). */
  ratio: number;
  /** Share of the physical size above which nothing new is taken. */
  threshold: number;
  /** Virtual sizes of volumes. */
  volumes: readonly number[];
  /** Real sizes of images and snapshots: over-provisioning does not shrink what is there. */
  images: readonly number[];
};

/** available = total - own use. Volumes count by virtual size, images and snapshots by real size. */
export function availableOf(storage: StorageCapacity): number {
  const volumes = storage.volumes.reduce((sum, size) => sum + charged(size, storage.ratio), 0);
  return storage.totalBytes - volumes - storage.images.reduce((sum, size) => sum + size, 0);
}

/** Whether so much of a storage is in use, of its physical size, that it takes nothing new. */
export function isAboveThreshold(
  { totalBytes, availableBytes }: { totalBytes: number; availableBytes: number },
  threshold: number,
): boolean {
  return totalBytes - availableBytes > totalBytes * threshold;
}

/** Everything that keeps a volume from fitting on a storage. Codes: STORAGE.1004, STORAGE.1005. */
export function roomRefusals(name: string, storage: StorageCapacity, sizeBytes: number): Refusal[] {
  const where = `PrimaryStorage ${shown(name)}`;
  const refusals: Refusal[] = [];
  const available = availableOf(storage);
  const asked = charged(sizeBytes, storage.ratio);
  if (asked > available) {
    const details = `${formatSize(asked)} are asked for, ${formatSize(Math.max(0, available))} are available.`;
    const remedy = "Choose another storage, expunge deleted volumes, or raise overProvisioning.primaryStorage.";
    refusals.push(refusalOf("STORAGE.1004", { where, details, remedy, values: { asked, available } }));
  }
  const { physicalTotalBytes: totalBytes, physicalAvailableBytes: availableBytes } = storage;
  if (isAboveThreshold({ totalBytes, availableBytes }, storage.threshold)) {
    const share = Math.floor((100 * (totalBytes - availableBytes)) / totalBytes);
    const limit = Math.round(100 * storage.threshold);
    const details = `${share} % of its physical size are in use; above ${limit} % it takes nothing new.`;
    const remedy = "Free space on it, or raise threshold.primaryStorage.physicalCapacity.";
    refusals.push(refusalOf("STORAGE.1005", { where, details, remedy, values: { share, limit } }));
  }
  return refusals;
}
