import { setTimeout as pause } from "node:timers/promises";
import { type Figure, figure, medianOf, spreadOf } from "../figures.ts";
import { CpuMeter, memoryOf } from "../usage.ts";
import type { VmBed } from "./bed.ts";

/** The agent of a host with many guests that do nothing. */
export async function idleFigures(bed: VmBed, count: number, seconds: number): Promise<Figure[]> {
  const host = bed.host(0);
  const from = performance.now();
  const uuids = await Promise.all(
    Array.from({ length: count }, (_, n) => bed.create(`idle-${n}`, { hostUuid: host.uuid }, true)),
  );
  console.error(`  ${count} guests: ${Math.round((performance.now() - from) / 1000)} s`);
  // What their start has begun is over.
  await pause(10_000);
  const meter = new CpuMeter(host.agentPid);
  const parts = 4;
  for (let part = 0; part < parts; part++) {
    await pause((seconds * 1000) / parts);
    meter.mark();
  }
  const { rssMiB, pssMiB } = memoryOf(host.agentPid);
  return [
    figure("idleAgentCpu", meter.percent, "%", {
      ...{ goal: "<= 2", spread: spreadOf(meter.parts) },
      note: `${count} guests, for ${seconds} s, with all commands that it runs; median of ${parts} parts ${medianOf(meter.parts).toFixed(2)} %`,
    }),
    figure("idleAgentMemory", rssMiB, "MiB", { goal: "<= 150", note: `PSS ${pssMiB.toFixed(1)} MiB` }),
    ...(uuids.length === count ? [] : []),
  ];
}
