import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { NodeError } from "../model/error.ts";
import type { Secret } from "../model/secret.ts";
import { Attempts } from "./attempts.ts";
import { rootConsole, type Session } from "./contract.ts";

export type EndReason = "idle" | "closed" | "revoked";

/** A session without its token. `id` is unique while the agent runs and gives no rights. */
export type LiveSession = { id: number; console: string; openedAt: number };

export type SessionsOptions = {
  checkPassword: (password: Secret) => Promise<boolean>;
  /** Milliseconds that never step and go on while the node sleeps, for idle time and delays. */
  monotonicMs: () => number;
  /** The wall clock, only for `openedAt`. */
  now: () => number;
  /** How long a session may be idle; asked anew each time, so that a changed setting holds at once. */
  idleMs: () => number;
};

/** Who says to hold a session. `isRoot`: the call came over root's own socket, and needs no token. */
type Claim = { console: string; token: string | undefined; isRoot?: boolean };

type Entry = LiveSession & { tokenHash: Buffer; usedAt: number };

/**
 * Who may change this node: consoles that gave the password. One session for each console; its token is 256 random
 * bits of which only a hash is kept. Sessions live in memory: after a restart of the agent the password is asked again.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #attempts: Attempts;
  readonly #byConsole = new Map<string, Entry>();
  readonly #listeners = new Set<(session: LiveSession, why: EndReason) => void>();
  /** Root's, which never ends and is in no list: root may do everything without us. */
  readonly #root: Entry;
  #lastId = 0;
  #revocations = 0;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#attempts = new Attempts(options.monotonicMs);
    const never = Number.POSITIVE_INFINITY;
    this.#root = { id: 0, console: rootConsole, openedAt: options.now(), usedAt: never, tokenHash: Buffer.alloc(0) };
  }

  /**
   * Opens a session when the password is right, in place of the console's former one.
   * @throws AUTH.WRONG_PASSWORD, AUTH.SLOWED, AUTH.BUSY; or what `checkPassword` throws
   */
  async open(console: string, password: Secret): Promise<Session> {
    await this.#attempts.run(console, () => this.#check(password));
    const former = this.#byConsole.get(console);
    if (former !== undefined) this.#end(former, "revoked");

    const token = randomBytes(32).toString("base64url");
    const openedAt = this.#options.now();
    const usedAt = this.#options.monotonicMs();
    this.#lastId += 1;
    this.#byConsole.set(console, { id: this.#lastId, console, openedAt, usedAt, tokenHash: hash(token) });
    return { token, console, openedAt, idleMs: this.#options.idleMs() };
  }

  /**
   * Checks a password under the same counting as `open`, for calls that ask for it once more.
   * @throws as `open`
   */
  confirm(console: string, password: Secret): Promise<void> {
    return this.#attempts.run(console, () => this.#check(password));
  }

  /**
   * The live session that a call belongs to. Does not count as activity: clients ask for figures by themselves.
   * @throws AUTH.NO_SESSION when there is none, it has expired, or the token is another console's
   */
  require(caller: Claim): LiveSession {
    const { id, console, openedAt } = this.#find(caller);
    return { id, console, openedAt };
  }

  /** As `require`, and undefined instead of an error: for calls that show more to a session. */
  find(caller: Claim): LiveSession | undefined {
    try {
      return this.require(caller);
    } catch {
      return undefined;
    }
  }

  /** Somebody pressed a key: idle time starts anew. @throws AUTH.NO_SESSION */
  touch(caller: Claim): void {
    const entry = this.#find(caller);
    if (entry !== this.#root) entry.usedAt = this.#options.monotonicMs();
  }

  /** @throws AUTH.NO_SESSION */
  close(caller: Claim): void {
    this.#end(this.#find(caller), "closed");
  }

  /** Ends every session but that of `exceptConsole`: after a change of the root password. */
  revokeAll(exceptConsole?: string): void {
    this.#revocations += 1;
    for (const entry of [...this.#byConsole.values()]) if (entry.console !== exceptConsole) this.#end(entry, "revoked");
  }

  /**
   * Ends the sessions that have been idle too long.
   * @returns milliseconds until the next one is due; undefined when there is no session
   */
  sweep(): number | undefined {
    for (const entry of [...this.#byConsole.values()]) if (this.#idleLeft(entry) <= 0) this.#end(entry, "idle");
    const left = [...this.#byConsole.values()].map((entry) => this.#idleLeft(entry));
    return left.length === 0 ? undefined : Math.min(...left);
  }

  /** The live sessions, oldest first. */
  list(): LiveSession[] {
    this.sweep();
    return [...this.#byConsole.values()].map(({ id, console, openedAt }) => ({ id, console, openedAt }));
  }

  /** Calls `listener` after a session has ended. Returns a function that stops it. */
  onEnd(listener: (session: LiveSession, why: EndReason) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #check(password: Secret): Promise<boolean> {
    for (;;) {
      const revocations = this.#revocations;
      const right = await this.#options.checkPassword(password);
      // The password was changed while the old one was being checked: only the new one may open a session.
      if (!right || revocations === this.#revocations) return right;
    }
  }

  #find(caller: Claim): Entry {
    if (caller.isRoot === true) return this.#root;
    const entry = this.#byConsole.get(caller.console);
    if (entry === undefined || caller.token === undefined || !timingSafeEqual(hash(caller.token), entry.tokenHash))
      throw noSession(caller.console);
    if (this.#idleLeft(entry) > 0) return entry;
    this.#end(entry, "idle");
    throw noSession(caller.console);
  }

  #idleLeft(entry: Entry): number {
    return entry.usedAt + this.#options.idleMs() - this.#options.monotonicMs();
  }

  #end(entry: Entry, why: EndReason): void {
    if (this.#byConsole.get(entry.console) !== entry) return;
    this.#byConsole.delete(entry.console);
    const { id, console, openedAt } = entry;
    for (const listener of this.#listeners) listener({ id, console, openedAt }, why);
  }
}

function noSession(console: string): NodeError {
  return new NodeError("AUTH.NO_SESSION", `${console} has no session, or it has ended.`, {
    remedy: "Give the root password again.",
  });
}

function hash(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
