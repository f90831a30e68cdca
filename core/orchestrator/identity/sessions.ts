import { hash, randomBytes } from "node:crypto";
import { Secret } from "../../model/secret.ts";
import type { JsonObject } from "../../store/record.ts";
import type { RecordOf } from "../kinds.ts";
import type { Mirror } from "../mirror.ts";
import type { Records, Tx } from "../records.ts";
import { credentialOf, newUuid } from "./credentials.ts";
import { disabledUser, invalidSession, tooManySessions, wrongPassword } from "./refusals.ts";
import { remainingMs, useGranularityMs, whyOver } from "./session-life.ts";
import { SessionUses } from "./session-uses.ts";

export type IdentitySetting = "identity.session.timeout" | "identity.session.maxConcurrent";

export type SessionsOptions = {
  records: Records;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Milliseconds that never step. */
  monotonicMs: () => number;
  /** A setting as it is now, in its own unit: seconds, sessions. */
  setting: (id: IdentitySetting) => number;
  /** A write in the background failed; it is repeated. */
  onError: (error: unknown) => void;
};

/** Whose session it is. */
export type Caller = { readonly session: RecordOf<"Session">; readonly user: RecordOf<"User"> };
export type OpenedSession = Caller & {
  /** Nobody has it but the caller: only its hash is stored. */
  readonly token: Secret;
};

/** 256 bits as base64url. */
const tokenLength = 43;
/** Sessions that one transaction removes: three changes each, and two for each user. */
const atOnce = 150;

/**
 * Sessions of the cloud, in the store: every manager knows them, and a restart ends none. What is asked with each call
 * is answered from the mirror, without a look at the store.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #mirror: Mirror;
  readonly #uses: SessionUses;
  #lastOpening: Promise<unknown> = Promise.resolve();

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#mirror = options.records.mirror;
    this.#uses = new SessionUses(options);
  }

  /**
   * Opens a session for a user whose password was found right; `passwordId`: that of this password.
   * @throws IDENTITY.1002 when it was changed meanwhile, IDENTITY.1004, IDENTITY.1008
   */
  open(userUuid: string, passwordId: string, clientAddress: string): Promise<OpenedSession> {
    // One after the other: many at once would only make each other's transactions fail.
    const opening = this.#lastOpening.then(() => this.#open(userUuid, passwordId, clientAddress));
    this.#lastOpening = opening.catch(() => undefined);
    return opening;
  }

  /** The session of a token, which counts as used. Changes nothing at once. @throws IDENTITY.1001 */
  use(token: Secret): Caller {
    const caller = this.look(token);
    const { uuid, lastUseDate } = caller.session;
    this.#uses.note(uuid, lastUseDate, this.#options.now(), useGranularityMs(this.#timeoutSeconds()));
    return caller;
  }

  /** The same for who only looks whether it lives: it does not count as used. @throws IDENTITY.1001 */
  look(token: Secret): Caller {
    const now = this.#options.now();
    const text = token.reveal();
    const [held] = text.length === tokenLength ? this.#mirror.find("SessionToken", "hash", hashOf(text)) : [];
    const session = this.#mirror.get("Session", sessionUuidOf(held?.value))?.value;
    if (session === undefined) throw invalidSession("There is no such session, or it has ended.");
    const why = this.#whyOver(session, now);
    const user = this.#mirror.get("User", session.userUuid)?.value;
    if (why !== undefined || user === undefined) throw invalidSession(why ?? "Its user has been deleted.");
    return { session, user };
  }

  /** Whether a session has not ended. */
  lives(uuid: string): boolean {
    const session = this.#mirror.get("Session", uuid)?.value;
    return session !== undefined && this.#whyOver(session, this.#options.now()) === undefined;
  }

  /** A session counts as used, if it lives. Changes nothing at once. */
  noteUse(uuid: string): void {
    const session = this.#mirror.get("Session", uuid)?.value;
    if (session === undefined || !this.lives(uuid)) return;
    this.#uses.note(uuid, session.lastUseDate, this.#options.now(), useGranularityMs(this.#timeoutSeconds()));
  }

  /** Whether a user has a live session that was opened from an address. */
  isKnownAddress(userUuid: string, clientAddress: string): boolean {
    const now = this.#options.now();
    return this.#mirror
      .find("Session", "userUuid", userUuid)
      .some(({ value }) => value.clientAddress === clientAddress && this.#whyOver(value, now) === undefined);
  }

  /** Milliseconds since the epoch until which a session lives at least. */
  expiresAt(session: RecordOf<"Session">): number {
    return session.lastUseDate + this.#timeoutSeconds() * 1000;
  }

  /** Ends one session. Not an error when it has ended already. */
  async end(uuid: string): Promise<void> {
    await this.#options.records.change((tx) => removeSession(tx, uuid));
  }

  /** Binds a session to its user's new password, so that it goes on. Part of a transaction. @throws IDENTITY.1001 */
  keep(tx: Tx, uuid: string, passwordId: string): void {
    const token = tx.get("SessionToken", uuid);
    if (token === undefined || tx.get("Session", uuid) === undefined) throw invalidSession("It has ended.");
    tx.put("SessionToken", uuid, { ...token, passwordId });
  }

  /**
   * Removes the records of all sessions that are over. They are refused before that, too: this only makes room.
   * Sessions that were used in the future, by a clock that was wrong, count as used now.
   *
   * @returns how many sessions were removed
   */
  async removeEnded(): Promise<number> {
    const now = this.#options.now();
    const due = new Set<string>();
    for (const { value } of this.#mirror.all("Session"))
      if (this.#whyOver(value, now) !== undefined || this.#isOfFuture(value, now)) due.add(value.uuid);
    for (const [uuid] of this.#mirror.entries("SessionToken"))
      if (this.#mirror.get("Session", uuid) === undefined) due.add(uuid);
    const all = [...due];
    let removed = 0;
    for (let first = 0; first < all.length; first += atOnce)
      removed += await this.#removeEnded(all.slice(first, first + atOnce), now);
    return removed;
  }

  /** `removeEnded` after what has made sessions end: that is done and stays done, though this may fail. */
  async tidyUp(): Promise<void> {
    try {
      await this.removeEnded();
    } catch (error) {
      this.#options.onError(error);
    }
  }

  /** Resolves when no write in the background is under way. */
  settled(): Promise<void> {
    return this.#uses.settled();
  }

  async #open(userUuid: string, passwordId: string, clientAddress: string): Promise<OpenedSession> {
    const token = randomBytes(32).toString("base64url");
    const uuid = newUuid();
    const opened = await this.#options.records.change((tx) => {
      const now = this.#options.now();
      const guard = tx.get("Guard", userUuid);
      const user = tx.get("User", userUuid);
      if (user === undefined || credentialOf(tx.get("Credential", userUuid))?.passwordId !== passwordId)
        throw wrongPassword(0, 0);
      if (user.state !== "Enabled") throw disabledUser(user.name);
      this.#requireRoom(user, now);
      const session = tx.insert("Session", {
        uuid,
        name: user.name,
        description: null,
        userUuid,
        clientAddress,
        lastUseDate: now,
      });
      tx.put("SessionToken", uuid, { sessionUuid: uuid, hash: hashOf(token), passwordId }, true);
      // Written with the revision that was read: of two managers that each see one place left, one looks again.
      tx.put("Guard", userUuid, { ...guard, at: now });
      return { session, user };
    });
    return { ...opened, token: new Secret(token) };
  }

  /** Sessions that are over count no more, though their records may still be there. @throws IDENTITY.1008 */
  #requireRoom(user: RecordOf<"User">, now: number): void {
    const maximum = this.#options.setting("identity.session.maxConcurrent");
    const all = this.#mirror.find("Session", "userUuid", user.uuid).map(({ value }) => value);
    if (all.length < maximum) return;
    const live = all.filter((session) => this.#whyOver(session, now) === undefined);
    if (live.length < maximum) return;
    const timeoutSeconds = this.#timeoutSeconds();
    const freeAfterMs = live.reduce(
      (least, session) => Math.min(least, remainingMs(session, timeoutSeconds, now)),
      Number.POSITIVE_INFINITY,
    );
    throw tooManySessions(user.name, live.length, maximum, Math.max(freeAfterMs, 1));
  }

  #removeEnded(uuids: readonly string[], now: number): Promise<number> {
    return this.#options.records.change((tx) => {
      let removed = 0;
      for (const uuid of uuids) {
        const session = tx.get("Session", uuid);
        if (session !== undefined && this.#whyOver(session, now, tx) === undefined) {
          // Somebody has used it meanwhile, or it is one of the future.
          if (this.#isOfFuture(session, now)) tx.update("Session", uuid, { lastUseDate: now });
          continue;
        }
        removeSession(tx, uuid);
        if (session !== undefined) removed += 1;
      }
      return removed;
    });
  }

  /** @param tx when the answer is to hold until its commit */
  #whyOver(session: RecordOf<"Session">, now: number, tx?: Tx): string | undefined {
    const { uuid, userUuid } = session;
    const facts = {
      session,
      token: tx === undefined ? this.#mirror.get("SessionToken", uuid)?.value : tx.get("SessionToken", uuid),
      user: tx === undefined ? this.#mirror.get("User", userUuid)?.value : tx.get("User", userUuid),
      credential: tx === undefined ? this.#mirror.get("Credential", userUuid)?.value : tx.get("Credential", userUuid),
    };
    return whyOver(facts, this.#uses.unwritten(uuid), this.#timeoutSeconds(), now);
  }

  #isOfFuture(session: RecordOf<"Session">, now: number): boolean {
    return session.lastUseDate - now >= useGranularityMs(this.#timeoutSeconds());
  }

  #timeoutSeconds(): number {
    return this.#options.setting("identity.session.timeout");
  }
}

function removeSession(tx: Tx, uuid: string): void {
  if (tx.get("Session", uuid) !== undefined) tx.remove("Session", uuid);
  if (tx.get("SessionToken", uuid) !== undefined) tx.delete("SessionToken", uuid);
}

function sessionUuidOf(token: JsonObject | undefined): string {
  const uuid = token?.["sessionUuid"];
  return typeof uuid === "string" ? uuid : "";
}

function hashOf(token: string): string {
  return hash("sha256", token, "base64url");
}
