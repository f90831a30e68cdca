import type { Link } from "../model/facts.ts";
import { commandFailed } from "./facts/source.ts";
import type { Machine, RunResult } from "./machine.ts";

/* Asking the machines of one's own network: who has an address, and whether packets of a size come back. */

export type Asking = { machine: Machine; signal: AbortSignal; reason: string };

/** The question who has an address: `own` are the MAC addresses of this machine, in lower case. */
export type Sought = { link: string; address: string; seconds: number; own: ReadonlySet<string> };

/**
 * The MAC address, in lower case, of another machine that answers for an IPv4 address; undefined when none does. Asked
 * with an empty sender, as RFC 5227 has it, so that nobody learns a wrong address from the question.
 *
 * The kernel answers on every interface for every address of its own, and two of them may end in one switch: when the
 * first answer is this machine's, all that come within the seconds are looked at.
 * Source: arping(8) of iputils: `-D` exits with 0 when nobody answered, and stops at the first answer.
 *
 * @throws FactMissing or NodeError when it can't be asked
 */
export async function whoElseHas(asking: Asking, sought: Sought): Promise<string | undefined> {
  const { link, address, seconds, own } = sought;
  const first = await ask(asking, ["-D", "-c", "2", "-w", String(seconds), "-I", link, address], seconds);
  const mac = first.code === 0 ? undefined : macsIn(first.stdout)[0];
  if (first.code !== 0 && mac === undefined) throw commandFailed("arping", first.stderr);
  if (mac === undefined || !own.has(mac)) return mac;
  const all = await ask(asking, ["-b", "-s", "0.0.0.0", "-w", String(seconds), "-I", link, address], seconds);
  return macsIn(all.stdout).find((each) => !own.has(each));
}

function ask({ machine, signal, reason }: Asking, args: readonly string[], seconds: number): Promise<RunResult> {
  return machine.run("arping", args, { timeoutMs: (seconds + 2) * 1000, signal, reason });
}

function macsIn(text: string): string[] {
  const found = text.matchAll(/^\w+ reply from \S+ \[([0-9A-F:]{17})\]/gim);
  return [...found].map((each) => (each[1] ?? "").toLowerCase());
}

/** The MAC addresses of this machine's links, as {@link whoElseHas} wants them. */
export function ownMacs(links: readonly Pick<Link, "mac" | "permanentMac">[]): Set<string> {
  const macs = links.flatMap(({ mac, permanentMac }) => [mac, permanentMac]);
  return new Set(macs.flatMap((mac) => (mac === null ? [] : [mac.toLowerCase()])));
}

/** What came of a packet: whether it was answered, and the MTU that somebody on the way named when he refused it. */
export type Echo = { arrived: boolean; told?: number };

/**
 * Sends two packets that may not be split, within a second, so that one that is lost by chance counts for nothing.
 * Source: ping(8) of iputils.
 *
 * @param payloadBytes what is in the packet, without the headers of IP and ICMP
 * @throws FactMissing or NodeError when it can't be asked
 */
export async function echo(
  { machine, signal, reason }: Asking,
  link: string,
  address: string,
  payloadBytes: number,
): Promise<Echo> {
  const size = ["-M", "do", "-s", String(payloadBytes)];
  const args = ["-n", "-c", "2", "-i", "0.2", "-w", "1", ...size, "-I", link, "--", address];
  const { stdout, stderr } = await machine.run("ping", args, { timeoutMs: 2000, signal, reason });
  const received = /packets transmitted, (\d+) received/.exec(stdout)?.[1];
  if (received === undefined) throw commandFailed("ping", stderr);
  const told = /\bmtu ?= ?(\d+)/.exec(`${stdout}\n${stderr}`)?.[1];
  return { arrived: Number(received) > 0, ...(told === undefined ? {} : { told: Number(told) }) };
}

/** Around a packet's payload: the IP header without options, and that of ICMP. */
export const echoHeaders = { inet: 28, inet6: 48 } as const;
