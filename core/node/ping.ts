import { isIP, isIPv4 } from "node:net";
import { domainToASCII } from "node:url";
import { NodeError } from "../model/error.ts";
import type { Job } from "../model/records.ts";
import type { JobContext, Jobs } from "./jobs.ts";
import type { Machine } from "./machine.ts";

export type PingRequest = {
  /** An IPv4 or IPv6 address or a host name. */
  target: string;
  /** Interface to send from; the routing table's choice when left out. */
  link?: string | undefined;
  /** Requests to send, one a second; goes on for an hour when left out. */
  count?: number | undefined;
};

/** A ping that everybody forgot ends after this many requests: an hour. */
const forgottenAfter = 3600;

/**
 * Starts a job that pings an address, each answer a line of its log, the summary at the end, also when it is cancelled.
 * It fails with PING.NO_ANSWER, PING.UNKNOWN_NAME, PING.NO_ROUTE, PING.NO_LINK, PING.NOT_INSTALLED, PING.DENIED or
 * PING.FAILED.
 *
 * @throws NodeError PING.BAD_TARGET, PING.BAD_LINK, and JOB.TOO_MANY of `Jobs.start`.
 */
export function startPing(jobs: Jobs, machine: Machine, request: PingRequest, console: string): Job {
  const target = checkedTarget(request.target);
  const link = request.link === undefined ? undefined : checkedLink(request.link);
  const subject = link === undefined ? target : `${target} (${link})`;
  return jobs.start({ kind: "ping", subject, console, cancellable: true }, (context) =>
    ping(machine, { target, link, count: request.count }, context),
  );
}

/**
 * The target as `ping` gets it: an address, or a name in its ASCII form.
 *
 * @throws NodeError PING.BAD_TARGET. Also for what the C library would take for an address though it is none that a
 * person would write: `10.1`, `0x7f000001`.
 */
export function checkedTarget(text: string): string {
  const target = text.trim();
  if (isIP(target) !== 0) return target;
  // Blanks and signs that a URL's host may not hold are refused here, before the conversion drops or keeps them.
  const ascii = /^[\p{L}\p{N}\p{M}._-]+$/u.test(target) ? domainToASCII(target) : "";
  const labels = ascii.replace(/\.$/, "").split(".");
  const last = labels.at(-1) ?? "";
  const good =
    ascii.length <= 253 &&
    labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label)) &&
    !/^(\d+|0x[0-9a-f]*)$/i.test(last) &&
    !isIPv4(ascii);
  if (good) return ascii;
  throw new NodeError("PING.BAD_TARGET", "This is neither an IP address nor a host name.", {
    remedy: "Give an address such as 192.168.0.1 or fe80::1%eno1, or a name of letters, digits, dots and hyphens.",
  });
}

function checkedLink(link: string): string {
  // The kernel's rule for names, and none that could steer a terminal, or that ping would take for an option or an address.
  if (/^[^\s\p{Cc}/:-][^\s\p{Cc}/:]{0,14}$/u.test(link) && !/^\.+$/.test(link) && isIP(link) === 0) return link;
  throw new NodeError("PING.BAD_LINK", "This is no name of a network interface.", {
    remedy: "Give a name as the NIC panel shows it, such as eno1 or bond0.",
  });
}

async function ping(machine: Machine, request: PingRequest, context: JobContext): Promise<void> {
  const { target, link, count } = request;
  const args = [
    "-n",
    "-O",
    ...(link === undefined ? [] : ["-I", link]),
    "-c",
    String(count ?? forgottenAfter),
    "--",
    target,
  ];
  let received: number | undefined;
  let sent: number | undefined;
  const complaints: string[] = [];
  const onLine = (line: string, from: "stdout" | "stderr") => {
    context.log(line);
    if (from === "stderr") complaints.push(line);
    const sequence = /\bicmp_seq=(\d+)/.exec(line)?.[1];
    if (sequence !== undefined && count !== undefined) context.progress(Number(sequence) / count);
    const summary = /^(\d+) packets transmitted, (\d+) received/.exec(line);
    if (summary !== null) [sent, received] = [Number(summary[1]), Number(summary[2])];
  };
  // ping prints its summary at SIGINT, and dies without a word at SIGTERM.
  const limits = { reason: "Test Network", signal: context.signal, stopSignal: "SIGINT" } as const;
  let code: number | null;
  try {
    code = await machine.stream("ping", args, onLine, limits).done;
  } catch (error) {
    throw notStarted(error);
  }
  if (code === 0 || context.signal.aborted) return;
  throw failure(request, complaints, sent, received);
}

function notStarted(error: unknown): unknown {
  if (!(error instanceof NodeError)) return error;
  if (error.code === "RUN.NOT_FOUND")
    return new NodeError("PING.NOT_INSTALLED", "The command ping is not installed on this node.", {
      remedy: "Install the package iputils-ping.",
      cause: error,
    });
  return new NodeError("PING.FAILED", error.message, { cause: error });
}

/** What iputils' ping and the C library say in the C locale, by what it means. */
const meanings: readonly [pattern: RegExp, code: string, sentence: (request: PingRequest) => string, remedy: string][] =
  [
    [
      /name resolution/i,
      "PING.UNKNOWN_NAME",
      ({ target }) => `No name server answered the question for ${target}.`,
      "Check the name servers, or ping an IP address.",
    ],
    [
      /name or service not known|no address associated|address family for hostname/i,
      "PING.UNKNOWN_NAME",
      ({ target }) => `The name ${target} is not known.`,
      "Check how it is written, or ping an IP address.",
    ],
    [
      /no such device|unknown iface|cannot assign requested address/i,
      "PING.NO_LINK",
      ({ link, target }) => `${link ?? target} is no interface that could be sent from.`,
      "Choose an interface that is up and has an address.",
    ],
    [
      /network is unreachable|no route to host/i,
      "PING.NO_ROUTE",
      ({ target }) => `This node has no route to ${target}.`,
      "Check address, netmask and gateway of this node.",
    ],
    [
      /operation not permitted|permission denied/i,
      "PING.DENIED",
      ({ target }) => `This node refused to send to ${target}.`,
      "Check the node's firewall; a user without privileges needs a ping that may open raw sockets.",
    ],
  ];

function failure(
  request: PingRequest,
  complaints: readonly string[],
  sent: number | undefined,
  received: number | undefined,
): NodeError {
  for (const [pattern, code, sentence, remedy] of meanings)
    if (complaints.some((line) => pattern.test(line)))
      return new NodeError(code, sentence(request), { remedy, values: { target: request.target } });
  if (received === 0 && sent !== undefined)
    return new NodeError("PING.NO_ANSWER", `${request.target} answered none of ${sent} requests.`, {
      remedy: "Check the cable, the switch, and whether a firewall on the way drops pings.",
      values: { target: request.target, sent },
    });
  const said = complaints.at(-1)?.replace(/^\S*ping: /, "") ?? "no reason given";
  return new NodeError("PING.FAILED", `Pinging ${request.target} failed: ${said}.`, {
    values: { target: request.target },
  });
}
