import type { ManagerDoor } from "../../api/manager-door.ts";
import type { CloudSummary } from "../../model/cloud/summary.ts";
import type { NodeError } from "../../model/error.ts";
import type { Missing } from "../../model/reading.ts";

/** What is known of this node's manager, and of the cloud through it. */
export type CloudView =
  /** Nobody has asked yet, or the first answer is still on its way. */
  | { state: "pending" }
  | { state: "answering"; summary: CloudSummary }
  /** It has its door open and says nothing: it hangs, or is so busy that nobody could work with it. */
  | { state: "silent" }
  /** Nobody listens. */
  | { state: "absent" }
  /** It may not be asked, or says what can't be understood. */
  | { state: "failed"; why: Missing };

/** Where sources of facts learn of the cloud. */
export type CloudFeed = {
  /**
   * What is known now. The first call begins to follow the manager and waits until something is known of it, or until
   * `signal` aborts; `release` ends that.
   */
  look(signal: AbortSignal): Promise<CloudView>;
  /** Told at each change; gives a function that ends it. */
  subscribe(changed: () => void): () => void;
  /** Nobody wants to know any more: this is no management node. */
  release(): void;
};

/** Beats come every second. The console must show within two that the manager hangs. */
const quietMs = 1_600;
/**
 * A timer of a process that was held up fires before what lies in its sockets is read: it counts only when nothing has
 * come in this time either.
 */
const graceMs = 100;

/** Follows the manager through root's door. It is told of every change as it comes, and nothing is asked for again. */
export class DoorFeed implements CloudFeed {
  readonly #door: Pick<ManagerDoor, "follow" | "socketPath">;
  readonly #listeners = new Set<() => void>();
  #view: CloudView = { state: "pending" };
  #summary: CloudSummary | undefined;
  #following: { close(): void } | undefined;
  #quiet: NodeJS.Timeout | undefined;

  constructor(door: Pick<ManagerDoor, "follow" | "socketPath">) {
    this.#door = door;
  }

  async look(signal: AbortSignal): Promise<CloudView> {
    this.#begin();
    if (this.#view.state === "pending") await this.#firstChange(signal);
    return this.#view;
  }

  subscribe(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  release(): void {
    this.#following?.close();
    this.#following = undefined;
    this.#stopWaiting();
    this.#summary = undefined;
    this.#view = { state: "pending" };
  }

  #begin(): void {
    this.#following ??= this.#door.follow({
      onAttempt: () => this.#wait(),
      onHeard: () => {
        this.#stopWaiting();
        this.#wait();
        if (this.#view.state === "silent" && this.#summary !== undefined) this.#show(this.#summary);
      },
      onSummary: (summary) => this.#show(summary),
      onLost: (error) => {
        this.#stopWaiting();
        this.#summary = undefined;
        this.#change(viewOf(error));
      },
    });
  }

  #show(summary: CloudSummary): void {
    this.#summary = summary;
    this.#change({ state: "answering", summary });
  }

  /** Unless something is heard before, the manager is silent. */
  #wait(): void {
    this.#quiet ??= setTimeout(() => {
      this.#quiet = setTimeout(() => {
        this.#quiet = undefined;
        this.#change({ state: "silent" });
      }, graceMs);
    }, quietMs);
  }

  #stopWaiting(): void {
    clearTimeout(this.#quiet);
    this.#quiet = undefined;
  }

  #change(view: CloudView): void {
    if (view.state !== "answering" && view.state === this.#view.state) return;
    this.#view = view;
    for (const changed of [...this.#listeners]) changed();
  }

  #firstChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        unsubscribe();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const unsubscribe = this.subscribe(done);
      signal.addEventListener("abort", done);
      if (signal.aborted) done();
    });
  }
}

const states: Readonly<Record<string, "absent" | "silent">> = {
  "CLOUD.ABSENT": "absent",
  "CLOUD.LOST": "absent",
  "CLOUD.TIMEOUT": "silent",
};

function viewOf(error: NodeError): CloudView {
  const state = states[error.code];
  if (state !== undefined) return { state };
  const codes: Readonly<Record<string, Missing["code"]>> = { "CLOUD.DENIED": "denied", "CLOUD.NONSENSE": "nonsense" };
  const code = codes[error.code];
  const manager = "binnacle-manager";
  return {
    state: "failed",
    why: code === undefined ? { code: "failed", detail: error.message } : { code, detail: manager },
  };
}

/** Nobody can be asked. */
export const noCloud: CloudFeed = {
  look: async () => ({ state: "pending" }),
  subscribe: () => () => {},
  release() {},
};
