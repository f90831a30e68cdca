import { type Figure, figure, medianOf, spreadOf } from "../figures.ts";
import { Bare } from "./bare.ts";
import type { VmBed } from "./bed.ts";

const goal = "<= 150";

/** One machine after the other, by turns ours and virsh's: without a network card, and with one. */
export async function creationFigures(bed: VmBed, runs: number): Promise<Figure[]> {
  const host = bed.host(0);
  // The image is in the cache from now on, and the network on the host.
  const resident = await bed.create("resident", { hostUuid: host.uuid }, true);
  const bridge = /<source bridge='([^']+)'/.exec(host.node.must("virsh", "dumpxml", resident))?.[1] ?? "";
  const figures = [
    ...(await creations(bed, runs, { name: "create", bridge: null })),
    ...(await creations(bed, runs, { name: "createWithCard", bridge })),
  ];
  await bed.remove([resident]);
  return figures;
}

type Kind = { name: string; bridge: string | null };

async function creations(bed: VmBed, runs: number, { name, bridge }: Kind): Promise<Figure[]> {
  const host = bed.host(0);
  const bare = new Bare(bed, bridge);
  const [ours, theirs]: [number[], number[]] = [[], []];
  // The first round is for the caches.
  for (let run = -1; run < runs; run++) {
    const machine = bare.prepare(host);
    const alone = await bare.create(machine);
    await bare.remove([machine]);
    const from = performance.now();
    const uuid = await bed.create(`one-${run}`, { hostUuid: host.uuid }, bridge !== null);
    const taken = performance.now() - from;
    await bed.remove([uuid]);
    if (run < 0) continue;
    ours.push(taken);
    theirs.push(alone);
  }
  const reference = { name: "qemu-img create, virsh define and start", value: medianOf(theirs) };
  const above = ours.map((taken, run) => taken - (theirs[run] ?? Number.NaN));
  const note = "from the call to the end of its task, which comes after QEMU's start";
  return [
    figure(name, medianOf(ours), "ms", { reference, spread: spreadOf(ours), note }),
    figure(`${name}AboveVirsh`, medianOf(above), "ms", {
      ...{ goal, spread: spreadOf(above) },
      note: `virsh alone: ${JSON.stringify(spreadOf(theirs).min)} to ${JSON.stringify(spreadOf(theirs).max)}`,
    }),
  ];
}
