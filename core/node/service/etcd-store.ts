import { mkdir, open, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import * as z from "zod";
import { makeBackup } from "../../backup/make.ts";
import { openStore } from "../../manager/open-store.ts";
import { NodeError } from "../../model/error.ts";
import type { ManagerConfiguration } from "../../model/manager-configuration.ts";
import type { Keeping } from "../../model/service.ts";
import { rangeAnswer, txnAnswer } from "../../store/etcd/answers.ts";
import { EtcdClient } from "../../store/etcd/client.ts";
import { asUser } from "../../store/etcd/credentials.ts";
import { Keys, storePrefix } from "../../store/etcd/keys.ts";
import { version } from "../../version.ts";
import { syncFolder } from "../durable.ts";
import { type Machine, readIfThere, sleep } from "../machine.ts";
import type { ManagerPaths } from "../manager/configuration.ts";
import { inUse, keptAt, noRoom, notKept, roomFor, type Store } from "./store.ts";

/** In the folder of a store that this version can't read: every key and value, base64 in JSON, one a line. */
const exportName = "etcd.jsonl";
/** Keys and values that one request carries. */
const keysAtOnce = 500;
/** A client waits ten seconds for the whole answer. */
const lookMs = 5_000;
/** A manager that was killed keeps its place for as long as its lease. */
const [placeMs, askEveryMs] = [60_000, 1_000];
/** A key and its value in base64 and JSON, and what etcd's own figure leaves out. */
const growth = 1.5;

const count = z.object({ count: z.coerce.number().default(0) });
const status = z.object({ dbSize: z.coerce.number().default(0) });
const place = z.object({ hostname: z.string() });
const keys = new Keys(storePrefix);

type Client = Pick<EtcdClient, "call">;

/**
 * The store in etcd, which other managers and other programs use as well: only what lies below our prefix is counted,
 * kept and removed, and only while no manager is in it. It is kept as a backup, which `zstack-ctl restore_mysql` takes.
 */
export function etcdStore(
  machine: Machine,
  configuration: ManagerConfiguration,
  { configuration: configurationFile, keptStores: kept }: Pick<ManagerPaths, "configuration" | "keptStores">,
): Store {
  const read = (file: string) => readIfThere(machine, file);
  const inside = <T>(timeoutMs: number, act: (client: Client) => Promise<T>): Promise<T> =>
    asUser(configuration, read, async (options) => {
      const client = new EtcdClient({ ...options, timeoutMs });
      try {
        return await act(client);
      } finally {
        await client.close();
      }
    });
  return {
    async look() {
      try {
        return await inside(lookMs, async (client) => {
          const [records, hosts, machines] = await Promise.all([
            counted(client, keys.records()),
            counted(client, keys.records("Host")),
            counted(client, keys.records("VmInstance")),
          ]);
          if (records === 0) return { state: "none" };
          const { dbSize } = status.parse(await ask(client, "/v3/maintenance/status", {}));
          const keeping = await keepingOf(machine, kept, dbSize);
          return { state: "readable", records, hosts, machines, sizeBytes: dbSize, keeping };
        });
      } catch (error) {
        const why = (error instanceof Error ? error.message : "it does not answer").replace(/\.$/, "");
        return { state: "unreadable", why, sizeBytes: 0, keeping: await keepingOf(machine, kept, 0) };
      }
    },
    async empty(mayDelete, signal) {
      return inside(placeMs, async (client) => {
        await requireNobody(machine, client, signal);
        if ((await counted(client, keys.all)) === 0) return null;
        const { dbSize } = status.parse(await ask(client, "/v3/maintenance/status", {}));
        const keeping = await keepingOf(machine, kept, dbSize);
        if (keeping.how === "noRoom") {
          if (!mayDelete) throw noRoom(keeping);
          await removeAll(client, undefined);
          return null;
        }
        const former = { configuration, configurationFile, to: keeping.to, now: machine.now(), signal };
        const { file, revision } = (await backedUp(client, former)) ?? (await exported(client, keeping.to, signal));
        await removeAll(client, revision);
        return file;
      });
    },
  };
}

async function keepingOf(machine: Machine, kept: string, dbBytes: number): Promise<Keeping> {
  const size = Math.ceil(dbBytes * growth);
  const unknown = { how: "noRoom", neededBytes: size, freeBytes: 0 } as const;
  return (await roomFor(kept, size).catch(() => unknown)) ?? { how: "copy", to: keptAt(kept, machine.now()) };
}

function ask(client: Client, path: string, body: object): Promise<unknown> {
  return client.call({ path, body, repeatable: true });
}

async function counted(client: Client, range: object): Promise<number> {
  return count.parse(await ask(client, "/v3/kv/range", { ...range, count_only: true })).count;
}

/** @throws SERVICE.STORE_IN_USE when a manager stays in it */
async function requireNobody(machine: Machine, client: Client, signal: AbortSignal): Promise<void> {
  const until = machine.monotonicMs() + placeMs;
  for (;;) {
    const { kvs } = rangeAnswer.parse(await ask(client, "/v3/kv/range", keys.records("ManagementNode")));
    if (kvs.length === 0) return;
    if (machine.monotonicMs() >= until || signal.aborted) {
      const hosts = kvs.map(({ value }) => place.parse(JSON.parse(Buffer.from(value, "base64").toString())).hostname);
      throw inUse(`managers run on ${[...new Set(hosts)].join(", ")}`);
    }
    await sleep(machine, askEveryMs, signal);
  }
}

/** Where all of a store is kept, as it was at a revision. */
type Kept = { file: string; revision: number };
type Former = {
  configuration: ManagerConfiguration;
  configurationFile: string;
  to: string;
  now: number;
  signal: AbortSignal;
};

/** What this version can't read, and so not back up either. */
const unreadable: ReadonlySet<string> = new Set(["STORE.NEWER_SCHEMA", "STORE.DAMAGED"]);

/** Makes a backup of the store; undefined when this version can't read it. @throws SERVICE.NOT_KEPT */
async function backedUp(
  client: Client,
  { configuration, configurationFile, to, ...rest }: Former,
): Promise<Kept | undefined> {
  try {
    // What an interrupted restore has left is kept, too.
    const { store, copied } = await openStore(configuration, { isRestoring: true });
    try {
      // Opening it may write. From here on whatever is written is noticed when it is emptied.
      const revision = await revisionNow(client);
      const { backup } = await makeBackup({
        ...{ folder: to, store: copied, configurationFile, tlsFolder: configuration["tls.folder"] },
        ...{ hostname: hostname(), version, ...rest },
      });
      await syncFolder(dirname(to));
      return { file: backup.file, revision };
    } finally {
      await store.close();
    }
  } catch (error) {
    await rm(to, { recursive: true, force: true }).catch(() => undefined);
    if (error instanceof NodeError && unreadable.has(error.code)) return undefined;
    throw notKept(to, error);
  }
}

async function revisionNow(client: Client): Promise<number> {
  const answer = await ask(client, "/v3/kv/range", { ...keys.all, limit: 1, keys_only: true });
  return rangeAnswer.parse(answer).header?.revision ?? 0;
}

/** Writes all keys as they are. @throws SERVICE.NOT_KEPT, STORE.… */
async function exported(client: Client, to: string, signal: AbortSignal): Promise<Kept> {
  const [file, unfinished] = [join(to, exportName), join(to, `${exportName}.partial`)];
  let revision: number | undefined;
  const pages = async function* () {
    let { key } = keys.all;
    for (;;) {
      signal.throwIfAborted();
      const at = revision === undefined ? {} : { revision: String(revision) };
      const page = rangeAnswer.parse(
        await ask(client, "/v3/kv/range", { ...keys.all, key, ...at, limit: keysAtOnce, serializable: false }),
      );
      revision ??= page.header?.revision ?? 0;
      for (const kv of page.kvs) yield `${JSON.stringify({ key: kv.key, value: kv.value })}\n`;
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) return;
      key = Buffer.concat([Buffer.from(last.key, "base64"), Buffer.from([0])]).toString("base64");
    }
  };
  try {
    await mkdir(to, { recursive: true, mode: 0o700 });
    const handle = await open(unfinished, "wx", 0o600);
    try {
      for await (const line of pages()) await handle.appendFile(line);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(unfinished, file);
    await syncFolder(to);
    await syncFolder(dirname(to));
  } catch (error) {
    await rm(to, { recursive: true, force: true }).catch(() => undefined);
    throw notKept(to, error);
  }
  return { file, revision: revision ?? 0 };
}

/**
 * Removes everything below our prefix, at once, while no manager is in it; with a revision only if nothing was changed
 * since.
 *
 * @throws SERVICE.STORE_IN_USE
 */
async function removeAll(client: Client, revision: number | undefined): Promise<void> {
  const nobody = { ...keys.records("ManagementNode"), target: "CREATE", result: "EQUAL", create_revision: "0" };
  const unchanged =
    revision === undefined ? [] : [{ ...keys.all, target: "MOD", result: "LESS", mod_revision: String(revision + 1) }];
  const body = { compare: [nobody, ...unchanged], success: [{ request_delete_range: keys.all }] };
  const { succeeded } = txnAnswer.parse(await ask(client, "/v3/kv/txn", body));
  if (!succeeded) throw inUse("a manager has begun to use it");
}
