import { join } from "node:path";
import type { TestContext } from "node:test";
import type { HostCommand, HypervisorDriver } from "../../../../core/hypervisor/driver.ts";
import { NodeError } from "../../../../core/model/error.ts";
import { HostCommands, type HostCommandsOptions } from "../../../../core/node/host/commands.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { undoAfter } from "../../../support/undo.ts";
import { uuidOf } from "../../hypervisor/conformance.ts";

/* Commands of a host whose hypervisor and clock do what a test says. */

type Call = { command: HostCommand; signal: AbortSignal; end(error?: unknown): void };

/** A hypervisor that does what it is told by the test: each call waits until it is ended. */
export class ScriptedDriver implements HypervisorDriver {
  readonly name = "simulated";
  readonly calls: Call[] = [];
  /** Most at the same time; and how often each machine was worked on at the same time as itself. */
  most = 0;
  overlaps = 0;
  /** Whether being called off ends a call. */
  isDeaf = false;
  onCall: (call: Call) => void = () => {};
  readonly #open = new Set<Call>();
  #waiting: (() => void)[] = [];

  async tags() {
    return [];
  }
  async machines() {
    return [];
  }
  watch() {}
  async storage() {
    return { totalBytes: 0, availableBytes: 0 };
  }
  async openConsole(): Promise<never> {
    throw new NodeError("HYPERVISOR.CONSOLE_NONE", "None.");
  }
  async volume() {
    return { sizeBytes: 0, actualBytes: 0 };
  }
  async carryOut(command: HostCommand, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const end = (error?: unknown) => (error === undefined ? resolve() : reject(error));
    const call = { command, signal, end };
    const subject = JSON.stringify(subjectOf(command));
    if ([...this.#open].some((other) => JSON.stringify(subjectOf(other.command)) === subject)) this.overlaps++;
    this.#open.add(call);
    this.most = Math.max(this.most, this.#open.size);
    this.calls.push(call);
    this.onCall(call);
    for (const wake of this.#waiting.splice(0)) wake();
    if (!this.isDeaf) signal.addEventListener("abort", () => reject(new NodeError("HYPERVISOR.ABORTED", "Off.")));
    await promise.finally(() => this.#open.delete(call));
  }
  /** The call with this number, as soon as it has come. */
  async call(n: number): Promise<Call> {
    for (;;) {
      const call = this.calls[n];
      if (call !== undefined) return call;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    }
  }
}

function subjectOf(command: HostCommand): string {
  if (command.do === "setFirewall") return "firewall";
  if ("machine" in command) return command.machine.uuid;
  return "path" in command ? command.path : command.uuid;
}

export const reboot = (n: number): HostCommand => ({ do: "rebootMachine", uuid: uuidOf(n) });
export const ask = (id: string, command: HostCommand, more: object = {}) => ({
  id,
  flow: "flow",
  epoch: 1,
  command,
  timeoutMs: 60_000,
  ...more,
});

class Clock {
  #timers: { at: number; action: () => void }[] = [];
  ms = 0;
  readonly after = (delayMs: number, action: () => void) => {
    const timer = { at: this.ms + delayMs, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  };
  pass(ms: number): void {
    this.ms += ms;
    const due = this.#timers.filter(({ at }) => at <= this.ms);
    this.#timers = this.#timers.filter(({ at }) => at > this.ms);
    for (const { action } of due) action();
  }
}

export async function bedOf(t: TestContext, more: Partial<HostCommandsOptions> = {}) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const driver = new ScriptedDriver();
  const clock = new Clock();
  const open = (other = driver) =>
    HostCommands.open({ folder: folder.path, driver: other, now: () => clock.ms, after: clock.after, ...more });
  return {
    folder: folder.path,
    file: join(folder.path, "commands.jsonl"),
    driver,
    clock,
    open,
    commands: await open(),
  };
}
