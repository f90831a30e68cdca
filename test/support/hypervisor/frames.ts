import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { line } from "../spaces.ts";
import type { Computer, Guest } from "./wire.ts";

/*
 * Frames as no system would send them, and what of them is heard elsewhere. Each carries a word of its own. Perl sends and
 * hears them, for Node has no such sockets.
 */

// Without modules of Perl's, which a system for tests has not.
const open = `socket(my $s, 17, 3, 0x0300) or die "$!"; my $r = pack("a16x16", shift);
ioctl($s, 0x8933, $r) or die "$!"; bind($s, pack("S n i S C C a8", 17, 3, unpack("x16 i", $r), 0, 0, 0, "")) or die "$!";`;
/** Of Perl: sends frames, given in hexadecimal digits, at an interface. */
export const sending = `${open} for (@ARGV) { send($s, pack("H*", $_), 0) or die "$!" }`;
/** Of Perl: prints "ready", and the words of all frames at an interface; up to a certain one, when that is given. */
export const hearing = `${open} my $end = shift // ""; $| = 1; print "ready\\n";
while (defined recv($s, my $f, 65535, 0)) { next if $f !~ /#([a-z0-9 -]+)#/; print "$1\\n"; exit if $1 eq $end }`;

export const broadcast = "ff:ff:ff:ff:ff:ff";

const bytes = (text: string) => Buffer.from(text.replaceAll(/[:. ]/g, ""), "hex");
const number = (value: number, length = 2) => bytes(value.toString(16).padStart(2 * length, "0"));
const four = (ip: string) => Buffer.from(ip.split(".").map(Number));
/** Written out: fe80:0:0:0:0:0:0:1. */
const six = (ip: string) => Buffer.concat(ip.split(":").map((group) => number(Number.parseInt(group, 16))));

export type Frame = { from: string; to?: string; tags?: [type: number, id: number][]; type: number; content?: Buffer };

/** `word`: by which it is known where it is heard. */
export function frame(
  word: string,
  { from, to = broadcast, tags = [], type, content = Buffer.alloc(0) }: Frame,
): string {
  const tag = tags.flatMap(([kind, id]) => [number(kind), number(id)]);
  const head = [bytes(to), bytes(from), ...tag, number(type)];
  return Buffer.concat([...head, content, Buffer.from(`#${word}#`), Buffer.alloc(62 - word.length)]).toString("hex");
}

export function udp(source: number, destination: number, length = 64): Buffer {
  return Buffer.concat([number(source), number(destination), number(8 + length), number(0)]);
}

/** The head of a packet, with what follows of a known length. */
export function packet4(from: string, to: string, protocol: number, content: Buffer = Buffer.alloc(0)): Buffer {
  const head = [
    bytes("4500"),
    number(20 + content.length + 64),
    bytes("000000004011"),
    number(0),
    four(from),
    four(to),
  ];
  const all = Buffer.concat(head);
  all[9] = protocol;
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += all.readUInt16BE(at);
  // Bridges of a system with br_netfilter let no other one through: RFC 1071.
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  all.writeUInt16BE(~sum & 0xffff, 10);
  return Buffer.concat([all, content]);
}

export function packet6(from: string, to: string, protocol: number, content: Buffer = Buffer.alloc(0)): Buffer {
  const head = [bytes("60000000"), number(content.length + 64), number(protocol, 1), bytes("ff"), six(from), six(to)];
  return Buffer.concat([...head, content]);
}

/** A packet of IPv6 to all nodes of the link. */
export function toAllNodes(from: string, source: string, content: Buffer, protocol = 58): Frame {
  return { from, type: 0x86dd, content: packet6(source, "ff02:0:0:0:0:0:0:1", protocol, content) };
}

/** `target`: of a neighbour's advertisement. `flags`: solicited, and in place of what was known. */
export function icmp6(type: number, target = "0:0:0:0:0:0:0:0", flags = 0x60): Buffer {
  return Buffer.concat([number(type, 1), bytes("00 0000"), number(flags, 1), bytes("000000"), six(target)]);
}

/** The first part of a packet, to be content of the protocol 44. `next`: what `content` is. */
export function fragment6(next: number, content: Buffer): Buffer {
  return Buffer.concat([number(next, 1), bytes("00 0001 00000007"), content]);
}

/** Options for the destination, of so many bytes, of which more may be than a packet has; `next`: what is after them. */
export function options6(next: number, length: number): Buffer {
  return Buffer.concat([number(next, 1), number(length / 8 - 1, 1), bytes("0104 00000000")]);
}

/** `type`: 1 asks, 2 answers. */
export function arp(type: 1 | 2, mac: string, ip: string, wanted: string): Buffer {
  const head = [bytes("0001 0800 06 04"), number(type), bytes(mac), four(ip), bytes("000000000000"), four(wanted)];
  return Buffer.concat(head);
}

export async function send(from: Guest, ...frames: string[]): Promise<void> {
  const { code, stderr } = await from.try("perl", "-e", sending, "eth0", ...frames);
  if (code !== 0) throw new Error(stderr);
}

/** Hears all that arrives at an interface, until it is closed. */
export class Ear {
  readonly words: string[] = [];
  readonly #process: ChildProcess;
  #changed = Promise.withResolvers<void>();

  private constructor(process: ChildProcess) {
    this.#process = process;
    let text = "";
    process.stdout?.on("data", (chunk: Buffer) => {
      const lines = `${text}${chunk}`.split("\n");
      text = lines.pop() ?? "";
      this.words.push(...lines);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    });
  }

  /** @param space a network namespace of the computer; its own without one */
  static async at(computer: Computer, name: string, space?: string): Promise<Ear> {
    const enter = ["-t", String(computer.pid), "-m", "-n", "-p", "-u", "--"];
    const where = space === undefined ? [] : ["ip", "netns", "exec", space];
    const child = spawn("nsenter", [...enter, ...where, "perl", "-e", hearing, name]);
    const ear = new Ear(child);
    await line(child, "ready");
    return ear;
  }

  /** The words that were heard since the last time, until this one comes, which is left out. */
  async until(word: string): Promise<string[]> {
    const end = AbortSignal.timeout(60_000);
    const late = new Promise<never>((_resolve, reject) => end.addEventListener("abort", () => reject(end.reason)));
    late.catch(() => undefined);
    while (!this.words.includes(word)) await Promise.race([this.#changed.promise, late]);
    const heard = this.words.splice(0, this.words.indexOf(word) + 1);
    return [...new Set(heard.slice(0, -1))].filter((each) => each !== "ready").sort();
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await gone;
  }
}
