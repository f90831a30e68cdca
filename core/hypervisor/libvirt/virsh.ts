import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod/mini";
import { NodeError } from "../../model/error.ts";
import { type Machine, type RunResult, sleep } from "../../node/machine.ts";
import type { MachineReport } from "../driver.ts";
import { VirshShells } from "./virsh-shells.ts";

/*
 * libvirt by its command line, for the binding for Node is not kept: short commands go to a virsh that stays, others to one
 * of their own. Domains are named by the machine's uuid, which no other has, and no name of a person ever comes near an
 * argument.
 */

export type VirshOptions = {
  machine: Machine;
  /** Of libvirt's daemon; the system's own unless told. */
  uri?: string | undefined;
};

/** Milliseconds: for a look, and for what changes something. */
const [lookMs, changeMs] = [10_000, 90_000];
/** QEMU reads and writes the whole map of a volume's clusters for a snapshot. */
const monitorMs = 900_000;
const monitorAnswer = z.object({
  return: z.optional(z.unknown()),
  error: z.optional(z.object({ desc: z.string() })),
});
/** For a move: whoever asks for it has a limit of its own. */
const migrateMs = 86_400_000;
/** Before a stream of events that has ended is begun anew. */
const [firstPauseMs, longestPauseMs] = [500, 10_000];

/** Sockets, as libvirt has them. `bandwidth`: MiB a second; 0: no limit. */
export type WayThere = {
  control: string;
  memory: string;
  bandwidth: number;
  copied?: { socket: string; targets: readonly string[]; xml?: string };
};

/** `memoryBytes`: what a machine may take at the most; 0 when that is not told. */
export type Domain = MachineReport & { memoryBytes: number; mayComeIn: boolean };

/** What prints nothing of a guest's or a person's, and ends soon. */
const spoken = new Set(["define", "domjobabort", "domjobinfo", "domstats", "destroy", "list", "resume", "shutdown"]);
for (const more of ["start", "suspend", "undefine"]) spoken.add(more);

export class Virsh {
  readonly #options: VirshOptions;
  readonly #shells: VirshShells;

  constructor(options: VirshOptions) {
    this.#options = options;
    this.#shells = new VirshShells(options.machine, this.#connection);
  }

  /** Machines of ours, whether they run or not. @throws HYPERVISOR.FAILED */
  async domains(signal: AbortSignal): Promise<Domain[]> {
    // Without waiting for a machine that something else works on: one that hangs must not hide all others.
    const text = await this.#look(["domstats", "--nowait", "--raw", "--state", "--balloon"], signal);
    const domains = text.split("\n\n").flatMap((block) => domainIn(block));
    if (!domains.some(({ mayComeIn }) => mayComeIn)) return domains;
    // All of ours are persistent, but for a copy that is coming from another host: it becomes so before it runs.
    const transient = uuidsIn(await this.#look(["list", "--transient", "--uuid"], signal));
    return domains.map((each) =>
      each.mayComeIn && transient.has(each.uuid) ? { ...each, migration: { way: "in" } } : each,
    );
  }

  /** What libvirt does with a machine at the moment, and how far it is; undefined for nothing. @throws HYPERVISOR.FAILED */
  async job(uuid: string, signal: AbortSignal): Promise<{ isOutgoing: boolean; percent: number } | undefined> {
    const text = await this.#look(["domjobinfo", uuid], signal).catch(() => "");
    if (!/^Job type:\s+(Bounded|Unbounded)/m.test(text)) return undefined;
    const [total, remaining] = [bytesIn(text, "Memory total"), bytesIn(text, "Memory remaining")];
    const memory = total === 0 ? 0 : (100 * (total - remaining)) / total;
    const [files, filesLeft] = [bytesIn(text, "File total"), bytesIn(text, "File remaining")];
    // Disks go first, and are most of it.
    const percent = Math.floor(files === 0 ? memory : 0.8 * ((100 * (files - filesLeft)) / files) + 0.2 * memory);
    return { isOutgoing: /^Operation:\s+Outgoing migration/m.test(text), percent: Math.min(99, Math.max(0, percent)) };
  }

  /**
   * Moves a running machine to the host behind these sockets: there it is persistent, here nothing of it stays. Resolves
   * when it runs there. libvirt knows few shared file systems, and holds all others for unsafe: that the volumes are on a
   * shared one, and without the host's cache, is known by whoever asks. A guest that writes faster than its memory goes
   * over is slowed down; it never begins there before all of it is there. `copied`: disks that go along, by their place
   * in the machine, into volumes that are there and empty; it stands still there then, until it is resumed; `xml`: the machine as it is to be there.
   */
  async migrate(uuid: string, to: WayThere): Promise<void> {
    const uris = ["--desturi", `qemu+unix:///system?socket=${to.control}`, "--migrateuri", `unix://${to.memory}`];
    const limit = to.bandwidth === 0 ? [] : ["--bandwidth", String(to.bandwidth)];
    const flags = ["--live", "--p2p", "--persistent", "--undefinesource", "--unsafe", "--auto-converge"];
    const { copied } = to;
    if (copied === undefined) {
      await this.#run(["migrate", ...flags, ...limit, ...uris, uuid], { timeoutMs: migrateMs });
      return;
    }
    const disks = [
      "--suspend",
      "--copy-storage-inc",
      "--migrate-disks",
      copied.targets.join(","),
      "--disks-uri",
      `unix://${copied.socket}`,
    ];
    const send = (more: readonly string[]) =>
      this.#run(["migrate", ...flags, ...disks, ...limit, ...uris, ...more, uuid], { timeoutMs: migrateMs });
    if (copied.xml === undefined) await send([]);
    else await this.#withFile(copied.xml, async (file) => void (await send(["--xml", file, "--persistent-xml", file])));
  }

  async abortJob(uuid: string): Promise<void> {
    await this.#change(["domjobabort", uuid]);
  }

  /** Ends a copy that is coming in; one that has become a machine meanwhile may be hit no more than by a wrong look. */
  async destroyIncoming(uuid: string): Promise<void> {
    await this.#change(["destroy", uuid]);
  }

  /** One machine of ours; undefined when it is not known. @throws HYPERVISOR.FAILED */
  async domain(uuid: string, signal: AbortSignal): Promise<Domain | undefined> {
    const stats = ["domstats", "--nowait", "--raw", "--state", "--balloon", uuid];
    const text = await this.#look(stats, signal).catch((error: unknown) => {
      if (error instanceof NodeError && /^failed to get domain/.test(String(error.values["said"]))) return "";
      throw error;
    });
    return domainIn(text).find((each) => each.uuid === uuid);
  }

  /**
   * Tells of whatever happens to machines, until `signal`. A stream that ends, because libvirt was restarted, is begun
   * anew; what has happened in between is not known, and told as well.
   */
  async events(changed: () => void, signal: AbortSignal): Promise<void> {
    const { machine } = this.#options;
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      const began = machine.monotonicMs();
      const args = [...this.#connection, "event", "--loop", "--event", "lifecycle"];
      const heard = (line: string, from: "stdout" | "stderr") => {
        if (from === "stdout" && !isDefinition.test(line)) changed();
      };
      const stream = machine.stream("virsh", args, heard, { signal });
      changed();
      await stream.done.catch(() => undefined);
      if (machine.monotonicMs() - began > longestPauseMs) pauseMs = firstPauseMs;
      await sleep(machine, pauseMs, signal);
    }
  }

  /** Of the libvirt that answers. @throws HYPERVISOR.FAILED */
  async version(signal: AbortSignal): Promise<string> {
    return /: libvirt (\S+)/.exec(await this.#look(["version"], signal))?.[1] ?? "unknown";
  }

  /** What a machine consists of at present, or with `live` false after its next start, as XML. @throws HYPERVISOR.FAILED */
  xml(uuid: string, signal: AbortSignal, live = true): Promise<string> {
    return this.#look(["dumpxml", ...(live ? [] : ["--inactive"]), uuid], signal);
  }

  /** The same as another host is given it. */
  portableXml(uuid: string, signal: AbortSignal): Promise<string> {
    return this.#look(["dumpxml", "--migratable", uuid], signal);
  }

  /** Makes a machine known, or changes what is known of one that does not run. */
  async define(xml: string): Promise<void> {
    await this.#withFile(xml, (file) => this.#change(["define", file]));
  }

  async start(uuid: string): Promise<void> {
    // Never what somebody has saved of its memory: its disks may have gone on since, on another host.
    await this.#change(["start", "--force-boot", uuid]);
  }

  /** Presses the button: what the guest makes of it is its own business. */
  async pressPower(uuid: string): Promise<void> {
    await this.#change(["shutdown", uuid]);
  }

  /** Lets it stand still in memory, which libvirt calls so. */
  async suspend(uuid: string): Promise<void> {
    await this.#change(["suspend", uuid]);
  }

  async resume(uuid: string): Promise<void> {
    await this.#change(["resume", uuid]);
  }

  /** Machines of which memory is kept on the disk. @throws HYPERVISOR.FAILED */
  async saved(signal: AbortSignal): Promise<Set<string>> {
    const text = await this.#look(["list", "--inactive", "--with-managed-save", "--uuid"], signal);
    return uuidsIn(text);
  }

  /** Keeps its memory on the disk and stops it. */
  async save({ uuid, memoryBytes }: Domain): Promise<void> {
    await this.#change(["managedsave", "--running", uuid], memoryMs(memoryBytes));
  }

  /** Starts it from there. */
  async restore(uuid: string, memoryBytes: number): Promise<void> {
    await this.#change(["start", uuid], memoryMs(memoryBytes));
  }

  /** Switches it off. */
  async destroy(uuid: string): Promise<void> {
    await this.#change(["destroy", uuid]);
  }

  async undefine(uuid: string): Promise<void> {
    await this.#change([
      "undefine",
      "--managed-save",
      "--snapshots-metadata",
      "--checkpoints-metadata",
      "--nvram",
      uuid,
    ]);
  }

  /** Disks of a machine by their file, with the place where it has them; `live`: as it runs, not as it is started next. */
  async disks(uuid: string, live: boolean, signal: AbortSignal): Promise<Map<string, string>> {
    const text = await this.#look(["domblklist", "--details", ...(live ? [] : ["--inactive"]), uuid], signal);
    const found = text.matchAll(/^ *file +disk +(\S+) +(.+)$/gm);
    return new Map([...found].map(([, target = "", path = ""]) => [path, target]));
  }

  /** `live`: at once; else with the next start. */
  async attachDevice(uuid: string, xml: string, live: boolean): Promise<void> {
    await this.#withFile(xml, (file) => this.#change(["attach-device", uuid, file, live ? "--live" : "--config"]));
  }

  /** Live, it is only asked for: see {@link disks} for what comes of it. */
  async detachDisk(uuid: string, target: string, live: boolean): Promise<void> {
    await this.#change(["detach-disk", uuid, target, live ? "--live" : "--config"]);
  }

  /** MAC addresses of a machine's network cards; `live`: as it runs, not as it is started next. */
  async macs(uuid: string, live: boolean, signal: AbortSignal): Promise<Set<string>> {
    const text = await this.#look(["domiflist", ...(live ? [] : ["--inactive"]), uuid], signal);
    return new Set([...text.matchAll(/ ([\da-f]{2}(?::[\da-f]{2}){5})\s*$/gm)].map(([, address = ""]) => address));
  }

  /** As {@link detachDisk}. */
  async detachNic(uuid: string, mac: string, live: boolean): Promise<void> {
    await this.#change(["detach-interface", uuid, "bridge", "--mac", mac, live ? "--live" : "--config"]);
  }

  /** What is in a drive, by force. */
  async updateDevice(uuid: string, xml: string, live: boolean): Promise<void> {
    const when = live ? "--live" : "--config";
    await this.#withFile(xml, (file) => this.#change(["update-device", uuid, file, when, "--force"]));
  }

  async resizeDisk(uuid: string, target: string, sizeBytes: number): Promise<void> {
    await this.#change(["blockresize", uuid, target, `${sizeBytes}B`]);
  }

  /** Asks QEMU itself for what libvirt has no word for. @throws HYPERVISOR.FAILED with QEMU's own words */
  async monitor(uuid: string, execute: string, args: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const command = JSON.stringify({ execute, arguments: args });
    const answer = monitorAnswer.parse(
      JSON.parse(await this.#run(["qemu-monitor-command", uuid, command], { timeoutMs: monitorMs })),
    );
    if (answer.error !== undefined) throw libvirtFailed(execute, answer.error.desc);
    return answer.return;
  }

  get #connection(): string[] {
    return ["--connect", this.#options.uri ?? "qemu:///system", "--quiet"];
  }

  /** virsh reads a file by its name, and a pipe of Node has none. */
  async #withFile(xml: string, use: (file: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), "binnacle-domain-"));
    try {
      const file = join(folder, "domain.xml");
      await writeFile(file, xml, { mode: 0o600 });
      await use(file);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #look(args: readonly string[], signal: AbortSignal): Promise<string> {
    return this.#run(args, { timeoutMs: lookMs, signal });
  }

  /** Not to be called off: libvirt would go on with it, and nobody would know how it ended. */
  async #change(args: readonly string[], moreMs = 0): Promise<void> {
    await this.#run(args, { timeoutMs: changeMs + moreMs });
  }

  async #run(args: readonly string[], how: { timeoutMs: number; signal?: AbortSignal }): Promise<string> {
    const [verb = ""] = args;
    let result: Awaited<ReturnType<Machine["run"]>>;
    try {
      result = await this.#said(args, how);
    } catch (error) {
      how.signal?.throwIfAborted();
      throw libvirtFailed(verb, error instanceof Error ? error.message : String(error), error);
    }
    if (result.code === 0) return result.stdout;
    throw libvirtFailed(verb, result.stderr);
  }

  async #said(args: readonly string[], how: { timeoutMs: number; signal?: AbortSignal }): Promise<RunResult> {
    const { machine } = this.#options;
    const [verb = ""] = args;
    if (machine.talk === undefined || !spoken.has(verb) || !VirshShells.takes(args))
      return await machine.run("virsh", [...this.#connection, ...args], how);
    how.signal?.throwIfAborted();
    const began = machine.monotonicMs();
    const result = await this.#shells.run(args, how, how.signal !== undefined);
    if (result !== undefined) return result;
    how.signal?.throwIfAborted();
    const isLate = machine.monotonicMs() - began >= how.timeoutMs;
    throw new Error(isLate ? `virsh did not answer within ${how.timeoutMs / 1000} s.` : "virsh has ended.");
  }
}

function uuidsIn(text: string): Set<string> {
  return new Set(text.replaceAll("-", "").split("\n").filter(Boolean));
}

/** What a slow disk takes for so much memory: 20 MiB a second. */
function memoryMs(bytes: number): number {
  return (bytes / (20 * 1024 ** 2)) * 1000;
}

/** libvirt's own words, for whoever looks into them. */
function libvirtFailed(verb: string, words: string, cause?: unknown): NodeError {
  const said = words
    .replace(/^error: /gm, "")
    .trim()
    .replaceAll(/\s+/g, " ");
  return new NodeError("HYPERVISOR.FAILED", `libvirt could not ${verb}: ${said || "it has not said why"}`, {
    remedy: "See the log of libvirt on the host: journalctl -u libvirtd",
    values: { verb, said: said.slice(0, 1000) },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Of libvirt's virDomainState. One that is shutting down still runs; one that was suspended by its guest, too. */
const states: Readonly<Record<string, MachineReport["state"]>> = {
  "1": "running",
  "2": "running",
  "3": "paused",
  "4": "running",
  "5": "stopped",
  "6": "stopped",
  "7": "running",
};

/** An event that changes nothing of what a machine does: what is known of it has been written down. */
const isDefinition = /: Defined /;

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

function bytesIn(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+([\\d.]+) (\\w+)`, "m").exec(text);
  return Number(found?.[1] ?? 0) * 1024 ** Math.max(0, units.indexOf(found?.[2] ?? "B"));
}

/** Of virDomainPausedReason: VIR_DOMAIN_PAUSED_MIGRATION, and VIR_DOMAIN_PAUSED_STARTING_UP before it. */
const incomingReasons: ReadonlySet<string> = new Set(["2", "11"]);

function domainIn(block: string): Domain[] {
  const uuid = /^Domain: '([\da-f]{12}4[\da-f]{19})'$/m.exec(block)?.[1];
  const state = states[/^\s*state\.state=(\d+)$/m.exec(block)?.[1] ?? ""];
  // A domain of somebody else's has another name.
  if (uuid === undefined || state === undefined) return [];
  const reason = /^\s*state\.reason=(\d+)$/m.exec(block)?.[1] ?? "";
  const kibibytes = /^\s*balloon\.maximum=(\d+)$/m.exec(block)?.[1];
  const mayComeIn = state === "paused" && incomingReasons.has(reason);
  return [{ uuid, state, memoryBytes: Number(kibibytes ?? 0) * 1024, mayComeIn }];
}
