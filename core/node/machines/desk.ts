import type { Duplex } from "node:stream";
import type { LocalMachines } from "../../hypervisor/local.ts";
import { NodeError } from "../../model/error.ts";
import type { Facts } from "../../model/facts.ts";
import type { LocalAction, LocalMachinesView, LocalMachineView, LocalRefusal } from "../../model/local-machines.ts";
import { valueOf } from "../../model/reading.ts";
import type { Job } from "../../model/records.ts";
import type { JobContext, Jobs } from "../jobs.ts";
import { type Machine, sleep } from "../machine.ts";
import { lookingOnly, MachineSampler } from "./sampler.ts";

export type LocalDeskOptions = {
  machine: Machine;
  jobs: Pick<Jobs, "start">;
  facts: () => Pick<Facts, "identity">;
};

/** Lets nothing else be done with a machine meanwhile. @throws NodeError when something is done with it already */
export type Holding = (uuid: string, work: () => Promise<void>) => Promise<void>;

/** How long a guest has to shut down: it may have much to write. Its power is never taken for that. */
const shutDownMs = 300_000;
const lookEveryMs = 1_000;
const lookMs = 8_000;

export type ActionRequest = {
  uuid: string;
  action: LocalAction;
  /** Whether the person was told that the machine is a cloud's. */
  toldOfCloud: boolean;
};

/**
 * The virtual machines of this node, for its own consoles.
 *
 * A machine of a cloud is never started here: the cloud may have started it on another host meanwhile, and twice on one
 * disk destroys it. It is stopped here only when a person asks for it and was told: the manager hears of it as of any
 * machine that stops by itself, and may start it again. Nothing is done with a machine on its way to another host, nor
 * while a command of the manager has it in hand.
 */
export class LocalDesk {
  readonly #options: LocalDeskOptions;
  #local: LocalMachines;
  #hold: Holding = (_uuid, work) => work();
  #sampler: MachineSampler;

  constructor(options: LocalDeskOptions) {
    this.#options = options;
    this.#local = lookingOnly(options.machine);
    this.#sampler = new MachineSampler({ machine: options.machine, local: this.#local });
  }

  /** The agent has a driver: from now on its machines count. */
  use(local: LocalMachines | undefined, hold: Holding): void {
    if (local === undefined) return;
    this.#local = local;
    this.#hold = hold;
    this.#sampler = new MachineSampler({ machine: this.#options.machine, local });
  }

  /** For the facts. */
  read() {
    return this.#sampler.read();
  }

  all(): Promise<LocalMachinesView> {
    return this.#sampler.all();
  }

  /** @throws MACHINE.UNKNOWN */
  async one(uuid: string): Promise<LocalMachineView> {
    const view = await this.#sampler.one(uuid);
    if (view === undefined) throw unknown();
    const of = (action: LocalAction) => this.#refusal(action, view);
    return { ...view, refusals: { start: of("start"), shutDown: of("shutDown"), powerOff: of("powerOff") } };
  }

  /** @throws MACHINE.UNKNOWN, MACHINE.NOT_TOLD, JOB.TOO_MANY, or the code of a refusal: see below */
  async start({ uuid, action, toldOfCloud }: ActionRequest, console: string): Promise<Job> {
    const { machine, refusals: found } = await this.one(uuid);
    const refusal = found[action];
    if (refusal !== null) throw refused(refusal);
    if (machine.ofCloud && !toldOfCloud)
      throw new NodeError("MACHINE.NOT_TOLD", "This machine belongs to a cloud, which will notice that it stops.", {
        remedy: "Ask again and say that this is meant.",
      });
    const request = { kind: `machine.${action}`, subject: machine.name, console, cancellable: action === "shutDown" };
    return this.#options.jobs.start(request, (context) => this.#carryOut(uuid, action, context));
  }

  /** @throws MACHINE.UNKNOWN, HYPERVISOR.NOT_RUNNING, HYPERVISOR.CONSOLE_NONE, HYPERVISOR.CONSOLE_FAILED */
  async openSerial(uuid: string, signal: AbortSignal): Promise<Duplex> {
    if (!this.#local.canAct) throw refused("noDriver");
    return await this.#local.openSerial(uuid, signal);
  }

  #refusal(action: LocalAction, view: Pick<LocalMachineView, "machine" | "silence">): LocalRefusal | null {
    const { machine, silence } = view;
    if (!this.#local.canAct) return "noDriver";
    if (action === "start" && machine.ofCloud) return "ofCloud";
    if (silence !== null) return "silent";
    if (machine.why === "moving") return "moving";
    const isOn = machine.state === "running" || machine.state === "paused";
    if (action !== "start") return isOn ? null : "notRunning";
    const role = valueOf(this.#options.facts().identity)?.roleStatus;
    if (role !== undefined && role.state !== "ready") return "notReady";
    return isOn ? "running" : null;
  }

  async #carryOut(uuid: string, action: LocalAction, { log, signal }: JobContext): Promise<void> {
    await this.#hold(uuid, async () => {
      // What was seen may be some seconds old: a machine may be on its way to another host by now.
      const now = await this.#now(uuid);
      const refusal = now === undefined ? "notRunning" : this.#refusal(action, { machine: now, silence: null });
      if (refusal !== null) throw refused(refusal);
      await this.#local.act(uuid, action).finally(() => this.#sampler.changed());
    });
    if (action !== "shutDown") return;
    log("The guest is asked to shut down.");
    const { machine } = this.#options;
    for (const until = machine.monotonicMs() + shutDownMs; machine.monotonicMs() < until; ) {
      await sleep(machine, lookEveryMs, signal);
      if (signal.aborted) return;
      const now = await this.#now(uuid);
      if (now !== undefined && (now.state === "running" || now.state === "paused")) continue;
      this.#sampler.changed();
      return;
    }
    throw new NodeError("MACHINE.NOT_SHUT_DOWN", "The guest was asked to shut down, and runs still after 5 minutes.", {
      remedy: "Look at its console. Power off takes its power, and what it has not written is lost.",
    });
  }

  async #now(uuid: string) {
    const all = await this.#local.all(AbortSignal.timeout(lookMs));
    const counters = all.find((each) => each.uuid === uuid);
    return counters === undefined ? undefined : { ...counters, cpuShare: null };
  }
}

function unknown(): NodeError {
  return new NodeError("MACHINE.UNKNOWN", "There is no such virtual machine on this node.", {
    remedy: "It may have been moved to another host: look in the list.",
  });
}

const refusals: Record<LocalRefusal, readonly [code: string, sentence: string]> = {
  ofCloud: [
    "MACHINE.OF_CLOUD",
    "Only its cloud may start this machine: it alone knows whether it runs on another host.",
  ],
  running: ["MACHINE.RUNNING", "The machine runs already."],
  notRunning: ["MACHINE.NOT_RUNNING", "The machine does not run."],
  moving: ["MACHINE.MOVING", "The machine is on its way to another host."],
  noDriver: ["MACHINE.LOOK_ONLY", "This agent has no driver of a hypervisor: it can only look."],
  notReady: ["MACHINE.NOT_READY", "The role of this node is not installed."],
  silent: ["MACHINE.SILENT", "The hypervisor does not answer."],
};

function refused(why: LocalRefusal): NodeError {
  const [code, sentence] = refusals[why];
  return new NodeError(code, sentence);
}
