import { setTimeout as wait } from "node:timers/promises";
import { type Figure, figure, type Reference, type Spread, spreadOf } from "./figures.ts";
import type { LivelyNode } from "./lively-node.ts";
import { type Agent, isHomeComplete, type Peer, type Workshop } from "./programs.ts";
import type { BenchScreen } from "./screen.ts";
import { CpuMeter, type Memory, memoryOf } from "./usage.ts";

/** A window of processor time is read in so many parts, to see how far they lie apart. */
const parts = 4;

export type IdleMemory = { console: Memory; agent: Memory; peers: ReadonlyMap<string, Memory> };

/**
 * Processor time and bytes while nobody presses a key: of the console, of the agent that serves it alone, and of the
 * peers, all in the same window. Then their memory.
 */
export async function measureIdleCpu(
  workshop: Workshop,
  agent: Agent,
  console: BenchScreen,
  peers: readonly Peer[],
  windowMs: number,
): Promise<{ figures: Figure[]; memory: IdleMemory }> {
  const theirs = await openPeers(workshop, peers, "linux");
  await wait(Math.min(windowMs / 10, 2000));
  const meters = {
    console: new CpuMeter(console.pid),
    agent: new CpuMeter(agent.pid),
    peers: theirs.map(({ screen }) => new CpuMeter(screen.pid)),
  };
  const all = [meters.console, meters.agent, ...meters.peers];
  const [rate, ...theirRates] = await ratesOf([console, ...theirs.map(({ screen }) => screen)], windowMs, () => {
    for (const meter of all) meter.mark();
  });
  const against = (value: (peer: number) => number | undefined) => {
    const measured = theirs.map(({ peer }, i): Reference => ({ name: peer.name, value: value(i) ?? null }));
    const [reference = null, ...more] = [...measured, ...absent(peers)];
    return { reference, more };
  };
  const figures = [
    figure("idleCpu.console", meters.console.percent, "%", {
      goal: "<= 0.5",
      ...against((i) => meters.peers[i]?.percent),
      spread: spreadOf(meters.console.parts),
    }),
    figure("idleCpu.agent", meters.agent.percent, "%", {
      goal: "<= 0.7",
      spread: spreadOf(meters.agent.parts),
      note: "with what it starts; one console follows",
    }),
    figure("idleBytes.quiet.linux", rate?.mean ?? null, "B/s", {
      goal: "<= 100",
      ...against((i) => theirRates[i]?.mean),
      ...(rate === undefined ? {} : { spread: rate.spread }),
      note: "in the window of the processor time, without a load that moves the graphs",
    }),
  ];
  const memory = {
    console: memoryOf(console.pid),
    agent: memoryOf(agent.pid),
    peers: new Map(theirs.map(({ peer, screen }) => [peer.name, memoryOf(screen.pid)])),
  };
  await workshop.close(...theirs.map(({ screen }) => screen));
  return { figures, memory };
}

/**
 * Bytes a second while nobody presses a key, at a refresh of a second, all in the same window. A wave of load moves the
 * graphs of this machine, which are short yet; the lively node's are full from the start. The peers list processes, the
 * benchmark's own among them.
 */
export async function measureIdleBytes(
  workshop: Workshop,
  agent: Agent,
  node: LivelyNode,
  peers: readonly Peer[],
  windowMs: number,
): Promise<Figure[]> {
  const wave = workshop.wave();
  const terms = ["linux", "vt220"] as const;
  const lines: { term: string; name: string; screen: BenchScreen }[] = [];
  for (const term of terms) {
    for (const [name, socketPath] of [
      ["idleBytes", agent.socketPath],
      ["idleBytes.fullGraphs", node.socketPath],
    ] as const) {
      const screen = workshop.open({ command: workshop.console(socketPath, `bench/idle-${term}`), term });
      await screen.until(() => isHomeComplete(screen.text()), 10_000);
      lines.push({ term, name, screen });
    }
    for (const { peer, screen } of await openPeers(workshop, peers, term))
      lines.push({ term, name: peer.name, screen });
  }
  await wait(Math.min(windowMs / 10, 2000));
  const rates = await ratesOf(
    lines.map(({ screen }) => screen),
    windowMs,
  );
  wave.stop();
  await workshop.close(...lines.map(({ screen }) => screen));

  const rateOf = (term: string, name: string) =>
    rates[lines.findIndex((line) => line.term === term && line.name === name)];
  return terms.flatMap((term) => {
    const measured = peers.flatMap(({ name }): Reference[] => {
      const rate = rateOf(term, name);
      return rate === undefined ? [] : [{ name, value: rate.mean }];
    });
    const [reference = null, ...more] = [...measured, ...absent(peers)];
    return ["idleBytes", "idleBytes.fullGraphs"].map((name) => {
      const rate = rateOf(term, name);
      const against = { goal: "<= 100", reference, more };
      return figure(
        `${name}.${term}`,
        rate?.mean ?? null,
        "B/s",
        rate === undefined ? against : { ...against, spread: rate.spread },
      );
    });
  });
}

type Rate = { mean: number; spread: Spread };

async function ratesOf(
  screens: readonly BenchScreen[],
  windowMs: number,
  onPart: () => void = () => {},
): Promise<Rate[]> {
  const marks: { at: number; bytes: number[] }[] = [];
  const mark = () => marks.push({ at: performance.now(), bytes: screens.map((screen) => screen.bytes) });
  mark();
  for (let part = 0; part < parts; part++) {
    await wait(windowMs / parts);
    mark();
    onPart();
  }
  const rate = (from: (typeof marks)[number] | undefined, to: (typeof marks)[number] | undefined, screen: number) =>
    (1000 * ((to?.bytes[screen] ?? 0) - (from?.bytes[screen] ?? 0))) / ((to?.at ?? 0) - (from?.at ?? 0));
  return screens.map((_, screen) => ({
    mean: rate(marks[0], marks.at(-1), screen),
    spread: spreadOf(marks.slice(1).map((to, i) => rate(marks[i], to, screen))),
  }));
}

/** Starts those that are there, and waits until each shows its whole screen. */
async function openPeers(workshop: Workshop, peers: readonly Peer[], term: string) {
  const opened: { peer: Peer; screen: BenchScreen }[] = [];
  for (const peer of peers) {
    if (peer.absent !== undefined) continue;
    const screen = workshop.open({ command: peer.command, term, env: peer.env });
    await screen.until(() => peer.isComplete(screen.text()), 10_000);
    opened.push({ peer, screen });
  }
  return opened;
}

function absent(peers: readonly Peer[]): Reference[] {
  return peers.flatMap(({ name, absent: why }) => (why === undefined ? [] : [{ name, value: null, why }]));
}
