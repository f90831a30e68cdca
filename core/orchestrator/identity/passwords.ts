import { timingSafeEqual } from "node:crypto";
import { hashProblem } from "../../model/installation/crypt-hash.ts";
import { couldBePassword } from "../../model/password.ts";
import { Secret } from "../../model/secret.ts";
import { busy, unreadablePassword } from "./refusals.ts";
import {
  type Derive,
  deriveKey,
  formatHash,
  hashOfNothing,
  newSalt,
  parseHash,
  presentCost,
  type ScryptCost,
} from "./scrypt.ts";

export type PasswordsOptions = {
  /**
   * Whether a password leads to a crypt(3) hash, as the installer leaves one. Without it such a hash can't be checked.
   */
  checkCrypt?: (password: Secret, hash: Secret) => Promise<boolean>;
  /** What new hashes cost; those that cost something else are replaced at the next log-in. */
  cost?: ScryptCost;
  derive?: Derive;
};

/** Computations at once: two take 64 MiB, and leave half of libuv's four threads to files and names. */
const atOnce = 2;
/** Some 25 s of waiting with the cost of today. */
const longestQueue = 256;

/** Hashes of passwords: made, checked, and never more at once than memory bears. */
export class Passwords {
  readonly #cost: ScryptCost;
  readonly #derive: Derive;
  readonly #checkCrypt: PasswordsOptions["checkCrypt"];
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor({ cost = presentCost, derive = deriveKey, checkCrypt }: PasswordsOptions = {}) {
    this.#cost = cost;
    this.#derive = derive;
    this.#checkCrypt = checkCrypt;
  }

  /** The text to store. @throws IDENTITY.1006 */
  async hash(password: Secret): Promise<string> {
    const salt = newSalt();
    const key = await this.#inTurn(() => this.#derive(normal(password), salt, this.#cost));
    return formatHash({ cost: this.#cost, salt, key });
  }

  /**
   * Whether the password leads to a stored hash. Without one it takes as long, and the answer is no: the time does not
   * tell whether there is such a user.
   *
   * @throws IDENTITY.1006, IDENTITY.1009; what `checkCrypt` throws
   */
  async isRight(password: Secret, stored: string | undefined): Promise<boolean> {
    if (!couldBePassword(password.reveal())) return false;
    if (stored !== undefined && isCrypt(stored)) return this.#isRightCrypt(password, new Secret(stored));
    const hash = stored === undefined ? hashOfNothing(this.#cost) : parseHash(stored);
    if (hash === undefined) throw unreadablePassword("Its record is damaged.");
    const key = await this.#inTurn(() => this.#derive(normal(password), hash.salt, hash.cost));
    return timingSafeEqual(key, hash.key) && stored !== undefined;
  }

  /** Whether the hash should be made anew, of the same password. */
  isOutdated(stored: string): boolean {
    const cost = parseHash(stored)?.cost;
    const { log2N, r, p } = this.#cost;
    return cost === undefined || cost.log2N !== log2N || cost.r !== r || cost.p !== p;
  }

  #isRightCrypt(password: Secret, hash: Secret): Promise<boolean> {
    const check = this.#checkCrypt;
    if (check === undefined) throw unreadablePassword("It is a hash of crypt(3), and nothing here can check one.");
    return this.#inTurn(() => check(password, hash));
  }

  async #inTurn<T>(action: () => Promise<T>): Promise<T> {
    if (this.#running >= atOnce) {
      if (this.#waiting.length >= longestQueue) throw busy();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running += 1;
    try {
      return await action();
    } finally {
      // The next one takes over the place: nobody who comes now can be faster.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

/** Whether a text is a crypt(3) hash that may be stored. */
export function isCrypt(text: string): boolean {
  return hashProblem(text) === undefined;
}

/** One form of letters with accents, whichever the keyboard made of them. Source: NIST SP 800-63B, 3.1.1.2. */
function normal(password: Secret): string {
  return password.reveal().normalize("NFC");
}
