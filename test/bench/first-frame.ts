import { type Figure, figure, medianOf, type Reference, spreadOf } from "./figures.ts";
import { type Agent, isHomeComplete, type Peer, type Workshop } from "./programs.ts";
import type { BenchScreen } from "./screen.ts";

/** A pause this long ends the first frame: no program here draws ten frames a second. */
const framePauseMs = 40;
const timeoutMs = 10_000;

type Frame = { ms: number; bytes: number };
type Contestant = {
  name: string;
  absent: string | undefined;
  open: () => BenchScreen;
  isComplete: (text: string) => boolean;
};

/**
 * From the start of a program to the last byte of its first complete frame, in turns, so that a busy moment of the
 * machine hits all of them.
 */
export async function measureFirstFrames(
  workshop: Workshop,
  agent: Agent,
  peers: readonly Peer[],
  runs: { linux: number; vt220: number },
): Promise<Figure[]> {
  const linux = await inTurns(contestants(workshop, agent, peers, "linux"), workshop, runs.linux);
  const vt220 = await inTurns(contestants(workshop, agent, peers, "vt220"), workshop, runs.vt220);
  const ms = (frames: readonly Frame[]) => frames.map((frame) => frame.ms);
  const bytes = (frames: readonly Frame[]) => frames.map((frame) => frame.bytes);
  return [
    compare("firstFrameMs", "ms", linux, ms, "<= 150"),
    compare("firstFrameMs.vt220", "ms", vt220, ms, "<= 150"),
    compare("firstFrameBytes", "B", linux, bytes, "<= 2000"),
    compare("firstFrameBytes.vt220", "B", vt220, bytes, "<= 2000"),
  ];
}

/** Bytes of the first frame of a recorded machine with more to show than this one. */
export async function measureFullFrame(workshop: Workshop, agent: Agent, machine: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const term of ["linux", "vt220"] as const) {
    const command = workshop.console(agent.socketPath, `bench/first-${term}`);
    const frame = await firstFrame(workshop.open({ command, term }), isHomeComplete, workshop);
    const name = `firstFrameBytes.${machine}.${term}`;
    figures.push(figure(name, frame?.bytes ?? null, "B", { goal: "<= 2000" }));
  }
  return figures;
}

function contestants(workshop: Workshop, agent: Agent, peers: readonly Peer[], term: string): Contestant[] {
  const command = workshop.console(agent.socketPath, `bench/first-${term}`);
  const ours: Contestant = {
    name: "console",
    absent: undefined,
    open: () => workshop.open({ command, term }),
    isComplete: isHomeComplete,
  };
  const theirs = peers.map((peer) => ({
    ...peer,
    open: () => workshop.open({ command: peer.command, term, env: peer.env }),
  }));
  return [ours, ...theirs];
}

type Result = { name: string; why: string | undefined; frames: Frame[] };

async function inTurns(contestants: readonly Contestant[], workshop: Workshop, runs: number): Promise<Result[]> {
  const results: Result[] = contestants.map(({ name, absent }) => ({ name, why: absent, frames: [] }));
  for (let run = 0; run < runs; run++) {
    for (const [i, contestant] of contestants.entries()) {
      const result = results[i];
      if (result === undefined || result.why !== undefined) continue;
      const frame = await firstFrame(contestant.open(), contestant.isComplete, workshop);
      if (frame === undefined) result.why = "it showed no complete screen";
      else result.frames.push(frame);
    }
  }
  return results;
}

async function firstFrame(
  screen: BenchScreen,
  isComplete: (text: string) => boolean,
  workshop: Workshop,
): Promise<Frame | undefined> {
  const complete = await screen.until(() => isComplete(screen.text()), timeoutMs);
  const last = complete === undefined ? undefined : await screen.pause(framePauseMs);
  await workshop.close(screen);
  return last === undefined ? undefined : { ms: last.at - screen.startedAt, bytes: last.total };
}

function compare(
  name: string,
  unit: "ms" | "B",
  results: readonly Result[],
  pick: (frames: readonly Frame[]) => number[],
  goal: string,
): Figure {
  const [ours, ...theirs] = results;
  const values = pick(ours?.frames ?? []);
  const references = theirs.map((result): Reference => {
    if (result.why !== undefined) return { name: result.name, value: null, why: result.why };
    return { name: result.name, value: medianOf(pick(result.frames)) };
  });
  const [reference = null, ...more] = references;
  if (values.length === 0)
    return figure(name, null, unit, { goal, reference, more, note: ours?.why ?? "not measured" });
  return figure(name, medianOf(values), unit, { goal, reference, more, spread: spreadOf(values) });
}
