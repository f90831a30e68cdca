import { type Figure, figure, medianOf, spreadOf } from "../figures.ts";
import { Bare, type BareMachine } from "./bare.ts";
import type { VmBed } from "./bed.ts";

/** Two machines that go to and fro between two hosts, by turns ours and virsh's. */
export async function migrationFigures(bed: VmBed, runs: number): Promise<Figure[]> {
  const uuid = await bed.create("moving", { hostUuid: bed.host(0).uuid });
  const bare = new Bare(bed, null);
  let alone: BareMachine = bare.prepare(bed.host(0));
  await bare.create(alone);
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let run = -1; run < runs; run++) {
    const to = bed.host(run % 2 === 0 ? 0 : 1);
    const taken = await bare.migrate(alone, to);
    alone = { ...alone, host: to };
    const from = performance.now();
    await bed.done("MigrateVm", { uuid, hostUuid: to.uuid });
    if (run < 0) continue;
    ours.push(performance.now() - from);
    theirs.push(taken);
  }
  await bare.remove([alone]);
  await bed.remove([uuid]);
  const above = ours.map((taken, run) => taken - (theirs[run] ?? Number.NaN));
  const reference = { name: "virsh migrate --live --p2p over TCP", value: medianOf(theirs) };
  return [
    figure("migrateLive", medianOf(ours), "ms", {
      ...{ reference, spread: spreadOf(ours) },
      note: "from the call to the end of its task; over the agents' mutual TLS",
    }),
    figure("migrateLiveAboveVirsh", medianOf(above), "ms", { goal: "<= 100", spread: spreadOf(above) }),
  ];
}
