import { randomBytes } from "node:crypto";
import type { Conversation, Machine, RunOptions, RunResult } from "../../node/machine.ts";

/*
 * A virsh that stays takes commands at its standard input, and answers within a millisecond or two what a virsh of its own
 * takes 12 to 40 for. Each does one thing at a time; there are as many as are needed at once, and soon fewer again.
 */

/** Those that stay while there is nothing to do, and for how long. */
const [mostIdle, idleMs] = [4, 20_000];
const prompt = "virsh # ";
/** Words of which none means anything to virsh's own reading of a line. */
const plainWord = /^[\w./:@=,+-]+$/;
/** Characters of a command: of a longer one it would show a part only. */
const mostCharacters = 1000;
const mostBytes = 8 * 1024 * 1024;
/** Its daemon is another one by now, or there is none. */
const lostDaemon = /^error: (Disconnected from|Cannot recv data|End of file while reading|client socket is closed)/m;

export class VirshShells {
  readonly #machine: Machine;
  readonly #args: readonly string[];
  readonly #idle: { shell: Shell; rest: () => void }[] = [];

  /** @param args of the connection */
  constructor(machine: Machine, args: readonly string[]) {
    this.#machine = machine;
    this.#args = args;
  }

  /** Whether these words can be said to one. */
  static takes(words: readonly string[]): boolean {
    return words.every((word) => plainWord.test(word)) && words.join(" ").length <= mostCharacters;
  }

  /**
   * As `Machine.run` of virsh with these words. One that ends under way says so by its code, as a virsh that was killed would.
   * @param isLook whether it may be said twice
   */
  async run(words: readonly string[], options: RunOptions, isLook: boolean): Promise<RunResult | undefined> {
    const result = await this.#runOnce(words, options);
    const isLost = result === undefined || (result.code !== 0 && lostDaemon.test(result.stderr));
    return isLost && isLook ? this.#runOnce(words, options) : result;
  }

  async #runOnce(words: readonly string[], { timeoutMs, signal }: RunOptions): Promise<RunResult | undefined> {
    const shell = this.#take();
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const cancel = this.#machine.after(timeoutMs, () => shell?.stop());
    const stop = () => shell?.stop();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      shell?.ask(words.join(" "), resolve);
      const text = shell === undefined ? undefined : await promise;
      if (shell === undefined || text === undefined) return undefined;
      const isFailed = /^error: /m.test(text);
      if (isFailed && lostDaemon.test(text)) shell.stop();
      else this.#giveBack(shell);
      return isFailed ? { code: 1, stdout: "", stderr: text } : { code: 0, stdout: text, stderr: "" };
    } finally {
      cancel();
      signal?.removeEventListener("abort", stop);
    }
  }

  #take(): Shell | undefined {
    for (let found = this.#idle.pop(); found !== undefined; found = this.#idle.pop()) {
      found.rest();
      if (!found.shell.isOver) return found.shell;
    }
    return this.#machine.talk === undefined ? undefined : new Shell(this.#machine, this.#args);
  }

  #giveBack(shell: Shell): void {
    if (this.#idle.length >= mostIdle) {
      shell.stop();
      return;
    }
    const rest = this.#machine.after(idleMs, () => {
      const at = this.#idle.findIndex((each) => each.shell === shell);
      if (at >= 0) this.#idle.splice(at, 1);
      shell.stop();
    });
    this.#idle.push({ shell, rest });
  }
}

class Shell {
  readonly #conversation: Conversation | undefined;
  #text = "";
  #asked: { mark: string; answer: (text: string | undefined) => void } | undefined;
  isOver = false;

  constructor(machine: Machine, args: readonly string[]) {
    // It keeps a history of what it was told, where it can.
    const command = ["XDG_CACHE_HOME=/nonexistent", "virsh", ...args];
    this.#conversation = machine.talk?.("env", command, { text: (text) => this.#heard(text), end: () => this.#end() });
  }

  /** `answer`: what it has printed; undefined when it has ended instead. */
  ask(words: string, answer: (text: string | undefined) => void): void {
    if (this.isOver) {
      answer(undefined);
      return;
    }
    const mark = `said-${randomBytes(9).toString("hex")}`;
    this.#text = "";
    this.#asked = { mark, answer };
    this.#conversation?.say(`${words}\necho ${mark}\n`);
  }

  stop(): void {
    this.#conversation?.stop();
    this.#end();
  }

  #heard(text: string): void {
    this.#text += text;
    const asked = this.#asked;
    // Of its own accord it tells only that it has lost its daemon.
    const isUseless = this.#text.length > mostBytes || (asked === undefined && this.#text.includes("error:"));
    if (isUseless) this.stop();
    if (isUseless || asked === undefined) return;
    // It repeats each line that it is told, the first of which is cut where it is long.
    const end = this.#text.indexOf(`\n${asked.mark}`);
    if (end < 0) return;
    const whole = this.#text.slice(0, end);
    const from = whole.indexOf("\n") + 1;
    const until = whole.lastIndexOf(`${prompt}echo ${asked.mark}`);
    this.#text = "";
    this.#asked = undefined;
    asked.answer(whole.slice(from, Math.max(from, until)));
  }

  #end(): void {
    this.isOver = true;
    const asked = this.#asked;
    this.#asked = undefined;
    asked?.answer(undefined);
  }
}
