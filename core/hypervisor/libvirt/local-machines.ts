import type { Duplex } from "node:stream";
import { NodeError } from "../../model/error.ts";
import type { LocalAction } from "../../model/local-machines.ts";
import { type Machine, readOrNothing } from "../../node/machine.ts";
import type { LocalMachines, MachineCounters, MachineParts } from "../local.ts";
import { notRunning } from "../refusals.ts";
import type { Consoles } from "./consoles.ts";
import { amount, conditionOf, cpuTimeOf, kibibytes, parseDomstats, partsOf, type Stats } from "./domstats.ts";
import { partsInXml } from "./parts-xml.ts";

export type LocalLibvirtOptions = {
  machine: Machine;
  /** What virsh reaches libvirt by: `["-c", "qemu:///system", "-r"]`. */
  connection: readonly string[];
  /** Left out by one that only looks. */
  consoles?: Pick<Consoles, "open"> | undefined;
};

const lookMs = 8_000;
const changeMs = 90_000;
/** Names are asked for again after so long, for a machine may have been given another one. */
const namesMs = 600_000;
/**
 * Without waiting for a machine that something else works on, and without its disks: to ask for these libvirt looks at
 * their files, and one on a dead storage would hold it up, and with it whatever else is to be done with the machine.
 */
const cheap = ["domstats", "--raw", "--state", "--vcpu", "--balloon", "--nowait"];
/** Within it is none: there it would be written with `&lt;`. */
const xmlEnd = "</domain>";
const verbs = { start: "start", shutDown: "shutdown", powerOff: "destroy" } as const satisfies Record<
  LocalAction,
  string
>;

type Names = { uuid: string; title: string };

/** All domains of a libvirt, those of other makers too. One `domstats` for each reading. */
export class LocalLibvirt implements LocalMachines {
  readonly #options: LocalLibvirtOptions;
  /** By libvirt's names. */
  #names: Map<string, Names> | undefined;
  #namesAt = Number.NEGATIVE_INFINITY;

  constructor(options: LocalLibvirtOptions) {
    this.#options = options;
  }

  get canAct(): boolean {
    return this.#options.consoles !== undefined;
  }

  async all(signal: AbortSignal): Promise<MachineCounters[]> {
    if (this.#names === undefined) await this.#learnNames(signal);
    const stats = parseDomstats(await this.#look([...cheap, "--interface"], signal));
    if (!this.#knows([...stats.keys()])) await this.#learnNames(signal);
    return [...(this.#names ?? [])].map(([name, { uuid, title }]) => countersOf(uuid, name, title, stats.get(name)));
  }

  async one(uuid: string, signal: AbortSignal): Promise<MachineParts | undefined> {
    const { machine } = this.#options;
    if (this.#names === undefined) await this.#learnNames(signal);
    const [name, names] = [...(this.#names ?? [])].find(([, each]) => each.uuid === uuid) ?? [];
    if (name === undefined || names === undefined) return undefined;
    const hyphened = withHyphens(uuid);
    // One virsh for all three. The counters last, so that they are of the moment at which they are given.
    const asked = [`dumpxml ${hyphened}`, `domblkinfo --all ${hyphened}`];
    const text = await this.#look(
      [[...asked, [...cheap, "--interface", "--block", hyphened].join(" ")].join("; ")],
      signal,
    );
    const endOfXml = text.indexOf(xmlEnd) + xmlEnd.length;
    const xml = partsInXml(text.slice(0, endOfXml));
    const stats = parseDomstats(text.slice(endOfXml)).get(name);
    const stored = storedIn(text.slice(endOfXml));
    const blocks = new Map(partsOf(stats, "block").map((block) => [block("name") ?? "", block]));
    const cards = new Map(partsOf(stats, "net").map((card) => [card("name") ?? "", card]));
    const counters = countersOf(uuid, name, names.title, stats);
    return {
      counters,
      disks: xml.disks.map(({ target, path }) => {
        const block = blocks.get(target);
        return {
          ...{ target, path: block?.("path") ?? path },
          ...{ sizeBytes: whole(block?.("capacity")), allocatedBytes: stored.get(target) ?? null },
          ...{ read: whole(block?.("rd.bytes")), written: whole(block?.("wr.bytes")) },
        };
      }),
      nics: xml.nics.map(({ mac, on, target }) => {
        const card = cards.get(target);
        return { mac, on, target, received: whole(card?.("rx.bytes")), sent: whole(card?.("tx.bytes")) };
      }),
      hasSerial: xml.hasSerial,
      upSeconds: isOn(counters) ? await upSeconds(machine, name) : null,
    };
  }

  async act(uuid: string, action: LocalAction): Promise<void> {
    // One whose memory was kept goes on from there: it is nobody's but this host's.
    try {
      await this.#run([verbs[action], withHyphens(uuid)], { timeoutMs: changeMs });
    } catch (error) {
      // It may have ended by itself at the same moment.
      if (action === "start" || (await this.#isOn(uuid, AbortSignal.timeout(lookMs)))) throw error;
    }
  }

  async openSerial(uuid: string, signal: AbortSignal): Promise<Duplex> {
    const { consoles } = this.#options;
    if (consoles === undefined || !(await this.#isOn(uuid, signal))) throw notRunning(uuid);
    return await consoles.open(uuid, "serial", signal);
  }

  async #isOn(uuid: string, signal: AbortSignal): Promise<boolean> {
    const [stats] = parseDomstats(
      await this.#look(["domstats", "--raw", "--state", "--nowait", withHyphens(uuid)], signal),
    ).values();
    return isOn(conditionOf(stats));
  }

  /** Names are asked for when there are others than before: for hundreds of machines that costs more than their figures. */
  #knows(found: readonly string[]): boolean {
    const names = this.#names;
    const isSame = found.length === names?.size && found.every((name) => names.has(name));
    return isSame && this.#options.machine.monotonicMs() - this.#namesAt < namesMs;
  }

  async #learnNames(signal: AbortSignal): Promise<void> {
    const { machine } = this.#options;
    const list = await this.#look(["list", "--all", "--uuid", "--name"], signal);
    // One that has gone since is no reason to show none at all.
    const titles = titlesIn(await this.#look(["list", "--all", "--title"], signal).catch(() => ""));
    const names = new Map<string, Names>();
    for (const line of list.split("\n")) {
      if (line.trim() === "") continue;
      const [, uuid, name] = /^([0-9a-f-]{36}) (.*?) *$/.exec(line) ?? [];
      if (uuid === undefined || name === undefined) throw notUnderstood("list");
      names.set(name, { uuid: uuid.replaceAll("-", ""), title: titles.get(name) ?? "" });
    }
    this.#names = names;
    this.#namesAt = machine.monotonicMs();
  }

  #look(args: readonly string[], signal: AbortSignal): Promise<string> {
    return this.#run(args, { timeoutMs: lookMs, signal });
  }

  async #run(args: readonly string[], how: { timeoutMs: number; signal?: AbortSignal }): Promise<string> {
    const { machine, connection } = this.#options;
    const { code, stdout, stderr } = await machine.run("virsh", [...connection, ...args], how);
    if (code === 0) return stdout;
    const said = stderr
      .replace(/^error: /gm, "")
      .trim()
      .replaceAll(/\s+/g, " ");
    throw new NodeError("HYPERVISOR.FAILED", `libvirt could not ${args[0]}: ${said}`, {
      remedy: "See the log of libvirt on the host: journalctl -u libvirtd",
      values: { said: said.slice(0, 1000) },
    });
  }
}

/** It is on the host's processors, or stands still in its memory. */
function isOn({ state }: Pick<MachineCounters, "state">): boolean {
  return state === "running" || state === "paused";
}

function notUnderstood(verb: string): NodeError {
  return new NodeError("HYPERVISOR.NONSENSE", `What virsh ${verb} printed can't be understood.`);
}

/** A machine of a cloud is called by its own uuid, which is of version 4: see `domain-xml.ts`. */
function isOfCloud(uuid: string, name: string): boolean {
  return name === uuid;
}

function countersOf(uuid: string, name: string, title: string, stats: Stats | undefined): MachineCounters {
  const ofCloud = isOfCloud(uuid, name);
  return {
    uuid,
    // Whoever made another one calls it by its name.
    name: ofCloud && title !== "" ? title : name,
    ofCloud,
    ...conditionOf(stats),
    cpus: amount(stats, "vcpu.current"),
    cpuNs: cpuTimeOf(stats),
    memoryBytes: kibibytes(stats, "balloon.maximum"),
    balloonBytes: kibibytes(stats, "balloon.current"),
    residentBytes: kibibytes(stats, "balloon.rss"),
    nics: partsOf(stats, "net").flatMap((card) => {
      const [target, received, sent] = [card("name"), whole(card("rx.bytes")), whole(card("tx.bytes"))];
      return target === undefined || received === null || sent === null ? [] : [{ target, received, sent }];
    }),
  };
}

function whole(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}

/** `virsh list --all --title`, in which a cell ends with two blanks; virsh writes control characters as `\x1b`. */
function titlesIn(table: string): Map<string, string> {
  const row = /^ *(?:\d+|-) +([\da-f]{32}) {2,}(?:[a-z]+|shut off|in shutdown|no state)(?: {2,}(.*?))? *$/gm;
  return new Map([...table.matchAll(row)].map(([, name = "", title = ""]) => [name, title]));
}

/**
 * Bytes that disks take on their storage, of `virsh domblkinfo --all`: target, capacity, allocation, physical. What
 * domstats calls allocation is, of a machine that runs, the highest place that it has written to since.
 */
function storedIn(text: string): Map<string, number> {
  const rows = text.matchAll(/^ *(\w+) +\d+ +(\d+) +\d+ *$/gm);
  return new Map([...rows].map(([, target = "", bytes]) => [target, Number(bytes)]));
}

function withHyphens(uuid: string): string {
  return uuid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Since its QEMU was started. libvirt does not tell; its file with the number of the process is for all to read. */
async function upSeconds(machine: Machine, name: string): Promise<number | null> {
  if (!/^[\w.-]+$/.test(name)) return null;
  const pid = await readOrNothing(machine, `/run/libvirt/qemu/${name}.pid`);
  if (pid === undefined || !/^\d+$/.test(pid)) return null;
  const stat = await readOrNothing(machine, `/proc/${pid}/stat`);
  // The command's name may hold blanks and parentheses. Field 22, in ticks since boot: proc_pid_stat(5).
  const ticks = Number(stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  const now = Number((await readOrNothing(machine, "/proc/uptime"))?.split(" ")[0]);
  return Number.isFinite(ticks) && Number.isFinite(now) ? Math.max(0, now - ticks / 100) : null;
}
