import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Secret } from "../../../core/model/secret.ts";
import type { CallContext, StartTask } from "../../../core/orchestrator/calls/handler.ts";
import { cloudUuid } from "../../../core/orchestrator/calls/handler.ts";
import { Mirror } from "../../../core/orchestrator/mirror.ts";
import { Records } from "../../../core/orchestrator/records.ts";
import { storeIndexes } from "../../../core/orchestrator/retention.ts";
import { ensureSettings, LiveSettings } from "../../../core/orchestrator/settings.ts";
import { SqliteStore } from "../../../core/store/sqlite.ts";
import type { Store } from "../../../core/store/store.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

/* A cloud without a server: a real store in a folder of its own, its mirror and its records. */

export type CloudBed = {
  store: Store;
  mirror: Mirror;
  records: Records;
  settings: LiveSettings;
  context: CallContext;
  /** Milliseconds since the epoch; a test may move it. */
  clock: { now: number };
};

export const newUuid = () => cloudUuid(randomUUID());

/** Where nothing carries out tasks. */
export const noTasks: StartTask = () => {
  throw new Error("Nobody carries out tasks here.");
};

/** An empty cloud with its settings. */
export async function cloudBed(t: TestContext): Promise<CloudBed> {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const store = await SqliteStore.open({ file: join(folder.path, "store.db"), indexes: storeIndexes });
  undoAfter(t, () => store.close());
  return onStore(t, store);
}

/** A further manager's view of a store. */
export async function onStore(t: TestContext, store: Store): Promise<CloudBed> {
  const mirror = await Mirror.open(store);
  undoAfter(t, () => mirror.close());
  const clock = { now: 1_800_000_000_000 };
  const records = new Records({ store, mirror, now: () => clock.now });
  const settings = new LiveSettings(mirror);
  await ensureSettings(records, newUuid);
  const caller = { sessionUuid: null, userUuid: null, accountName: null, address: "127.0.0.1" };
  return {
    store,
    mirror,
    records,
    settings,
    clock,
    context: { caller, token: new Secret(""), mirror, settings, newUuid, startTask: noTasks },
  };
}
