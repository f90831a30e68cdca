import { userState } from "../../model/cloud/operations.ts";
import { CloudError } from "../../model/cloud/refusal.ts";
import { nextState } from "../../model/cloud/state-machine.ts";
import { passwordProblems } from "../../model/password.ts";
import { Secret } from "../../model/secret.ts";
import type { RecordOf } from "../kinds.ts";
import type { Mirror } from "../mirror.ts";
import type { Records } from "../records.ts";
import { type Credential, credentialOf, endAllSessions, putNewHash, putPassword } from "./credentials.ts";
import { LogInLimits } from "./log-in-limits.ts";
import { isCrypt, type Passwords } from "./passwords.ts";
import {
  badPassword,
  disabledUser,
  invalidSession,
  lastResort,
  mustChangePassword,
  unreadablePassword,
  wrongPassword,
} from "./refusals.ts";
import { type Caller, Sessions, type SessionsOptions } from "./sessions.ts";

/** The user that every cloud has. The reference's admin has this uuid, too. */
export const admin = { uuid: "36c27e8ff05c4780bf6d2fa65700f22e", name: "admin" } as const;

/**
 * The password of admin when none was given at the installation, and after a reset. Everybody knows it: whoever logs
 * in with it can do nothing but change it. Source: ../shared/spec/management.md, "reset_password".
 */
export const initialPassword = "password";

/** Characters of a name that are looked at: no user has a longer one. */
const longestName = 255;

/** A password that was chosen at the installation: as it is, or as a hash of crypt(3). */
export type FirstPassword = Secret | { readonly cryptHash: Secret };

export type IdentityOptions = SessionsOptions & { passwords: Passwords };

export type LogIn = {
  readonly sessionUuid: string;
  readonly token: Secret;
  readonly user: RecordOf<"User">;
  /** Until the password is changed, `authenticate` refuses this session. */
  readonly mustChangePassword: boolean;
  /** Milliseconds since the epoch: until then it lives at least, and longer when it is used. */
  readonly expiresAt: number;
};

export type PasswordChange = {
  readonly token: Secret;
  readonly old: Secret;
  readonly next: Secret;
  readonly clientAddress: string;
};

export type PasswordReset = { next?: Secret; mustChange?: boolean; first?: FirstPassword | undefined };

/**
 * Who may use the cloud. `clientAddress` is always that of the person's machine: behind a proxy, what the proxy says;
 * a loopback address means the management node itself, and is trusted with more attempts.
 */
export class Identity {
  readonly #records: Records;
  readonly #mirror: Mirror;
  readonly #passwords: Passwords;
  readonly #sessions: Sessions;
  readonly #limits: LogInLimits;

  constructor(options: IdentityOptions) {
    this.#records = options.records;
    this.#mirror = options.records.mirror;
    this.#passwords = options.passwords;
    this.#sessions = new Sessions(options);
    this.#limits = new LogInLimits(options.monotonicMs);
  }

  /**
   * Makes admin, when there is none: once, though several managers try at the same moment. With the password that was
   * chosen at the installation, as it is or as a crypt(3) hash; without one, with `initialPassword`.
   *
   * @returns whether admin was made now
   * @throws IDENTITY.1007, IDENTITY.1009 when what was given can't be used; nothing was made
   */
  async bootstrap(given?: FirstPassword): Promise<boolean> {
    // One that can't be read is there: root can't reset its password before it is mended, and everybody else goes on.
    const isBroken = this.#mirror.unreadable.get("User", admin.uuid) !== undefined;
    if (isBroken || this.#mirror.get("User", admin.uuid) !== undefined) return false;
    const hash = await this.#firstHash(given);
    return this.#records.change((tx) => {
      if (tx.get("User", admin.uuid) !== undefined) return false;
      tx.insert("User", {
        uuid: admin.uuid,
        name: admin.name,
        description: null,
        state: "Enabled",
        mustChangePassword: given === undefined,
        passwordChangeDate: null,
      });
      putPassword(tx, admin.uuid, hash);
      return true;
    });
  }

  /**
   * Opens a session. Wrong names and wrong passwords get the same answer after the same time.
   *
   * @throws IDENTITY.1002, IDENTITY.1004, IDENTITY.1005, IDENTITY.1006, IDENTITY.1008, IDENTITY.1009
   */
  async logIn(name: string, password: Secret, clientAddress: string): Promise<LogIn> {
    const user = this.#userNamed(name);
    const passwordId = await this.#checked(name, user, password, clientAddress);
    if (user === undefined) throw wrongPassword(0, 0);
    const opened = await this.#sessions.open(user.uuid, passwordId, clientAddress);
    return {
      sessionUuid: opened.session.uuid,
      token: opened.token,
      user: opened.user,
      mustChangePassword: opened.user.mustChangePassword,
      expiresAt: this.#sessions.expiresAt(opened.session),
    };
  }

  /** Whether a user has this name. Not to be told to whoever tries to log in. */
  isUserName(name: string): boolean {
    return this.#userNamed(name) !== undefined;
  }

  /**
   * Who calls. For every call but log-out and the change of the password. Answers from memory; a session that another
   * manager has opened is known a moment after that.
   *
   * @param isUse false for what goes on by itself, such as a stream: it must not keep the session alive
   * @throws IDENTITY.1001, IDENTITY.1003
   */
  authenticate(token: Secret, isUse = true): Caller {
    const caller = isUse ? this.#sessions.use(token) : this.#sessions.look(token);
    if (caller.user.mustChangePassword) throw mustChangePassword(caller.user.name);
    return caller;
  }

  /** Whether a session has not ended; for what was begun by it and goes on without its token. */
  lives(sessionUuid: string): boolean {
    return this.#sessions.lives(sessionUuid);
  }

  /** Somebody works with what a session has begun: it counts as used. */
  noteUse(sessionUuid: string): void {
    this.#sessions.noteUse(sessionUuid);
  }

  /** The same for log-out and the change of the password: it may be one that has to be changed. @throws IDENTITY.1001 */
  identify(token: Secret): Caller {
    return this.#sessions.use(token);
  }

  /** @throws IDENTITY.1001 */
  async logOut(token: Secret): Promise<void> {
    await this.#sessions.end(this.#sessions.use(token).session.uuid);
  }

  /**
   * Changes the password of the session's user, and ends all other sessions of that user.
   *
   * @throws IDENTITY.1001, IDENTITY.1007; IDENTITY.1002, 1005, 1006, 1009 of the old one, counted like a log-in
   */
  async changePassword({ token, old, next, clientAddress }: PasswordChange): Promise<void> {
    const { session, user } = this.#sessions.use(token);
    requireGood(next, old);
    const passwordId = await this.#checked(user.name, user, old, clientAddress);
    const hash = await this.#passwords.hash(next);
    await this.#records.change((tx) => {
      // Somebody may have changed the password or reset it while ours were computed: theirs stands.
      if (credentialOf(tx.get("Credential", user.uuid))?.passwordId !== passwordId)
        throw invalidSession("The password was changed meanwhile.");
      const { state } = tx.need("User", user.uuid);
      if (state !== "Enabled") throw disabledUser(user.name);
      this.#sessions.keep(tx, session.uuid, putPassword(tx, user.uuid, hash));
      tx.update("User", user.uuid, { mustChangePassword: false, passwordChangeDate: tx.now });
    });
    await this.#sessions.tidyUp();
  }

  /**
   * Sets admin's password without the old one: to `next`, or back to that of the installation (`first`, or
   * `initialPassword`), which has to be changed at the next log-in. Ends all its sessions, enables it when it is disabled,
   * and forgets its wrong passwords on this manager. For root on a management node only: `zstack-ctl reset_password`, and
   * the console's Change Passwords.
   *
   * @throws IDENTITY.1007; SYS.1005 before `bootstrap`; as that when what was given can't be used
   */
  async resetPassword({ next, mustChange = false, first }: PasswordReset = {}): Promise<void> {
    if (next !== undefined) requireGood(next);
    const hash = await (next === undefined ? this.#firstHash(first) : this.#passwords.hash(next));
    const mustChangePassword = next === undefined || mustChange;
    await this.#records.change((tx) => {
      tx.need("User", admin.uuid);
      putPassword(tx, admin.uuid, hash);
      tx.update("User", admin.uuid, { state: "Enabled", mustChangePassword, passwordChangeDate: tx.now });
    });
    this.#limits.forgive(admin.name);
    await this.#sessions.tidyUp();
  }

  /**
   * Enables or disables a user. Disabling ends all its sessions; enabling brings none back.
   * @throws SYS.1005, IDENTITY.1010
   */
  async changeUserState(uuid: string, event: "enable" | "disable"): Promise<RecordOf<"User">> {
    if (uuid === admin.uuid && event === "disable") throw lastResort();
    const changed = await this.#records.change((tx) => {
      const user = tx.need("User", uuid);
      const outcome = nextState(userState, user.name, user.state, event);
      if (!outcome.done) throw new CloudError(outcome.refusal);
      if (event === "disable") endAllSessions(tx, uuid);
      return tx.update("User", uuid, { state: outcome.next });
    });
    await this.#sessions.tidyUp();
    return changed;
  }

  /** Removes the records of sessions that are over; to be called each minute or so. Gives how many there were. */
  endExpired(): Promise<number> {
    return this.#sessions.removeEnded();
  }

  /** Resolves when no write in the background is under way: before the store is closed. */
  settled(): Promise<void> {
    return this.#sessions.settled();
  }

  async #firstHash(given: FirstPassword | undefined): Promise<string> {
    if (given === undefined) return this.#passwords.hash(new Secret(initialPassword));
    if (given instanceof Secret) {
      requireGood(given);
      return this.#passwords.hash(given);
    }
    const hash = given.cryptHash.reveal();
    if (!isCrypt(hash)) throw unreadablePassword("What the installation has left is no hash that may be used.");
    return hash;
  }

  /** Names need not be unique: of several users the eldest has it, so that nobody can take it over. */
  #userNamed(name: string): RecordOf<"User"> | undefined {
    const [eldest] = this.#mirror
      .find("User", "name", name)
      .map(({ value }) => value)
      .sort((a, b) => a.createDate - b.createDate || (a.uuid < b.uuid ? -1 : 1));
    return eldest;
  }

  /**
   * The id of the user's password, which was given; empty when there is no such user. Whatever is done with it asks
   * whether it is still that of the present one.
   */
  async #checked(
    name: string,
    user: RecordOf<"User"> | undefined,
    password: Secret,
    clientAddress: string,
  ): Promise<string> {
    const credential = user === undefined ? undefined : this.#credential(user.uuid);
    const isKnown = user !== undefined && this.#sessions.isKnownAddress(user.uuid, clientAddress);
    const attempt = { name: name.slice(0, longestName), clientAddress, isKnown };
    await this.#limits.run(attempt, () => this.#passwords.isRight(password, credential?.hash));
    if (user === undefined || credential === undefined) return "";
    if (this.#passwords.isOutdated(credential.hash)) await this.#renewHash(user.uuid, credential.passwordId, password);
    return credential.passwordId;
  }

  /** Stores a right password anew: its hash is not of today's kind or cost. */
  async #renewHash(userUuid: string, passwordId: string, password: Secret): Promise<void> {
    const hash = await this.#passwords.hash(password);
    await this.#records.change((tx) => putNewHash(tx, userUuid, passwordId, hash));
  }

  #credential(userUuid: string): Credential | undefined {
    return credentialOf(this.#mirror.get("Credential", userUuid)?.value);
  }
}

/** @throws IDENTITY.1007 */
function requireGood(next: Secret, old?: Secret): void {
  const [problem] = passwordProblems(next.reveal().normalize("NFC"), old?.reveal().normalize("NFC"));
  if (problem !== undefined) throw badPassword(problem);
}
