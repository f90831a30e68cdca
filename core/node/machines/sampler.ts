import { LocalLibvirt } from "../../hypervisor/libvirt/local-machines.ts";
import type { LocalMachines, MachineCounters, MachineParts } from "../../hypervisor/local.ts";
import { NodeError } from "../../model/error.ts";
import { addSample, type Series } from "../../model/history.ts";
import type { LocalMachineRow, LocalMachinesView, LocalMachineView, Silence } from "../../model/local-machines.ts";
import type { Missing } from "../../model/reading.ts";
import { commandFailed, FactMissing, whyOf } from "../facts/source.ts";
import type { Machine } from "../machine.ts";
import { plainLine } from "../plain-text.ts";

export type SamplerOptions = {
  machine: Pick<Machine, "now" | "monotonicMs" | "after">;
  local: LocalMachines;
};

type View = Omit<LocalMachineView, "refusals">;
type Counted = { at: number; counters: MachineCounters };
type Histories = View["histories"];
type Kept = { last: Counted; row: LocalMachineRow; histories: Histories };

/** Figures of all consoles come from one reading as long as it is so young. */
const youngMs = 2_500;
/** An answer that is not there by then is told as it was before; the reading goes on, and the next one asks has it. */
const patienceMs = 1_500;
/** A hypervisor that has not answered for so long is silent. */
const silentMs = 6_000;
const longestMs = 10_000;
/** Of the histories of one machine: half an hour in steps of 15 s, in which the home screen's readings come. */
const stepMs = 15_000;
const steps = 120;
/** Rates of less time than this say more about when the readings were made than about the machine. */
const shortestGapMs = 500;
const longestName = 200;

/** A libvirt that no driver uses: read-only, so that no mistake here can touch a virtual machine. */
export function lookingOnly(machine: Machine): LocalMachines {
  return new LocalLibvirt({ machine, connection: ["-c", "qemu:///system", "-r"] });
}

/**
 * Figures of this host's machines for all of its consoles: one reading for all who ask at about the same time, none while
 * nobody asks. Rates are between two readings; a machine that was started anew in between has none until the next.
 */
export class MachineSampler {
  readonly #options: SamplerOptions;
  readonly #kept = new Map<string, Kept>();
  /** By machine: those that somebody looks at alone. */
  readonly #ones = new Map<string, One>();
  /** When figures were read last, by both clocks. */
  #readAt: { wall: number; monotonic: number } | undefined;
  #failed: Silence = null;
  #reading: { since: number; wall: number; done: Promise<void> } | undefined;
  #changedAt = Number.NEGATIVE_INFINITY;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** Something was done with a machine: what was read before counts for nobody any more. */
  changed(): void {
    this.#changedAt = this.#options.machine.monotonicMs();
  }

  /** For the facts of the node. @throws FactMissing why there is nothing new */
  async read(): Promise<LocalMachineRow[]> {
    if (!this.#isYoung) {
      this.#reading ??= this.#begin();
      await this.#reading.done;
    }
    if (this.#failed !== null) throw new FactMissing(this.#failed.why.code, this.#failed.why.detail);
    return this.#rows();
  }

  /** The newest figures, read now unless they are young. Never rejects, and never waits long. */
  async all(): Promise<LocalMachinesView> {
    await this.#soon();
    const silence = this.#silence();
    const list = this.#rows();
    return {
      at: this.#readAt?.wall ?? null,
      silence,
      list: silence === null ? list : list.map(withoutFigures),
    };
  }

  /** One machine in full; undefined when it is not there. Never rejects, and never waits long. */
  async one(uuid: string): Promise<View | undefined> {
    const one = this.#ones.get(uuid) ?? new One(this.#options, uuid, () => this.#changedAt);
    this.#ones.set(uuid, one);
    // Nobody looks at these any more.
    for (const [other, { isForgotten }] of this.#ones) if (isForgotten) this.#ones.delete(other);
    const known = this.#kept.get(uuid);
    const view = await one.look();
    if (view === undefined) return undefined;
    const { parts, rates, at } = view;
    const isOlder = parts === undefined || (known !== undefined && known.last.at >= at.monotonic);
    const kept = isOlder ? known : this.#keep(parts.counters, at.monotonic, rates.disk);
    if (kept === undefined) return undefined;
    const silence = view.silence ?? (view.isYoung ? null : this.#silence());
    const isKnown = silence === null && parts !== undefined;
    return {
      at: at.wall,
      silence,
      machine: silence === null ? kept.row : withoutFigures(kept.row),
      balloonBytes: isKnown ? parts.counters.balloonBytes : null,
      residentBytes: isKnown ? parts.counters.residentBytes : null,
      upSeconds: isKnown ? parts.upSeconds : null,
      disks: isKnown ? rates.disks : null,
      nics: isKnown ? rates.nics : null,
      hasSerial: parts?.hasSerial ?? false,
      histories: kept.histories,
    };
  }

  async #soon(): Promise<void> {
    if (this.#isYoung) return;
    this.#reading ??= this.#begin();
    await waited(this.#options.machine, this.#reading.done, patienceMs);
  }

  get #isYoung(): boolean {
    const at = this.#readAt?.monotonic ?? Number.NEGATIVE_INFINITY;
    return this.#options.machine.monotonicMs() - at < youngMs && at > this.#changedAt && this.#failed === null;
  }

  #begin() {
    const { machine } = this.#options;
    const wall = machine.now();
    const done = this.#readNow(wall).finally(() => {
      this.#reading = undefined;
    });
    return { since: machine.monotonicMs(), wall, done };
  }

  /** Never rejects. */
  async #readNow(wall: number): Promise<void> {
    const { machine, local } = this.#options;
    try {
      const all = await local.all(AbortSignal.timeout(longestMs));
      const at = machine.monotonicMs();
      this.#take(all, at);
      this.#readAt = { wall: machine.now(), monotonic: at };
      this.#failed = null;
    } catch (error) {
      this.#failed = { since: this.#failed?.since ?? this.#readAt?.wall ?? wall, why: whyNoAnswer(error) };
    }
  }

  /** Also while an answer is only late: figures that were read before are none of now. */
  #silence(): Silence {
    const reading = this.#reading;
    if (this.#failed !== null || reading === undefined) return this.#failed;
    const { machine } = this.#options;
    if (machine.monotonicMs() - reading.since < silentMs) return null;
    return { since: this.#readAt?.wall ?? reading.wall, why: { code: "timeout", detail: "libvirt" } };
  }

  #rows(): LocalMachineRow[] {
    return [...this.#kept.values()].map(({ row }) => row);
  }

  #take(all: readonly MachineCounters[], at: number): void {
    const found = new Set(all.map(({ uuid }) => uuid));
    for (const uuid of [...this.#kept.keys()]) if (!found.has(uuid)) this.#kept.delete(uuid);
    for (const counters of all) this.#keep(counters, at, null);
  }

  /** `disk`: bytes a second of all its disks, which only a look at this machine alone tells. */
  #keep(counters: MachineCounters, at: number, disk: number | null): Kept {
    const { machine } = this.#options;
    const before = this.#kept.get(counters.uuid);
    const gapMs = before === undefined ? 0 : at - before.last.at;
    if (before !== undefined && gapMs < shortestGapMs && before.last.counters.state === counters.state) return before;
    const cpuShare = cpuShareBetween(before?.last, { at, counters });
    const network = networkBetween(before?.last, { at, counters });
    const { uuid, ofCloud, state, why, cpus, memoryBytes } = counters;
    const row = {
      ...{ uuid, name: plainLine(counters.name, longestName), ofCloud, state, why, cpus, cpuShare, memoryBytes },
    };
    const wall = machine.now();
    const was = before?.histories ?? emptyHistories();
    const histories = {
      cpu: added(was.cpu, wall, cpuShare),
      disk: added(was.disk, wall, disk),
      network: added(was.network, wall, network),
    };
    const kept = { last: { at, counters }, row, histories };
    this.#kept.set(uuid, kept);
    return kept;
  }
}

type OneRates = {
  disk: number | null;
  disks: NonNullable<View["disks"]>;
  nics: NonNullable<View["nics"]>;
};
type Look = {
  at: { wall: number; monotonic: number };
  parts: MachineParts | undefined;
  silence: Silence;
  isYoung: boolean;
  rates: OneRates;
};

/** One machine that somebody looks at. */
class One {
  readonly #options: SamplerOptions;
  readonly #uuid: string;
  readonly #changedAt: () => number;
  #before: { at: number; parts: MachineParts } | undefined;
  #now: Pick<Look, "at" | "parts" | "rates"> | undefined;
  #silence: Silence = null;
  #isGone = false;
  #reading: Promise<void> | undefined;
  #readingSince = 0;
  #lookedAt: number;

  constructor(options: SamplerOptions, uuid: string, changedAt: () => number) {
    this.#options = options;
    this.#changedAt = changedAt;
    this.#lookedAt = options.machine.monotonicMs();
    this.#uuid = uuid;
  }

  get isForgotten(): boolean {
    return this.#options.machine.monotonicMs() - this.#lookedAt > 60_000 && this.#reading === undefined;
  }

  async look(): Promise<Look | undefined> {
    const { machine } = this.#options;
    this.#lookedAt = machine.monotonicMs();
    const isYoung = () => {
      const at = this.#now?.at.monotonic ?? Number.NEGATIVE_INFINITY;
      return machine.monotonicMs() - at < youngMs && at > this.#changedAt();
    };
    if (!isYoung() || this.#silence !== null) {
      if (this.#reading === undefined) {
        this.#readingSince = machine.monotonicMs();
        this.#reading = this.#read().finally(() => {
          this.#reading = undefined;
        });
      }
      await waited(machine, this.#reading, patienceMs);
    }
    if (this.#isGone) return undefined;
    const at = this.#now?.at ?? { wall: machine.now(), monotonic: machine.monotonicMs() };
    const isLate = this.#reading !== undefined && machine.monotonicMs() - this.#readingSince >= silentMs;
    const late: Silence = isLate ? { since: at.wall, why: { code: "timeout", detail: "libvirt" } } : null;
    const rates = this.#now?.rates ?? { disk: null, disks: [], nics: [] };
    return { at, parts: this.#now?.parts, silence: this.#silence ?? late, isYoung: isYoung(), rates };
  }

  async #read(): Promise<void> {
    const { machine, local } = this.#options;
    try {
      const parts = await local.one(this.#uuid, AbortSignal.timeout(longestMs));
      const at = { wall: machine.now(), monotonic: machine.monotonicMs() };
      this.#isGone = parts === undefined;
      this.#silence = null;
      if (parts === undefined) return;
      this.#now = { at, parts, rates: ratesBetween(this.#before, { at: at.monotonic, parts }) };
      this.#before = { at: at.monotonic, parts };
    } catch (error) {
      const since = this.#silence?.since ?? this.#now?.at.wall ?? machine.now();
      this.#silence = { since, why: whyNoAnswer(error) };
    }
  }
}

function withoutFigures(row: LocalMachineRow): LocalMachineRow {
  return { ...row, state: "unknown", why: null, cpuShare: null };
}

function emptyHistories(): Histories {
  const empty = (): Series => ({ stepMs, bucket: 0, values: [], samples: 0 });
  return { cpu: empty(), disk: empty(), network: empty() };
}

function added(series: Series, at: number, value: number | null): Series {
  if (value === null) return series;
  const next = addSample(series, at, value);
  return { ...next, values: next.values.slice(-steps) };
}

/** Between two counters of one run of a machine; null when there is none, or the later one is smaller. */
function rate(before: number | null | undefined, now: number | null, gapMs: number): number | null {
  if (before === null || before === undefined || now === null || gapMs < shortestGapMs || now < before) return null;
  return ((now - before) / gapMs) * 1000;
}

/** Share of all its processors' time. More than all of it is a reading that came late: it counts as all. */
function cpuShareBetween(before: Counted | undefined, { at, counters }: Counted): number | null {
  const { cpus, cpuNs, state } = counters;
  if (before === undefined || state !== "running" || before.counters.state !== "running" || cpus === null) return null;
  const nanoseconds = rate(before.counters.cpuNs, cpuNs, at - before.at);
  return nanoseconds === null ? null : Math.min(nanoseconds / 1e9 / cpus, 1);
}

function networkBetween(before: Counted | undefined, { at, counters }: Counted): number | null {
  if (before === undefined || counters.nics.length === 0) return null;
  let sum: number | null = null;
  for (const { target, received, sent } of counters.nics) {
    const was = before.counters.nics.find((each) => each.target === target);
    const one = rate(was === undefined ? null : was.received + was.sent, received + sent, at - before.at);
    if (one !== null) sum = (sum ?? 0) + one;
  }
  return sum;
}

function ratesBetween(
  before: { at: number; parts: MachineParts } | undefined,
  { at, parts }: { at: number; parts: MachineParts },
): OneRates {
  const gapMs = before === undefined ? 0 : at - before.at;
  const disks = parts.disks.map(({ target, path, sizeBytes, allocatedBytes, read, written }) => {
    const was = before?.parts.disks.find((each) => each.target === target && each.path === path);
    return {
      ...{ target, path: plainLine(path, 1024), sizeBytes, allocatedBytes },
      ...{ read: rate(was?.read, read, gapMs), written: rate(was?.written, written, gapMs) },
    };
  });
  const nics = parts.nics.map(({ mac, on, target, received, sent }) => {
    const was = before?.parts.nics.find((each) => each.mac === mac && each.target === target);
    return {
      ...{ mac, on: plainLine(on, 64), target: plainLine(target, 64) },
      ...{ received: rate(was?.received, received, gapMs), sent: rate(was?.sent, sent, gapMs) },
    };
  });
  const known = disks.flatMap(({ read, written }) => (read === null || written === null ? [] : [read + written]));
  return { disk: known.length === 0 ? null : known.reduce((sum, one) => sum + one, 0), disks, nics };
}

/** Waits for something, but no longer than so. */
async function waited(machine: SamplerOptions["machine"], done: Promise<void>, mostMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = machine.after(mostMs, resolve);
  await Promise.race([done, promise]);
  cancel();
}

function whyNoAnswer(error: unknown): Missing {
  const late: Missing = { code: "timeout", detail: "libvirt" };
  if (!(error instanceof NodeError))
    return error instanceof Error && error.name === "TimeoutError" ? late : whyOf(error);
  if (error.code === "HYPERVISOR.ABORTED" || error.code === "RUN.ABORTED") return late;
  const said = String(error.values["said"] ?? "");
  if (/failed to connect to the hypervisor/.test(said))
    return { code: /permission denied|authentication/i.test(said) ? "denied" : "notRunning", detail: "libvirt" };
  if (error.code === "HYPERVISOR.NONSENSE") return { code: "nonsense", detail: "virsh list" };
  return said === "" ? whyOf(error) : commandFailed("virsh", said).why;
}
