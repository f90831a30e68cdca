import { dirname } from "node:path";
import { NodeError } from "../../model/error.ts";
import type { Machine, Stream } from "../../node/machine.ts";
import { checkVolumePath } from "../driver.ts";
import type { LockProbe, LockState } from "../shared-storage.ts";
import { flockWords, type MachineLocks, tryFlock } from "./machine-locks.ts";
import { ask, lastWords } from "./mounts.ts";
import { isLocked } from "./volume-files.ts";

/** Whoever has asked for a lock and never comes back must not leave it. */
const heldMs = 30_000;
/** For one of QEMU's tools to start and to end. */
const toolMs = 10_000;
/** Until the lock is taken. */
const takenMs = 15_000;

const filePrefix = ".binnacle-lock-";

/**
 * Locks as machines have them on their disks: QEMU's by QEMU's own tools, for other programs would take other ones, and
 * those of {@link MachineLocks} where a machine has such a one.
 */
export class StorageLocks {
  readonly #machine: Machine;
  readonly #locks: Pick<MachineLocks, "kindAt">;
  readonly #held = new Map<string, Stream>();

  constructor(machine: Machine, locks: Pick<MachineLocks, "kindAt">) {
    this.#machine = machine;
    this.#locks = locks;
  }

  /** As {@link SharedStorages.lock}. */
  async carryOut({ path, probe, step }: LockProbe, signal: AbortSignal): Promise<LockState> {
    checkVolumePath(path);
    const file = `${path}/${filePrefix}${probe}`;
    if (step === "hold") await this.#hold(file, signal);
    if (step === "release") await this.#release(file);
    return await this.#look(file, signal);
  }

  async #hold(file: string, signal: AbortSignal): Promise<void> {
    if (this.#held.has(file) && (await this.#look(file, signal)) === "held") return;
    // Of tries whose agent or manager did not live to end them.
    const old = ["-maxdepth", "1", "-name", `${filePrefix}*`, "-mmin", "+60", "-delete"];
    await this.#run(file, ["find", dirname(file), ...old], signal).catch(() => undefined);
    const made = await this.#run(file, ["qemu-img", "create", "-q", "-f", "qcow2", file, "65536"], signal);
    // One whose holder was killed may still lie there, and may be held by another program yet.
    if (made.code !== 0 && !isLocked(made.stderr)) throw failed(file, lastWords(made.stderr));
    // Of a qcow2 image QEMU shares nothing with other writers. Who looked whether it is taken would be in its way: it says
    // so itself, with its first line, which stdbuf has it say at once.
    const held = ["-oL", "qemu-io", "--image-opts", optionsOf("qcow2", file), "-c", "length", "-c", `sleep ${heldMs}`];
    const isFlock = (await this.#locks.kindAt(file)) === "flock";
    const [program, ...words] = isFlock ? flockWords(file, ["stdbuf", ...held]) : (["stdbuf", ...held] as const);
    const { promise: taken, resolve } = Promise.withResolvers<string | undefined>();
    let complaint = "it is not locked in time";
    const stream = this.#machine.stream(program, words, (line, from) => {
      if (from === "stdout") resolve(undefined);
      else complaint = line;
    });
    this.#held.set(file, stream);
    const ended = () => {
      if (this.#held.get(file) === stream) this.#held.delete(file);
      resolve(complaint);
    };
    void stream.done.then(ended, ended);
    const cancel = this.#machine.after(takenMs, () => resolve(complaint));
    const why = await taken;
    cancel();
    if (why === undefined) return;
    await this.#release(file);
    throw failed(file, lastWords(why));
  }

  async #release(file: string): Promise<void> {
    const stream = this.#held.get(file);
    stream?.stop();
    await stream?.done.catch(() => undefined);
    await this.#run(file, ["rm", "-f", "--", file]);
  }

  async #look(file: string, signal: AbortSignal): Promise<LockState> {
    if ((await this.#locks.kindAt(file)) === "flock") {
      const found = await tryFlock(this.#machine, file, signal);
      if (typeof found === "string") return found;
      throw failed(file, lastWords(found.failed));
    }
    const { code, stderr } = await this.#run(
      file,
      ["qemu-io", "--image-opts", optionsOf("raw", file), "-c", "quit"],
      signal,
    );
    if (code === 0) return "free";
    if (isLocked(stderr)) return "held";
    if (/No such file or directory/.test(stderr)) return "absent";
    throw failed(file, lastWords(stderr));
  }

  #run(file: string, words: readonly [string, ...string[]], signal?: AbortSignal) {
    return ask(this.#machine, file, words, { signal, limitMs: toolMs });
  }
}

function optionsOf(format: string, file: string): string {
  return `driver=${format},file.driver=file,file.locking=on,file.filename=${file.replaceAll(",", ",,")}`;
}

function failed(file: string, why: string): NodeError {
  return new NodeError("HYPERVISOR.FAILED", `A lock can't be tried with ${file}: ${why}.`, {
    remedy: "Look at the storage on this host.",
    values: { file },
  });
}
