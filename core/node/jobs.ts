import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { NodeError } from "../model/error.ts";
import type { Millis } from "../model/reading.ts";
import { type Job, job } from "../model/records.ts";
import { type Damage, Document, keepBeside } from "./document.ts";
import { JobLog, type Lines, readJobLog, removeJobLog } from "./job-log.ts";

/** What somebody wants done. */
export type JobRequest = {
  kind: string;
  /** What the job works on, as data: an address, a unit. */
  subject: string;
  /** The console that started it. */
  console: string;
  cancellable: boolean;
};

/** What a job gets while it runs. */
export type JobContext = {
  /** Adds a line to the job's log; several when it holds line ends. */
  log(text: string): void;
  /** Share that is done, 0 to 1; null when nobody can say. */
  progress(share: number | null): void;
  /** Aborted when somebody cancels the job or the agent ends. */
  readonly signal: AbortSignal;
};

/** Does the work; a NodeError that it throws is what the job's list shows. */
export type Work = (context: JobContext) => Promise<void>;

export type JobsOptions = {
  /** Holds `jobs.json` and the folder `jobs` with one log for each job. Private to the agent. */
  folder: string;
  now?: () => Millis;
  onDamage?: (damage: Damage) => void;
  /** Something that concerns the program, not the person: a list that can't be written, a job that crashed. */
  onTrouble?: (what: string, error: unknown) => void;
};

const keptJobs = 100;
const maxRunning = 20;
const maxOfKind = 5;
/** Least time between two notices of one job. */
const noticeEveryMs = 100;
/** How long the agent's end waits for its jobs. */
const closeGraceMs = 2000;

type Entry = {
  job: Job;
  log: JobLog | undefined;
  abort: AbortController;
  ended: Promise<void>;
  /** Set when it was told to stop: what it becomes then. */
  stopAs: "cancelled" | "interrupted" | undefined;
  noticedAt: number;
  timer: NodeJS.Timeout | undefined;
};

/** An id is part of a file's name, so a file that somebody edited must not choose it freely. */
const document = z.object({ jobs: z.array(z.object({ ...job.shape, id: z.string().regex(/^[0-9a-f]{12}$/) })) });

/**
 * Long work of this node: each job has an id, a state, progress and a log, outlives the console that started it and can
 * be watched from several. The list outlives the agent; what ran when the agent died is `interrupted`.
 */
export class Jobs {
  readonly #options: JobsOptions;
  readonly #document: Document<z.infer<typeof document>>;
  readonly #now: () => Millis;
  /** In the order in which they were started. */
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<(job: Job) => void>();
  #saving: Promise<void> | undefined;
  #saveAgain = false;
  #closed = false;

  private constructor(options: JobsOptions, saved: Document<z.infer<typeof document>>) {
    this.#options = options;
    this.#document = saved;
    this.#now = options.now ?? Date.now;
  }

  static async open(options: JobsOptions): Promise<Jobs> {
    await makeLogFolder(options).catch((error: unknown) => options.onTrouble?.("logs of jobs can't be kept", error));
    const saved = await Document.open({
      file: join(options.folder, "jobs.json"),
      schema: document,
      empty: { jobs: [] },
      ...(options.onDamage === undefined ? {} : { onDamage: options.onDamage }),
    });
    const jobs = new Jobs(options, saved);
    await jobs.#takeOver(saved.value.jobs);
    return jobs;
  }

  /**
   * Starts work. It runs on whatever becomes of the caller.
   *
   * @throws NodeError JOB.TOO_MANY: 20 jobs run already, or 5 of this kind from this console; AGENT.ENDING
   */
  start(request: JobRequest, work: Work): Job {
    if (this.#closed) throw agentEnding();
    this.#requireRoom(request);
    const id = randomBytes(6).toString("hex");
    const entry: Entry = {
      job: {
        id,
        ...request,
        state: "running",
        startedAt: this.#now(),
        endedAt: null,
        progress: null,
        error: null,
        lines: 0,
      },
      log: new JobLog(this.#logFile(id)),
      abort: new AbortController(),
      ended: Promise.resolve(),
      stopAs: undefined,
      noticedAt: Number.NEGATIVE_INFINITY,
      timer: undefined,
    };
    this.#entries.set(id, entry);
    this.#notice(entry);
    entry.ended = this.#carryOut(entry, work);
    this.#forgetOld();
    this.#save();
    return entry.job;
  }

  /** All jobs that are kept: running ones first, and in each group the newest first. */
  list(): Job[] {
    const newestFirst = [...this.#entries.values()].map((entry) => entry.job).reverse();
    const running = newestFirst.filter((one) => one.state === "running");
    return [...running, ...newestFirst.filter((one) => one.state !== "running")];
  }

  get running(): number {
    return this.list().filter((one) => one.state === "running").length;
  }

  /** @throws NodeError JOB.UNKNOWN */
  get(id: string): Job {
    return this.#entry(id).job;
  }

  /**
   * Lines of the log from number `from` on. The last 2,000 are kept: `first` is the number of the first that is given.
   *
   * @throws NodeError JOB.UNKNOWN
   */
  async log(id: string, from: number): Promise<Lines> {
    const entry = this.#entry(id);
    return entry.log === undefined ? readJobLog(this.#logFile(id), from) : entry.log.read(from);
  }

  /**
   * Tells a job to stop. It may still be running when this returns: its last lines come, then it is `cancelled`.
   *
   * @throws NodeError JOB.UNKNOWN, JOB.ENDED, JOB.NOT_CANCELLABLE
   */
  cancel(id: string): Job {
    const entry = this.#entry(id);
    const { kind, state, cancellable } = entry.job;
    if (state !== "running")
      throw new NodeError("JOB.ENDED", `The job ${kind} has ended already.`, { values: { kind, state } });
    if (!cancellable)
      throw new NodeError("JOB.NOT_CANCELLABLE", `The job ${kind} can't be stopped half-way.`, {
        remedy: "Wait until it ends.",
        values: { kind },
      });
    entry.stopAs ??= "cancelled";
    entry.abort.abort();
    return entry.job;
  }

  /**
   * Calls `listener` with a job that began, went on or ended: the newest state, and for each job at most one call in
   * 100 ms. Returns a function that ends it.
   */
  subscribe(listener: (job: Job) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The agent ends: what still runs is stopped and becomes `interrupted`. Resolves when the list is on the disk. */
  async close(): Promise<void> {
    this.#closed = true;
    const running = [...this.#entries.values()].filter((entry) => entry.job.state === "running");
    for (const entry of running) {
      entry.stopAs ??= "interrupted";
      entry.abort.abort();
    }
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, closeGraceMs);
    });
    await Promise.race([Promise.all(running.map((entry) => entry.ended)), grace]);
    clearTimeout(timer);
    for (const entry of running) await entry.log?.flush();
    for (const entry of this.#entries.values()) clearTimeout(entry.timer);
    this.#listeners.clear();
    this.#save();
    while (this.#saving !== undefined) await this.#saving;
  }

  async #carryOut(entry: Entry, work: Work): Promise<void> {
    const update = (change: Partial<Job>) => this.#update(entry, change);
    const context: JobContext = {
      log: (text) => {
        if (entry.job.state !== "running" || entry.log === undefined) return;
        entry.log.add(text);
        update({ lines: entry.log.count });
      },
      progress: (share) => {
        if (entry.job.state !== "running" || Number.isNaN(share)) return;
        update({ progress: share === null ? null : Math.min(Math.max(share, 0), 1) });
      },
      signal: entry.abort.signal,
    };
    let outcome: Pick<Job, "state" | "error">;
    try {
      // Not in this turn: the caller gets the job before its work can fail.
      await Promise.resolve();
      await work(context);
      outcome = { state: entry.stopAs ?? "done", error: null };
    } catch (error) {
      outcome = entry.stopAs === undefined ? this.#failure(entry, error) : { state: entry.stopAs, error: null };
    }
    update({ ...outcome, endedAt: this.#now(), ...(outcome.state === "done" ? { progress: 1 } : {}) });
    // What the file holds need not stay in memory.
    if (await entry.log?.flush()) entry.log = undefined;
    this.#forgetOld();
    this.#save();
  }

  #failure(entry: Entry, error: unknown): Pick<Job, "state" | "error"> {
    if (error instanceof NodeError) return { state: "failed", error: { code: error.code, description: error.message } };
    this.#options.onTrouble?.(`job ${entry.job.kind} crashed`, error);
    return {
      state: "failed",
      error: {
        code: "JOB.CRASHED",
        description: `The job ${entry.job.kind} stopped because of a fault in this program; the agent's log has the details.`,
      },
    };
  }

  #update(entry: Entry, change: Partial<Job>): void {
    entry.job = { ...entry.job, ...change };
    this.#notice(entry);
  }

  #notice(entry: Entry): void {
    if (entry.timer !== undefined) return;
    const wait = entry.noticedAt + noticeEveryMs - performance.now();
    const tell = () => {
      entry.timer = undefined;
      entry.noticedAt = performance.now();
      for (const listener of this.#listeners) listener(entry.job);
    };
    if (wait <= 0) tell();
    else entry.timer = setTimeout(tell, wait).unref();
  }

  #requireRoom(request: JobRequest): void {
    const running = this.list().filter((one) => one.state === "running");
    const alike = running.filter((one) => one.kind === request.kind && one.console === request.console);
    if (running.length < maxRunning && alike.length < maxOfKind) return;
    const few = alike.length >= maxOfKind;
    throw new NodeError(
      "JOB.TOO_MANY",
      few
        ? `This console runs ${maxOfKind} jobs ${request.kind} already, which is the limit.`
        : `This node runs ${maxRunning} jobs already, which is the limit.`,
      {
        remedy: "Wait until one ends, or stop one in the list of jobs.",
        values: { limit: few ? maxOfKind : maxRunning, kind: request.kind },
      },
    );
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined)
      throw new NodeError("JOB.UNKNOWN", "There is no such job; only the last 100 are kept.", {
        remedy: "Look it up in the list of jobs.",
      });
    return entry;
  }

  #logFile(id: string): string {
    return join(logFolder(this.#options), `${id}.log`);
  }

  /** Jobs of the agent before this one. What was running then has been cut off. */
  async #takeOver(before: readonly Job[]): Promise<void> {
    const kept = before.slice(-keptJobs);
    for (const one of kept) {
      const was = one.state === "running" ? await this.#interrupted(one, this.#logFile(one.id)) : one;
      this.#entries.set(one.id, { ...idle, job: was, abort: new AbortController() });
    }
    await this.#removeOtherLogs();
    if (kept.length < before.length || kept.some((one) => one.state === "running")) this.#save();
  }

  /** Removes logs of jobs that are in no list, and logs half written; whatever else somebody keeps there stays. */
  async #removeOtherLogs(): Promise<void> {
    const folder = logFolder(this.#options);
    // Never through a symbolic link: what lies behind it is not ours.
    const isOurs = await lstat(folder).then(
      (found) => found.isDirectory(),
      () => false,
    );
    for (const name of isOurs ? await readdir(folder).catch(() => []) : []) {
      const id = /^([0-9a-f]{12})\.log$/.exec(name)?.[1];
      const isHalfWritten = /^\.[0-9a-f]{12}\.log\.tmp$/.test(name);
      if (isHalfWritten || (id !== undefined && !this.#entries.has(id))) await removeJobLog(join(folder, name));
    }
  }

  async #interrupted(one: Job, file: string): Promise<Job> {
    const { first, lines } = await readJobLog(file);
    // Its log's last line is the last sign of life that it gave.
    const endedAt = await stat(file).then(
      (s) => Math.max(Math.round(s.mtimeMs), one.startedAt),
      () => one.startedAt,
    );
    return { ...one, state: "interrupted", endedAt, lines: first + lines.length };
  }

  #forgetOld(): void {
    for (const [id, entry] of this.#entries) {
      if (this.#entries.size <= keptJobs) return;
      if (entry.job.state === "running") continue;
      this.#entries.delete(id);
      void removeJobLog(this.#logFile(id));
    }
  }

  /** Writes the list, once more when it changed meanwhile. Jobs run on when it can't be written. */
  #save(): void {
    if (this.#saving !== undefined) {
      this.#saveAgain = true;
      return;
    }
    this.#saving = this.#document
      .update(() => ({ jobs: [...this.#entries.values()].map((entry) => entry.job) }))
      .catch((error: unknown) => this.#options.onTrouble?.("the list of jobs was not saved", error))
      .then(() => {
        this.#saving = undefined;
        if (!this.#saveAgain) return;
        this.#saveAgain = false;
        this.#save();
      });
  }
}

const idle = {
  log: undefined,
  ended: Promise.resolve(),
  stopAs: undefined,
  noticedAt: Number.NEGATIVE_INFINITY,
  timer: undefined,
} as const;

/** What is asked of an agent that is about to end. */
export function agentEnding(): NodeError {
  return new NodeError("AGENT.ENDING", "The agent is ending and takes no more work.", {
    remedy: "Try again when it has been started anew.",
  });
}

function logFolder({ folder }: JobsOptions): string {
  return join(folder, "jobs");
}

/** Makes the folder of logs; what lies in its place and is no folder is set aside. */
async function makeLogFolder(options: JobsOptions): Promise<void> {
  const file = logFolder(options);
  const found = await lstat(file).catch(() => undefined);
  if (found !== undefined && !found.isDirectory()) {
    const keptAs = await keepBeside(file, (to) => rename(file, to), options.now);
    options.onDamage?.({ file, kind: "setAside", fields: [], keptAs, why: "not a folder" });
  }
  await mkdir(file, { recursive: true, mode: 0o700 });
}
