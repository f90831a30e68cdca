import { setTimeout as wait } from "node:timers/promises";
import { keyBytes } from "./configuration.ts";
import { type Figure, figure, medianOf, type Reference, spreadOf } from "./figures.ts";
import type { Agent, Peer, Workshop } from "./programs.ts";
import type { BenchScreen } from "./screen.ts";

/** A key that has changed nothing after so long counts as answered after so long. */
const timeoutMs = 3000;

type KeyTime = { key: string; ms: number };

/** From a key's bytes at the terminal to the first byte that changes the screen below the clock. */
export async function measureKeys(
  workshop: Workshop,
  console: BenchScreen,
  peer: Peer,
  rounds: number,
): Promise<Figure[]> {
  const times = await pressKeys(console, rounds);
  const reference = await peerKeys(workshop, peer, Math.max(5 * rounds, 4));
  return figuresOf("key", times, reference);
}

/** The same while facts hang: every command that the agent runs comes to no end. */
export async function measureKeysFactHangs(console: BenchScreen, rounds: number): Promise<Figure[]> {
  return figuresOf("keyFactHangs", await pressKeys(console, rounds), null);
}

/** The same while the agent is stopped in its tracks. */
export async function measureKeysAgentStopped(console: BenchScreen, agent: Agent, rounds: number): Promise<Figure[]> {
  process.kill(agent.pid, "SIGSTOP");
  try {
    return figuresOf("keyAgentStopped", await pressKeys(console, rounds), null);
  } finally {
    process.kill(agent.pid, "SIGCONT");
  }
}

/** The same while something else goes on: Help opened and closed on the home screen, until `isOver`. */
export async function measureKeysMeanwhile(
  name: string,
  screen: BenchScreen,
  isOver: () => boolean,
): Promise<Figure[]> {
  const isHelp = () => / Help /.test(screen.lines()[0] ?? "");
  const times: KeyTime[] = [];
  while (!isOver()) {
    const [key, bytes] = isHelp() ? ["Esc", keyBytes.esc] : ["F1", keyBytes.f1];
    const before = isHelp();
    await wait(60 + ((times.length * 37) % 97));
    const pressedAt = screen.type(bytes);
    const answer = await screen.until(() => isHelp() !== before, timeoutMs);
    times.push({ key, ms: answer === undefined ? timeoutMs : answer.at - pressedAt });
  }
  return figuresOf(name, times, null);
}

const cursor: readonly [string, string][] = [
  ["j", "j"],
  ["j", "j"],
  ["j", "j"],
  ["j", "j"],
  ["j", "j"],
  ["k", "k"],
  ["k", "k"],
  ["k", "k"],
  ["k", "k"],
  ["k", "k"],
];
/** Help opened and closed, the profile changed and back, a screen opened and left. */
const screens: readonly [string, string][] = [
  ["F1", keyBytes.f1],
  ["Esc", keyBytes.esc],
  ["F4", keyBytes.f4],
  ["F4", keyBytes.f4],
  ["j", "j"],
  ["j", "j"],
  ["Enter", keyBytes.enter],
  ["Esc", keyBytes.esc],
  ["k", "k"],
  ["k", "k"],
];

/** Rounds of keys in the configuration list; without a whole round only those that change the screen. */
async function pressKeys(screen: BenchScreen, rounds: number): Promise<KeyTime[]> {
  const times: KeyTime[] = [];
  const keys = rounds < 1 ? screens : Array.from({ length: rounds }, () => [...cursor, ...screens]).flat();
  for (const [key, bytes] of keys) {
    // Keys fall anywhere between two of the program's own wake-ups.
    await wait(60 + ((times.length * 37) % 97));
    times.push({ key, ms: await answerMs(screen, bytes, () => screen.body()) });
    await screen.still(() => screen.body(), 60);
  }
  return times;
}

async function answerMs(screen: BenchScreen, bytes: string, look: () => string): Promise<number> {
  const before = look();
  const pressedAt = screen.type(bytes);
  const answer = await screen.until(() => look() !== before, timeoutMs);
  return answer === undefined ? timeoutMs : answer.at - pressedAt;
}

async function peerKeys(workshop: Workshop, peer: Peer, count: number): Promise<Reference> {
  const { name, absent, command, env } = peer;
  if (absent !== undefined) return { name, value: null, why: absent };
  const screen = workshop.open({ command, term: "linux", env });
  await screen.until(() => peer.isComplete(screen.text()), 10_000);
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    await wait(60 + ((i * 37) % 97));
    times.push(await answerMs(screen, i % 2 === 0 ? keyBytes.down : keyBytes.up, () => screen.backgrounds()));
  }
  await workshop.close(screen);
  return { name: `${name}, arrow keys`, value: medianOf(times) };
}

function figuresOf(name: string, times: readonly KeyTime[], reference: Reference | null): Figure[] {
  const all = times.map((time) => time.ms);
  const slowest = times.reduce((a, b) => (b.ms > a.ms ? b : a));
  return [
    figure(`${name}MedianMs`, medianOf(all), "ms", {
      goal: "<= 50",
      reference,
      spread: spreadOf(all),
      note: byKey(times),
    }),
    figure(`${name}MaxMs`, slowest.ms, "ms", { goal: "<= 100", note: `the slowest was ${slowest.key}` }),
  ];
}

function byKey(times: readonly KeyTime[]): string {
  const groups = Map.groupBy(times, ({ key }) => key);
  const texts = [...groups].map(([key, group]) => `${key} ${medianOf(group.map(({ ms }) => ms)).toFixed(1)}`);
  return `medians: ${texts.join(", ")}; a lone Esc waits for the rest of a sequence`;
}
