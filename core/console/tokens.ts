import { hash, randomBytes } from "node:crypto";
import * as z from "zod/mini";
import { type ConsoleKind, checkConsole, consoleEnd, consoleKinds, consoleStates } from "../model/cloud/console.ts";
import { Secret } from "../model/secret.ts";
import { orThrow } from "../orchestrator/calls/shared.ts";
import type { Identity } from "../orchestrator/identity/index.ts";
import type { Mirror, MirrorChange } from "../orchestrator/mirror.ts";
import type { Records, Tx } from "../orchestrator/records.ts";

/*
 * Who may open a console: one-time tokens, in the store, so that any manager's proxy knows them. The store has their hashes
 * only; the key is the hash, and the deletion of the record is what makes a token used.
 */

/** What a token opens, and on whose behalf. */
const grant = z.object({
  vmUuid: z.string(),
  /** Where the machine was: when it has moved, or was stopped, the token is over. */
  hostUuid: z.string(),
  kind: z.enum(consoleKinds),
  /** null: root, through the door of a management node. */
  sessionUuid: z.nullable(z.string()),
  accountName: z.nullable(z.string()),
  /** Milliseconds since the epoch. */
  endsAt: z.number(),
});
export type ConsoleGrant = Readonly<z.infer<typeof grant>>;

export type ConsoleTokensOptions = {
  records: Records;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Whether a session has not ended. */
  identity: Pick<Identity, "lives">;
  /** A deletion in the background failed; the tokens are refused all the same, and deleted by the sweep. */
  trouble: (what: string, error: unknown) => void;
};

/** For the way from the answer of a call to the page's WebSocket. */
export const firstUseMs = 30_000;
/** For a page that has lost its connection and asks for it again. */
export const againMs = 10 * 60_000;
/** The longest that a page may be open and still come back. */
const openMs = 12 * 3600_000;

/** 256 bits as base64url. */
const tokenPattern = /^[\w-]{43}$/;
const mostOfSession = 64;

export class ConsoleTokens {
  readonly #options: ConsoleTokensOptions;
  readonly #unsubscribe: () => void;

  constructor(options: ConsoleTokensOptions) {
    this.#options = options;
    this.#unsubscribe = options.records.mirror.subscribe((changes) => this.#look(changes));
  }

  /**
   * A token for a console of a machine that has one now.
   * @param require what has to hold, besides; throws where it does not
   * @throws SYS.1005, VM.1001, VM.1002, VM.1004
   */
  issue(
    vmUuid: string,
    kind: ConsoleKind,
    { sessionUuid, accountName }: Pick<ConsoleGrant, "sessionUuid" | "accountName">,
    require: (tx: Tx) => void,
  ): Promise<{ token: Secret; expiresAt: number }> {
    const token = randomBytes(32).toString("base64url");
    return this.#options.records.change((tx) => {
      const { hostUuid } = requireConsole(tx, vmUuid);
      require(tx);
      const expiresAt = tx.now + firstUseMs;
      this.#makeRoom(tx, sessionUuid);
      put(tx, token, { vmUuid, hostUuid, kind, sessionUuid, accountName, endsAt: expiresAt });
      return { token: new Secret(token), expiresAt };
    });
  }

  /** Another token for the same, for a page that is open. It is good for {@link againMs} after {@link released}. */
  async again(grant: ConsoleGrant): Promise<Secret> {
    const token = randomBytes(32).toString("base64url");
    await this.#options.records.change((tx) => put(tx, token, { ...grant, endsAt: tx.now + openMs }));
    return new Secret(token);
  }

  /** The page that has this token is open no more. */
  async released(token: Secret): Promise<void> {
    const key = keyOf(token.reveal());
    await this.#options.records.change((tx) => {
      const found = grant.safeParse(tx.get("ConsoleToken", key));
      if (found.success)
        tx.put("ConsoleToken", key, { ...found.data, endsAt: Math.min(found.data.endsAt, tx.now + againMs) });
    });
  }

  /** Uses a token up. Undefined for one that is not good, whyever: who guesses learns nothing. */
  async take(token: Secret): Promise<ConsoleGrant | undefined> {
    const text = token.reveal();
    if (!tokenPattern.test(text)) return undefined;
    const key = keyOf(text);
    return this.#options.records.change((tx) => {
      const found = grant.safeParse(tx.get("ConsoleToken", key));
      if (!found.success) return undefined;
      tx.delete("ConsoleToken", key);
      return this.#isGood(tx, found.data) ? found.data : undefined;
    });
  }

  /** Removes those that are over. */
  async sweep(): Promise<void> {
    const { records } = this.#options;
    const over = [...records.mirror.entries("ConsoleToken")].flatMap(([key, { value }]) => {
      const found = grant.safeParse(value);
      return found.success && this.#isAlive(found.data) ? [] : [key];
    });
    await this.#remove(over);
  }

  close(): void {
    this.#unsubscribe();
  }

  #isGood(tx: Tx, given: ConsoleGrant): boolean {
    const machine = tx.get("VmInstance", given.vmUuid);
    if (machine === undefined || machine.hostUuid !== given.hostUuid) return false;
    return consoleStates.has(machine.state) && this.#isAlive(given);
  }

  #isAlive({ sessionUuid, endsAt }: ConsoleGrant): boolean {
    const { now, identity } = this.#options;
    // One that ends in a far future was made while the clock was wrong.
    const left = endsAt - now();
    return left > 0 && left <= openMs && (sessionUuid === null || identity.lives(sessionUuid));
  }

  /** A session that asks and asks loses its oldest tokens. */
  #makeRoom(tx: Tx, sessionUuid: string | null): void {
    const own = [...this.#options.records.mirror.entries("ConsoleToken")]
      .filter(([, { value }]) => value["sessionUuid"] === sessionUuid)
      .sort(([, a], [, b]) => Number(a.value["endsAt"]) - Number(b.value["endsAt"]));
    for (const [key] of own.slice(0, Math.max(0, own.length - mostOfSession + 1)))
      if (tx.get("ConsoleToken", key) !== undefined) tx.delete("ConsoleToken", key);
  }

  /** A machine that stops or moves takes its tokens along: one that is started again has other consoles. */
  #look(changes: readonly MirrorChange[]): void {
    const { mirror } = this.#options.records;
    const changed = new Set(changes.flatMap(({ kind, key }) => (kind === "VmInstance" ? [key] : [])));
    if (changed.size === 0 || mirror.count("ConsoleToken") === 0) return;
    const over = [...mirror.entries("ConsoleToken")].filter(([, { value }]) => {
      const [vmUuid, hostUuid] = [String(value["vmUuid"]), String(value["hostUuid"])];
      return changed.has(vmUuid) && consoleEnd(mirror.get("VmInstance", vmUuid)?.value, hostUuid) !== undefined;
    });
    this.#remove(over.map(([key]) => key)).catch((error: unknown) =>
      this.#options.trouble("a way to a console is not taken back", error),
    );
  }

  async #remove(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#options.records.change((tx) => {
      for (const key of keys.slice(0, 500))
        if (tx.get("ConsoleToken", key) !== undefined) tx.delete("ConsoleToken", key);
    });
  }
}

/** All tokens of a machine are used up. */
export function endTokensOf(tx: Tx, vmUuid: string, mirror: Mirror): void {
  for (const [key, { value }] of [...mirror.entries("ConsoleToken")])
    if (value["vmUuid"] === vmUuid && tx.get("ConsoleToken", key) !== undefined) tx.delete("ConsoleToken", key);
}

/** @throws SYS.1005, VM.1001, VM.1002, VM.1004 */
function requireConsole(tx: Tx, vmUuid: string): { hostUuid: string } {
  const { name, state, operation, hostUuid } = tx.need("VmInstance", vmUuid, "vmInstanceUuid");
  const host = hostUuid === null ? undefined : tx.get("Host", hostUuid);
  orThrow(checkConsole(name, { state, operation }, host?.status === "Connected"));
  return { hostUuid: hostUuid ?? "" };
}

function put(tx: Tx, token: string, given: ConsoleGrant): void {
  tx.put("ConsoleToken", keyOf(token), { ...given }, true);
}

function keyOf(token: string): string {
  return hash("sha256", token, "base64url");
}
