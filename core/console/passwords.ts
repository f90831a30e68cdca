import type { CallInput, CallOutput } from "../model/cloud/calls/index.ts";
import type { CloudErrorCode } from "../model/cloud/error-codes.ts";
import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import { shown } from "../model/quote.ts";
import { Secret } from "../model/secret.ts";
import type { CallContext, Caller } from "../orchestrator/calls/handler.ts";
import { Counters, type Passwords } from "../orchestrator/identity/index.ts";
import type { RecordOf } from "../orchestrator/kinds.ts";
import type { Records, Tx } from "../orchestrator/records.ts";
import { begin, end } from "../orchestrator/vm/life.ts";
import { endTokensOf } from "./tokens.ts";

/*
 * Passwords of consoles. The manager asks for one before it gives a way to a console, screen and serial line alike, and
 * keeps its hash: it never comes to a host, nor into what a host knows of the machine. QEMU's own password would be cut
 * after 8 letters, lie readable on each host and in the store, and leave the serial line open; a screen is reached by a
 * socket of its host and a token of the manager only, so that nobody comes past the manager but who has the password of the
 * host itself, at that one's own console.
 */

export type ConsolePasswordsOptions = {
  records: Records;
  passwords: Passwords;
  /** Milliseconds that never step. */
  monotonicMs: () => number;
};

/** Wrong ones of one account for one machine. In memory: each manager counts by itself, and afresh after a restart. */
const rule = { free: 5, firstDelayMs: 5_000, longestDelayMs: 300_000, most: 10_000 };

type Change = (decide: (tx: Tx) => object) => Promise<object>;

export class ConsolePasswords {
  readonly #options: ConsolePasswordsOptions;
  readonly #counters = new Counters(rule);

  constructor(options: ConsolePasswordsOptions) {
    this.#options = options;
  }

  /** What carries out the calls. */
  acts() {
    return {
      SetVmConsolePassword: async (
        { uuid, consolePassword }: CallInput<"SetVmConsolePassword">,
        { newUuid }: CallContext,
        change: Change,
      ): Promise<object> => {
        const hash = await this.#options.passwords.hash(new Secret(consolePassword));
        return change((tx) => this.#put(tx, uuid, { hash }, newUuid()));
      },
      DeleteVmConsolePassword: async (
        { uuid }: CallInput<"DeleteVmConsolePassword">,
        { newUuid }: CallContext,
        change: Change,
      ): Promise<object> => change((tx) => this.#put(tx, uuid, undefined, newUuid())),
    };
  }

  /**
   * Whether somebody may have a console of a machine. @returns what has to hold still in the transaction that gives it
   * @throws VM.1043 for a wrong password, VM.1044 for none, VM.1045 after too many wrong ones; IDENTITY.1006
   */
  async require(vmUuid: string, given: Secret | undefined, { accountName }: Caller): Promise<(tx: Tx) => void> {
    const { records, passwords, monotonicMs } = this.#options;
    const name = records.mirror.get("VmInstance", vmUuid)?.value.name ?? vmUuid;
    const hash = hashOf(records.mirror.get("ConsolePassword", vmUuid)?.value);
    const isSame = (tx: Tx) => {
      // Somebody has set another one at this moment.
      if (hashOf(tx.get("ConsolePassword", vmUuid)) !== hash) throw noPassword(name);
    };
    if (hash === undefined) return isSame;
    if (given === undefined) throw noPassword(name);
    const counter = this.#counters.take(`${vmUuid} ${accountName ?? ""}`, monotonicMs());
    try {
      const waitMs = counter.waitMs(monotonicMs());
      // Of attempts that come together, no more run than may still fail.
      if (waitMs > 0 || !counter.hasRoom) throw slowed(name, Math.max(waitMs, rule.firstDelayMs));
      counter.begin();
      const isRight = await passwords.isRight(given, hash).finally(() => counter.end());
      if (!isRight) counter.fail(monotonicMs());
      else counter.forgive();
      if (!isRight) throw wrongPassword(name, counter.left);
    } finally {
      counter.release();
    }
    return isSame;
  }

  /** Ways to the machine's consoles that were given before are over; a console that is open stays so. */
  #put(
    tx: Tx,
    vmUuid: string,
    record: { hash: string } | undefined,
    holder: string,
  ): CallOutput<"SetVmConsolePassword"> {
    begin(tx, vmUuid, "setConsolePassword", holder);
    const before = tx.get("ConsolePassword", vmUuid);
    if (record !== undefined) tx.put("ConsolePassword", vmUuid, record);
    else if (before !== undefined) tx.delete("ConsolePassword", vmUuid);
    endTokensOf(tx, vmUuid, this.#options.records.mirror);
    const machine = end(tx, { vmUuid, holder }, "done");
    if (machine === undefined) throw new Error("A machine is gone by its console's password.");
    return { inventory: machine };
  }
}

function hashOf(record: RecordOf<"ConsolePassword"> | undefined): string | undefined {
  if (record === undefined) return;
  const { hash } = record;
  return typeof hash === "string" ? hash : "";
}

function refused(code: CloudErrorCode, name: string, details: string, remedy: string, values = {}): CloudError {
  return new CloudError(refusalOf(code, { where: `VmInstance ${shown(name)}`, details, remedy, values }));
}

function noPassword(name: string): CloudError {
  const remedy = "Give consolePassword, too. Who has forgotten it sets another one (SetVmConsolePassword).";
  return refused("VM.1044", name, "Its console is opened with the password only.", remedy);
}

function wrongPassword(name: string, attemptsLeft: number): CloudError {
  const remedy = "Give the right one, or set another one (SetVmConsolePassword).";
  return refused("VM.1043", name, "Another password was set for its console.", remedy, { attemptsLeft });
}

function slowed(name: string, retryAfterMs: number): CloudError {
  const remedy = `Try again in ${Math.ceil(retryAfterMs / 1000)} s.`;
  return refused("VM.1045", name, "Wrong passwords were given for its console.", remedy, { retryAfterMs });
}
