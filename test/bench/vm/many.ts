import { type Figure, figure, medianOf, spreadOf } from "../figures.ts";
import { Bare } from "./bare.ts";
import type { VmBed } from "./bed.ts";

/** Machines on all hosts at once, by turns ours and virsh's. */
export async function manyFigures(bed: VmBed, runs: number, count: number): Promise<Figure[]> {
  const warm = await Promise.all(bed.hosts.map(({ uuid }) => bed.create("warm", { hostUuid: uuid })));
  const bare = new Bare(bed, null);
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let run = 0; run < runs; run++) {
    const machines = Array.from({ length: count }, (_, n) => bare.prepare(bed.host(n % bed.hosts.length)));
    const from = performance.now();
    await Promise.all(
      bed.hosts.map((host) =>
        bare.createAll(
          host,
          machines.filter((one) => one.host === host),
        ),
      ),
    );
    theirs.push(performance.now() - from);
    await bare.remove(machines);
    const begun = performance.now();
    const uuids = await Promise.all(Array.from({ length: count }, (_, n) => bed.create(`many-${n}`)));
    ours.push(performance.now() - begun);
    await bed.remove(uuids);
    console.error(
      `  ${count} at once: ours ${Math.round(ours[run] ?? 0)} ms, virsh alone ${Math.round(theirs[run] ?? 0)} ms`,
    );
  }
  await bed.remove(warm);
  const shares = ours.map((taken, run) => (100 * (theirs[run] ?? Number.NaN)) / taken);
  return [
    figure("createMany", medianOf(ours), "ms", {
      reference: { name: "virsh alone, all at once on each host", value: medianOf(theirs) },
      spread: spreadOf(ours),
      note: `${count} machines on ${bed.hosts.length} hosts, without cards, until the last one's task has ended`,
    }),
    figure("createManyOfVirsh", medianOf(shares), "%", {
      goal: ">= 80",
      spread: spreadOf(shares),
      note: "virsh's time as a share of ours",
    }),
  ];
}
