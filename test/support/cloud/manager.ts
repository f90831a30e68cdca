import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { LocalImageStore } from "../../../core/images/local-image-store.ts";
import { type Cloud, type CloudOptions, openCloud } from "../../../core/manager/cloud.ts";
import {
  type CallInput,
  type CallOutput,
  type CloudCallName,
  cloudCalls,
} from "../../../core/model/cloud/calls/index.ts";
import { Secret } from "../../../core/model/secret.ts";
import { createLog } from "../../../core/node/log.ts";
import { cloudUuid } from "../../../core/orchestrator/calls/handler.ts";
import type { RecordOf } from "../../../core/orchestrator/kinds.ts";
import { storeIndexes } from "../../../core/orchestrator/retention.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { SqliteStore } from "../../../core/store/sqlite.ts";
import type { Store } from "../../../core/store/store.ts";
import { temporaryFolder } from "../programs.ts";
import { undoAfter } from "../undo.ts";
import { TestHosts } from "./hosts.ts";

/* A whole manager in the test's process, on a real store, with simulated hosts behind its link. */

export const adminPassword = "a long enough secret";

/** Hashes that take no time: what they cost has tests of its own. */
export const quickPasswords = { log2N: 4, r: 8, p: 1 };

export type TestCloud = {
  cloud: Cloud;
  store: Store;
  imageStore: LocalImageStore;
  hosts: TestHosts;
  /** Of admin's session. */
  token: string;
  /** A call of admin's session. @throws CloudError */
  call<N extends CloudCallName>(name: N, input: Partial<CallInput<N>>): Promise<CallOutput<N>>;
  /** The same for a call that answers with a task: the task when it has ended. */
  done(name: CloudCallName, input: object): Promise<RecordOf<"Task">>;
};

export async function testCloud(t: TestContext, more: Partial<CloudOptions> = {}): Promise<TestCloud> {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const store = await SqliteStore.open({ file: join(folder.path, "store.db"), indexes: storeIndexes });
  undoAfter(t, () => store.close());
  const hosts = new TestHosts();
  undoAfter(t, () => hosts.close());
  return managerOn(t, store, hosts, more);
}

/** A manager on a store; several may be on one. */
export async function managerOn(
  t: TestContext,
  store: Store,
  hosts: TestHosts,
  more: Partial<CloudOptions> = {},
): Promise<TestCloud> {
  const imageStore = new LocalImageStore({ checkpointBytes: 256 * 1024, pauseMs: () => 1 });
  const cloud = await openCloud({
    store,
    isAlone: true,
    hostname: "test",
    version: "0",
    link: hosts.link,
    door: hosts.door,
    images: imageStore,
    now: Date.now,
    monotonicMs: () => performance.now(),
    newUuid: () => cloudUuid(randomUUID()),
    log: createLog({ level: process.env["BINNACLE_TEST_LOG"] === "1" ? "debug" : "silent" }),
    adminPassword: new Secret(adminPassword),
    passwords: { cost: quickPasswords },
    ...more,
  });
  undoAfter(t, () => cloud.close());
  const ask = (token: string | undefined) => ({ token, address: "192.0.2.1", requestBytes: 0 });
  const { dispatcher } = cloud;
  const opened = await dispatcher.run(
    "LogInByAccount",
    { accountName: "admin", password: adminPassword },
    ask(undefined),
  );
  const { token } = (opened as CallOutput<"LogInByAccount">).session;
  const call: TestCloud["call"] = async (name, input) => {
    const answer = await dispatcher.run(name, input, ask(token));
    return cloudCalls[name].output.parse(answer) as CallOutput<typeof name>;
  };
  return {
    cloud,
    store,
    imageStore,
    hosts,
    token,
    call,
    async done(name, input) {
      const answer = await dispatcher.run(name, input, ask(token));
      const { task } = answer as { task: { uuid: string } };
      const ended = await taskEnd(cloud.mirror, task.uuid, AbortSignal.timeout(30_000));
      if (ended === null) throw new Error("The task is gone.");
      return ended;
    },
  };
}
