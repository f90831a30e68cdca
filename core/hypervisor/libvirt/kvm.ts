import type { Machine } from "../../node/machine.ts";

/** A module may be loaded while the agent runs. */
const lookMs = 60_000;

/** Whether the processor runs machines by itself. */
export class Kvm {
  readonly #machine: Pick<Machine, "run" | "monotonicMs">;
  #known: { isThere: boolean; until: number } | undefined;

  /** @param isThere what it is told; found out unless told */
  constructor(machine: Pick<Machine, "run" | "monotonicMs">, isThere?: boolean) {
    this.#machine = machine;
    if (isThere !== undefined) this.#known = { isThere, until: Number.POSITIVE_INFINITY };
  }

  async isThere(): Promise<boolean> {
    const known = this.#known;
    if (known !== undefined && this.#machine.monotonicMs() < known.until) return known.isThere;
    const { code } = await this.#machine.run("test", ["-c", "/dev/kvm"], { timeoutMs: 5_000 });
    this.#known = { isThere: code === 0, until: this.#machine.monotonicMs() + lookMs };
    return code === 0;
  }
}
