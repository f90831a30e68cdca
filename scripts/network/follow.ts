import type { Client } from "../../core/api/client.ts";
import { NodeError } from "../../core/model/error.ts";
import { countdown, hasEnded, type NetworkTransaction } from "../../core/model/network/transaction.ts";
import { exitCodes } from "./commands.ts";
import type { Voice } from "./say.ts";
import type { Terminal } from "./terminal.ts";
import { leavingLine, progressLine, seconds } from "./wording.ts";

const pollMs = 250;
/** The agent may be started anew in the middle of a change. */
const absenceMs = 60_000;
/** A change has a countdown; what it needs besides, to be put in force, probed and taken back, is far below this. */
const longestMs = countdown.mostSeconds * 1000 + 5 * 60_000;

/**
 * Watches a change to its end; at a terminal it asks whether to keep the new network once it waits for that.
 * Ctrl-C ends the command, and says what becomes of the change.
 * @throws NodeError the agent's; NET.NO_END
 */
export async function follow(
  client: Client,
  started: NetworkTransaction,
  terminal: Terminal | undefined,
  voice: Voice,
): Promise<NetworkTransaction> {
  const begunAt = performance.now();
  let [now, heardAt] = [started, begunAt];
  let shown: NetworkTransaction["phase"] | undefined;
  const leave = () => {
    terminal?.leave();
    voice.warn(leavingLine(aged(now, performance.now() - heardAt)));
    process.exit(exitCodes.failed);
  };
  process.once("SIGINT", leave);
  const question = new Question(client, terminal, voice);
  try {
    while (!hasEnded(now)) {
      if (now.phase !== shown) showProgress(now, terminal, voice);
      shown = now.phase;
      const failure = question.attend(now);
      if (failure !== undefined) throw failure;
      await new Promise((done) => setTimeout(done, pollMs));
      try {
        now = await client.call("networkChange", { params: { id: started.id } });
        heardAt = performance.now();
      } catch (error) {
        if (!isPassing(error) || performance.now() - heardAt > absenceMs) throw error;
      }
      if (performance.now() - begunAt > longestMs)
        throw new NodeError("NET.NO_END", "The change does not come to an end. The agent goes on with it.", {
          remedy: "See: zs-show-network, and journalctl -u binnacle-agent",
        });
    }
    return now;
  } finally {
    terminal?.leave();
    process.off("SIGINT", leave);
  }
}

/** A person sees that something goes on; in a file there is only what was done. */
function showProgress({ phase }: NetworkTransaction, terminal: Terminal | undefined, voice: Voice): void {
  const line = process.stdout.isTTY === true ? progressLine(phase) : undefined;
  if (line === undefined) return;
  terminal?.leave();
  voice.say(line);
}

/** Asks once, and carries the answer out. */
class Question {
  readonly #client: Client;
  readonly #terminal: Terminal | undefined;
  readonly #voice: Voice;
  #isAsked = false;
  #failure: unknown;

  constructor(client: Client, terminal: Terminal | undefined, voice: Voice) {
    this.#client = client;
    this.#terminal = terminal;
    this.#voice = voice;
  }

  /** To be called again and again. Returns what went wrong with an answer. */
  attend(now: NetworkTransaction): unknown {
    if (this.#terminal === undefined || now.phase !== "waiting" || now.remainingMs === null) return this.#failure;
    const text = `Keep the new network? [y/N] ${String(seconds(now.remainingMs)).padStart(3)} s`;
    if (this.#isAsked) this.#terminal.replace(text);
    else {
      this.#isAsked = true;
      for (const { outcome, description } of now.probes)
        if (outcome === "failed" || outcome === "warning") this.#voice.say(description);
      this.#terminal
        .ask(text)
        .then((isYes) => this.#answer(now.id, isYes))
        .catch((error: unknown) => {
          this.#failure = error;
        });
    }
    return this.#failure;
  }

  async #answer(id: string, isYes: boolean): Promise<void> {
    try {
      await this.#client.call(isYes ? "keepNetwork" : "rollBackNetwork", { params: { id } });
    } catch (error) {
      // The countdown has ended at the same moment; what became of it is seen with the next answer.
      if (!(error instanceof NodeError) || error.code !== "NET.NOT_WAITING") throw error;
    }
  }
}

/** What the agent said some time ago, with the time that was left then counted down. */
function aged(transaction: NetworkTransaction, ms: number): NetworkTransaction {
  const { remainingMs } = transaction;
  return remainingMs === null ? transaction : { ...transaction, remainingMs: Math.max(0, remainingMs - ms) };
}

function isPassing(error: unknown): boolean {
  return (
    error instanceof NodeError && ["AGENT.ABSENT", "AGENT.LOST", "AGENT.TIMEOUT", "AGENT.ENDING"].includes(error.code)
  );
}
