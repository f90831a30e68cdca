import { randomUUID } from "node:crypto";
import { NodeError } from "../../core/model/error.ts";
import { consolesOf } from "../../core/model/grub-config.ts";
import { draftPlan } from "../../core/model/installation/disk-problems.ts";
import type { Draft } from "../../core/model/installation/draft.ts";
import type { Hardware } from "../../core/model/installation/hardware.ts";
import type { InstallerState, InstallStep } from "../../core/model/installation/protocol.ts";
import { type Machine, readOrNothing } from "../../core/node/machine.ts";
import { plainLine } from "../../core/node/plain-text.ts";
import type { Power } from "../../core/node/power.ts";
import { collect } from "./collect.ts";
import {
  absorb,
  type Call,
  type Decision,
  decide,
  type Effect,
  type EngineEvent,
  installUnattended,
} from "./decide.ts";
import { tryDhcp } from "./dhcp.ts";
import { layoutOf } from "./layout.ts";
import { readManifest } from "./manifest.ts";
import { checkMedium } from "./medium-check.ts";
import { unmountTarget } from "./mounts.ts";
import { hashPassword } from "./passwords.ts";
import { failureOf, runSteps } from "./run-steps.ts";
import { type EngineState, firstState, shown } from "./state.ts";
import type { Job, Places, StepContext } from "./work.ts";

export type EngineOptions = {
  machine: Machine;
  places: Places;
  version: string;
  /** Looks at the hardware. */
  probe(log: (line: string) => void, signal: AbortSignal): Promise<Hardware>;
  /** Command that prints the checksum of a file, line by line; see `medium-check.ts`. */
  hasher: readonly string[];
  power: Power;
  /** Told of each line of the log: the journal. */
  onLog(line: string): void;
  /** Called whenever what `state` gives may have changed. */
  onChange(): void;
  /** The steps of an installation; tests give theirs. */
  run?: typeof runSteps;
};

const logLineLength = 400;
const clockTickMs = 1000;

/** Holds the state of the installation and carries out what is decided. Whoever is connected makes no difference. */
export class Engine {
  readonly #options: EngineOptions;
  #state: EngineState;
  #installing: { stop: AbortController; ended: Promise<void> } | null = null;
  #mediumCheck = new AbortController();
  #probing = new AbortController();

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#state = firstState(options.version);
  }

  /** What front ends see now. */
  state(): InstallerState {
    return shown(this.#state, this.#options.machine.monotonicMs());
  }

  /** The hardware and the draft, for whoever reads an answer file. */
  get hardware(): Hardware | null {
    return this.#state.hardware;
  }

  /** Looks at the hardware, and begins to check the medium. Resolves when the questions can be asked. */
  async start(): Promise<void> {
    const checking = this.#checkMedium();
    checking.catch((error: unknown) => this.log(`medium: ${messageOf(error)}`));
    await this.#probe();
  }

  /** Carries out a call of the front end named `from`. @throws NodeError with a stable code; nothing has changed then */
  async call(from: string, call: Call): Promise<object> {
    const decision = decide(this.#state, from, call);
    return this.#enact(decision);
  }

  /** A front end has gone, and no other has its name. */
  gone(name: string): void {
    this.#absorb({ kind: "gone", name });
  }

  /** Installs without questions; `draft` has been checked. Resolves at the end, whether it went well or not. */
  async installUnattended(draft: Draft): Promise<void> {
    await this.#enact(installUnattended(this.#state, draft));
    await this.#installing?.ended;
  }

  /** An answer file is wrong: nothing is touched, and every console says why. */
  refuse(lines: readonly string[]): void {
    for (const line of lines) this.log(line);
    this.#absorb({ kind: "refused", lines: lines.map((line) => plainLine(line, logLineLength)) });
  }

  /** Where the installer is shown over VNC has changed; null: nowhere. */
  showVnc(vnc: InstallerState["vnc"]): void {
    this.#absorb({ kind: "vnc", vnc });
  }

  log(line: string): void {
    const plain = plainLine(line, logLineLength);
    this.#options.onLog(plain);
    this.#absorb({ kind: "log", lines: [plain] });
  }

  /** Ends what runs beside the installation. */
  close(): void {
    this.#mediumCheck.abort();
    this.#probing.abort();
    this.#installing?.stop.abort();
  }

  #absorb(event: EngineEvent): void {
    this.#state = absorb(this.#state, event);
    this.#options.onChange();
  }

  async #enact({ state, effect }: Decision): Promise<object> {
    this.#state = state;
    this.#options.onChange();
    return effect === null ? {} : this.#carryOut(effect);
  }

  async #carryOut(effect: Effect): Promise<object> {
    const { machine, places, power } = this.#options;
    const signal = new AbortController().signal;
    switch (effect.kind) {
      case "probe":
        await this.#probe();
        return {};
      case "install":
        this.#install(effect.from);
        return {};
      case "abandon":
        // A hardware that is slow to answer keeps nobody waiting for this: the phase says when it is done.
        this.#abandon().catch((error: unknown) => this.log(`back to the questions: ${messageOf(error)}`));
        return {};
      case "hashPassword": {
        const hash = await hashPassword(machine, effect.password, places.work);
        this.#absorb({ kind: "hashed", which: effect.which, hash });
        return {};
      }
      case "tryDhcp": {
        const { draft } = this.#state;
        if (draft === null) throw new NodeError("PHASE.WRONG", "The hardware is still being looked at.");
        return tryDhcp(machine, draft.network, signal);
      }
      case "collect":
        return { place: await collect({ machine, work: places.work, signal }, effect.to, this.#state) };
      case "power":
        this.log(`${effect.action} asked for`);
        await power.act(effect.action, this.#state.leader ?? "the installer");
        return {};
    }
  }

  async #probe(): Promise<void> {
    this.#probing.abort();
    this.#probing = new AbortController();
    const { signal } = this.#probing;
    const hardware = await this.#options.probe((line) => this.log(line), signal);
    if (!signal.aborted) this.#absorb({ kind: "probed", hardware });
  }

  async #checkMedium(): Promise<void> {
    const { machine, places, hasher } = this.#options;
    const { signal } = this.#mediumCheck;
    const manifest = await readManifest(places.medium);
    await checkMedium({ machine, hasher, signal }, places.medium, manifest, (medium) =>
      this.#absorb({ kind: "medium", medium }),
    );
  }

  async #abandon(): Promise<void> {
    const { machine, places } = this.#options;
    this.#installing?.stop.abort();
    await this.#installing?.ended;
    const { signal } = new AbortController();
    try {
      await unmountTarget({ machine, places, signal, log: (line) => this.log(line) });
    } finally {
      await this.#probe();
    }
  }

  /** Goes on whatever happens to the front ends; its end is an event. */
  #install(from: InstallStep): void {
    const before = this.#installing?.ended ?? Promise.resolve();
    const stop = new AbortController();
    // The medium is needed for the copy, and what is copied is verified anyway.
    this.#mediumCheck.abort();
    const ended = before.then(() => this.#runInstall(from, stop.signal));
    this.#installing = { stop, ended };
  }

  async #runInstall(from: InstallStep, signal: AbortSignal): Promise<void> {
    const { machine, run = runSteps } = this.#options;
    const stopTicking = this.#tick();
    try {
      const context = await this.#contextOf(signal);
      const onStep = (step: InstallStep) => this.#absorb({ kind: "step", step, atMs: machine.monotonicMs() });
      const failure = await run(from, context, onStep);
      if (signal.aborted) return;
      this.#absorb(failure === undefined ? { kind: "done" } : { kind: "failed", failure });
    } catch (error) {
      if (!signal.aborted) this.#absorb({ kind: "failed", failure: failureOf(from, error) });
    } finally {
      stopTicking();
    }
  }

  #job: Job | null = null;

  /** A retry goes on with the same UUIDs: those are what is on the disk. */
  async #contextOf(signal: AbortSignal): Promise<StepContext> {
    const { machine, places } = this.#options;
    const { draft, hardware } = this.#state;
    if (draft === null || hardware === null) throw new NodeError("PHASE.WRONG", "There are no answers yet.");
    if (this.#job?.draft !== draft || this.#job.hardware !== hardware) {
      const manifest = await readManifest(places.medium);
      const layout = layoutOf(draftPlan(draft, hardware), draft, hardware, randomUUID);
      const consoles = consolesOf((await readOrNothing(machine, "/proc/cmdline")) ?? "");
      this.#job = { draft, hardware, manifest, layout, consoles };
    }
    return {
      job: this.#job,
      places,
      machine,
      signal,
      log: (line) => this.log(line),
      share: (share) => this.#absorb({ kind: "share", share }),
      newUuid: randomUUID,
    };
  }

  /** Elapsed time is part of what front ends see: it moves while a long command says nothing. */
  #tick(): () => void {
    const { machine, onChange } = this.#options;
    let cancel: () => void = () => {};
    const again = () => {
      cancel = machine.after(clockTickMs, () => {
        onChange();
        again();
      });
    };
    again();
    return () => cancel();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
