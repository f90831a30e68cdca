import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openCloud } from "../../../../core/manager/cloud.ts";
import { type CallTable, Dispatcher } from "../../../../core/manager/dispatch.ts";
import { createCloudServer } from "../../../../core/manager/server.ts";
import { CloudError, refusalOf } from "../../../../core/model/cloud/refusal.ts";
import { Secret } from "../../../../core/model/secret.ts";
import { createLog } from "../../../../core/node/log.ts";
import { storeIndexes } from "../../../../core/orchestrator/retention.ts";
import { SqliteStore } from "../../../../core/store/sqlite.ts";
import { TestHosts } from "../../../support/cloud/hosts.ts";
import { adminPassword, quickPasswords } from "../../../support/cloud/manager.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { uuidOf } from "../../model/cloud/samples.ts";

/** A whole manager on a real store, whose uuids are the same each time; tasks go on beside the calls. */
export type FuzzedCloud = Awaited<ReturnType<typeof fuzzedCloud>>;

/** @param calls take the place of the manager's own */
export async function fuzzedCloud(calls: CallTable) {
  const folder = temporaryFolder();
  const store = await SqliteStore.open({ file: join(folder.path, "store.db"), indexes: storeIndexes });
  let made = 0;
  const logFile = join(folder.path, "log");
  const log = createLog({ level: "debug", file: logFile });
  const hosts = new TestHosts();
  const cloud = await openCloud({
    store,
    isAlone: true,
    hostname: "fuzzed",
    version: "0",
    link: hosts.link,
    door: hosts.door,
    now: () => 1_800_000_000_000,
    monotonicMs: () => performance.now(),
    newUuid: () => uuidOf(++made),
    log,
    adminPassword: new Secret(adminPassword),
    passwords: { cost: quickPasswords },
  });
  const dispatcher = new Dispatcher({
    ...cloud.dispatching,
    calls: { ...cloud.dispatching.calls, ...calls },
    authenticate: (token) => {
      if (token.reveal() === "admin") return { sessionUuid: null, userUuid: null, accountName: "admin" };
      const details = "The call has no session.";
      throw new CloudError(refusalOf("IDENTITY.1001", { where: "session", details, remedy: "Log in." }));
    },
  });
  const { mirror, identity } = cloud;
  const { server } = createCloudServer({
    dispatcher,
    log,
    mirror,
    authenticate: (token, isUse) => identity.authenticate(token, isUse),
  });
  return {
    server,
    store,
    mirror,
    audit: cloud.dispatching.audit,
    log: () => readFileSync(logFile, "utf8"),
    close: async () => {
      await server.close();
      await cloud.close();
      await store.close();
      folder.dispose();
    },
  };
}
