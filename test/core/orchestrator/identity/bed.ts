import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { NodeError } from "../../../../core/model/error.ts";
import { Secret } from "../../../../core/model/secret.ts";
import {
  admin,
  Identity,
  type IdentitySetting,
  Passwords,
  type PasswordsOptions,
} from "../../../../core/orchestrator/identity/index.ts";
import type { SessionsOptions } from "../../../../core/orchestrator/identity/sessions.ts";
import { Mirror } from "../../../../core/orchestrator/mirror.ts";
import { Records } from "../../../../core/orchestrator/records.ts";
import { SqliteStore } from "../../../../core/store/sqlite.ts";
import type { Store } from "../../../../core/store/store.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { undoAfter } from "../../../support/undo.ts";

export const cheap = { log2N: 4, r: 8, p: 1 };
export const home = "10.0.0.7";
export const right = new Secret("correct horse battery");
export const wrong = new Secret("incorrect horse battery");
export const another = new Secret("a wholly different one");

export type Manager = { identity: Identity; mirror: Mirror; records: Records };

/** One store with as many managers as a test wants, on clocks that the test sets. */
export class Bed {
  readonly folder: string;
  readonly store: SqliteStore;
  /** Milliseconds since the epoch. */
  wall = Date.UTC(2026, 10, 29);
  monotonic = 1_000_000;
  settings: Record<IdentitySetting, number> = {
    "identity.session.timeout": 7200,
    "identity.session.maxConcurrent": 500,
  };
  /** The store fails each transaction with it, once so many have passed. */
  failure: NodeError | undefined;
  passing = 0;
  readonly background: unknown[] = [];
  readonly #t: TestContext;

  private constructor(t: TestContext, folder: string, store: SqliteStore) {
    this.#t = t;
    this.folder = folder;
    this.store = store;
  }

  static async open(t: TestContext): Promise<Bed> {
    const folder = temporaryFolder();
    undoAfter(t, folder.dispose);
    const store = await SqliteStore.open({ file: join(folder.path, "store.db"), indexes: {} });
    undoAfter(t, () => store.close());
    return new Bed(t, folder.path, store);
  }

  async manager(passwords: PasswordsOptions = {}): Promise<Manager> {
    const mirror = await Mirror.open(this.store);
    const records = new Records({ store: this.#failing(), mirror, now: () => this.wall });
    const identity = new Identity({
      ...this.sessionsOptions(records),
      passwords: new Passwords({ cost: cheap, ...passwords }),
    });
    undoAfter(this.#t, async () => {
      await identity.settled();
      await mirror.close();
    });
    return { identity, mirror, records };
  }

  sessionsOptions(records: Records): SessionsOptions {
    return {
      records,
      now: () => this.wall,
      monotonicMs: () => this.monotonic,
      setting: (id) => this.settings[id],
      onError: (error) => this.background.push(error),
    };
  }

  /** With admin, whose password is `right`. */
  async ready(passwords: PasswordsOptions = {}): Promise<Manager> {
    const manager = await this.manager(passwords);
    await manager.identity.bootstrap(right);
    return manager;
  }

  pass(seconds: number): void {
    this.wall += seconds * 1000;
    this.monotonic += seconds * 1000;
  }

  /** Changes with each transaction. */
  revision(): Promise<number> {
    return this.store.transact([]);
  }

  async count(kind: string): Promise<number> {
    return (await this.store.list({ kind })).records.length;
  }

  /** Every byte that the store has on the disk. */
  bytes(): string {
    return readdirSync(this.folder)
      .map((file) => readFileSync(join(this.folder, file), "latin1"))
      .join("\n");
  }

  #failing(): Store {
    return new Proxy(this.store, {
      get: (store, name) => {
        if (name === "transact" && this.failure !== undefined && --this.passing < 0)
          return () => Promise.reject(this.failure);
        const member: unknown = Reflect.get(store, name);
        return typeof member === "function" ? member.bind(store) : member;
      },
    });
  }
}

/** A second user with a password of its own. */
export async function addUser({ records }: Manager, name: string, password: Secret): Promise<string> {
  const uuid = `${Buffer.from(name.padEnd(6, "_").slice(0, 6)).toString("hex")}4abc8def0123456789ab`;
  const hash = await new Passwords({ cost: cheap }).hash(password);
  await records.change((tx) => {
    tx.insert("User", {
      uuid,
      name,
      description: null,
      state: "Enabled",
      mustChangePassword: false,
      passwordChangeDate: null,
    });
    tx.put("Credential", uuid, { hash, passwordId: `of ${name}` });
  });
  return uuid;
}

export function logIn({ identity }: Manager, password = right, address = home) {
  return identity.logIn(admin.name, password, address);
}

/** The error of a call that must be refused. */
export async function refusal(call: () => unknown): Promise<NodeError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof NodeError) return error;
    throw error;
  }
  throw new Error("It was not refused.");
}

export async function code(call: () => unknown): Promise<string> {
  return (await refusal(call)).code;
}
