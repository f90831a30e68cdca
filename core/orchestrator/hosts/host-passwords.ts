import type { Secret } from "../../model/secret.ts";
import type { Mirror } from "../mirror.ts";

/**
 * Passwords of hosts that are being added, by their task: in memory only. Each is there until it is used, or its task
 * has ended without that, however it did.
 */
export class HostPasswords {
  readonly #waiting = new Map<string, Secret>();

  constructor(mirror: Mirror) {
    mirror.subscribe((changes) => {
      if (this.#waiting.size === 0) return;
      for (const { kind, key, after } of changes) if (kind === "Flow" && after === undefined) this.#waiting.delete(key);
    });
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Before the task is made. */
  keep(task: string, password: Secret): void {
    this.#waiting.set(task, password);
  }

  /** Gives it once. */
  take(task: string): Secret | undefined {
    const password = this.#waiting.get(task);
    this.#waiting.delete(task);
    return password;
  }
}
