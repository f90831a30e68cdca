import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { HttpsHostDoor } from "../../../core/api/host/door.ts";
import { HttpsHostLink } from "../../../core/api/host/link.ts";
import { openCloud } from "../../../core/manager/cloud.ts";
import type { CloudCallName } from "../../../core/model/cloud/calls/index.ts";
import { createLog } from "../../../core/node/log.ts";
import { cloudUuid } from "../../../core/orchestrator/calls/handler.ts";
import { storeIndexes } from "../../../core/orchestrator/retention.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { SqliteStore } from "../../../core/store/sqlite.ts";
import { quickPasswords } from "../../support/cloud/manager.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";
import { cloudBed, hostBed, report, rightPassword } from "../api/host/bed.ts";

/* A whole manager and a real agent's end of the channel: TLS, certificates and their dates are as they are in use. */

async function bed(t: TestContext) {
  const host = await hostBed(t);
  host.node.work.report = async () => ({ ...report, cpuModel: "Test CPU" });
  const { authority, clock } = await cloudBed(t, host);
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const store = await SqliteStore.open({ file: join(folder.path, "store.db"), indexes: storeIndexes });
  undoAfter(t, () => store.close());
  const onRecord = (uuid: string) => {
    const fingerprint = cloud.mirror.get("HostCertificate", uuid)?.value["fingerprint"];
    return typeof fingerprint === "string" ? fingerprint : undefined;
  };
  const { port } = host;
  const link = new HttpsHostLink({ credentials: () => authority.manager(), pinned: onRecord, port });
  undoAfter(t, () => link.close());
  const cloud = await openCloud({
    store,
    isAlone: true,
    hostname: "test",
    version: "0",
    link,
    door: new HttpsHostDoor({ authority, link, port }),
    now: Date.now,
    monotonicMs: () => performance.now(),
    newUuid: () => cloudUuid(randomUUID()),
    log: createLog({ level: "silent" }),
    passwords: { cost: quickPasswords },
  });
  undoAfter(t, () => cloud.close());
  const run = (name: CloudCallName, input: object) =>
    cloud.dispatcher.run(name, input, { token: undefined, isRoot: true, address: "127.0.0.1", requestBytes: 0 });
  const done = async (name: CloudCallName, input: object) => {
    const { task } = (await run(name, input)) as { task: { uuid: string } };
    const ended = await taskEnd(cloud.mirror, task.uuid, AbortSignal.timeout(120_000));
    if (ended === null) throw new Error("The task is gone.");
    return ended;
  };
  // Lost hosts are tried again when the test says so, and not before.
  await run("UpdateGlobalConfig", { category: "host", name: "connection.autoReconnectOnError", value: "false" });
  await run("UpdateGlobalConfig", { category: "host", name: "ping.interval", value: "1" });
  const made = async (name: CloudCallName, input: object) =>
    ((await run(name, input)) as { inventory: { uuid: string } }).inventory.uuid;
  const zoneUuid = await made("CreateZone", { name: "east" });
  const clusterUuid = await made("CreateCluster", { name: "blue", zoneUuid });
  const input = { name: "h", clusterUuid, managementIp: host.address, password: rightPassword };
  const added = await done("AddKVMHost", input);
  assert.equal(added.state, "Succeeded", JSON.stringify(added.error));
  const uuid = added.resourceUuid ?? "";
  const status = () => cloud.mirror.get("Host", uuid)?.value.status;
  clock.days = -400;
  const aged = await done("RenewHostCertificate", { uuid });
  assert.equal(aged.state, "Succeeded", JSON.stringify(aged.error));
  clock.days = 0;
  await assert.rejects(link.ping({ uuid, managementIp: host.address }), { code: "HOST.1011", message: /expired/ });
  // As the pings would say after a while.
  await cloud.records.change((tx) => tx.update("Host", uuid, { status: "Disconnected" }));
  return { host, cloud, done, uuid, status, onRecord, run };
}

for (const call of ["ReconnectHost", "RenewHostCertificate"] as const)
  test(`a host whose certificate has ended is back with another one after ${call}`, async (t) => {
    const { host, done, uuid, status, onRecord } = await bed(t);
    const ended = onRecord(uuid);
    const task = await done(call, { uuid });
    assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
    assert.equal(status(), "Connected");
    assert.notEqual(onRecord(uuid), ended);
    assert.equal(host.membership.fingerprint, onRecord(uuid));
  });

test("a host whose certificate has ended comes back by itself, when lost hosts are to be tried again", async (t) => {
  const { cloud, run, status } = await bed(t);
  const back = Promise.withResolvers<void>();
  cloud.mirror.subscribe(() => status() === "Connected" && back.resolve());
  await run("UpdateGlobalConfig", { category: "host", name: "connection.autoReconnectOnError", value: "true" });
  await back.promise;
});
