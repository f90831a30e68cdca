import { commandFailed } from "./facts/source.ts";
import type { Machine } from "./machine.ts";

/* Asking the machines of one's own network: who has an address, and whether packets of a size come back. */

export type Asking = { machine: Machine; signal: AbortSignal; reason: string };

/**
 * The MAC address, in lower case, of a machine that answers for an IPv4 address; undefined when none does. Asked with an
 * empty sender, as RFC 5227 has it, so that nobody learns a wrong address from the question.
 * Source: arping(8) of iputils: `-D` exits with 0 when nobody answered.
 *
 * @throws FactMissing or NodeError when it can't be asked
 */
export async function whoHas(
  { machine, signal, reason }: Asking,
  link: string,
  address: string,
  seconds: number,
): Promise<string | undefined> {
  const args = ["-D", "-c", "2", "-w", String(seconds), "-I", link, address];
  const { code, stdout, stderr } = await machine.run("arping", args, {
    timeoutMs: (seconds + 2) * 1000,
    signal,
    reason,
  });
  if (code === 0) return undefined;
  const mac = /^Unicast reply from \S+ \[([0-9A-F:]{17})\]/im.exec(stdout)?.[1];
  if (mac === undefined) throw commandFailed("arping", stderr);
  return mac.toLowerCase();
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
