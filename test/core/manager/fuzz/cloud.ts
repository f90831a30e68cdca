import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Audit } from "../../../../core/manager/audit.ts";
import { type CallTable, Dispatcher } from "../../../../core/manager/dispatch.ts";
import { createCloudServer } from "../../../../core/manager/server.ts";
import { CloudError, refusalOf } from "../../../../core/model/cloud/refusal.ts";
import { createLog } from "../../../../core/node/log.ts";
import { Mirror } from "../../../../core/orchestrator/mirror.ts";
import { Records } from "../../../../core/orchestrator/records.ts";
import { ensureSettings, LiveSettings } from "../../../../core/orchestrator/settings.ts";
import { SqliteStore } from "../../../../core/store/sqlite.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { uuidOf } from "../../model/cloud/samples.ts";

/** A server on a real store, whose uuids are the same each time. */
export type FuzzedCloud = Awaited<ReturnType<typeof openCloud>>;

export async function openCloud(calls: CallTable) {
  const folder = temporaryFolder();
  const store = await SqliteStore.open({ file: join(folder.path, "store.db"), indexes: {} });
  const mirror = await Mirror.open(store);
  const now = () => 1_800_000_000_000;
  const records = new Records({ store, mirror, now });
  const settings = new LiveSettings(mirror);
  let made = 0;
  const newUuid = () => uuidOf(++made);
  await ensureSettings(records, newUuid);
  const logFile = join(folder.path, "log");
  const log = createLog({ level: "debug", file: logFile });
  const audit = new Audit({ store, now, newUuid, log });
  const dispatcher = new Dispatcher({
    calls,
    records,
    store,
    audit,
    context: { mirror, settings, newUuid },
    authenticate: (token) => {
      if (token === "admin") return { sessionUuid: null, userUuid: null, accountName: "admin" };
      const details = "The call has no session.";
      throw new CloudError(refusalOf("IDENTITY.1001", { where: "session", details, remedy: "Log in." }));
    },
  });
  const server = createCloudServer({ dispatcher, log });
  return {
    server,
    store,
    mirror,
    audit,
    log: () => readFileSync(logFile, "utf8"),
    close: async () => {
      await server.close();
      await audit.close();
      await mirror.close();
      await store.close();
      folder.dispose();
    },
  };
}
