import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CallRefused, CloudClient } from "../../../core/api/cloud-client.ts";
import { managerBed } from "../../scripts/cloud/manager.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

async function connected(t: TestContext, timeoutMs = 30_000) {
  const bed = await managerBed(t);
  const client = new CloudClient({
    host: "127.0.0.1",
    port: bed.port,
    ca: readFileSync(bed.caFile, "utf8"),
    timeoutMs,
  });
  undoAfter(t, () => client.close());
  const { session } = await client.call("LogInByAccount", { accountName: "admin", password: bed.account.password });
  client.token = session.token;
  return { ...bed, client };
}

test("calls are typed by the table, and their answers checked by it", async (t) => {
  const { client, instead } = await connected(t);
  const { inventory } = await client.call("CreateZone", { name: "east" });
  const { inventories, total } = await client.call("QueryZone", { q: ["name=east"], replyWithCount: true });
  assert.deepEqual([inventories[0]?.["uuid"], total], [inventory.uuid, 1]);
  instead.reply = () => ({ status: 200, body: '{"inventory":{"name":7}}' });
  await assert.rejects(client.call("GetZone", { uuid: inventory.uuid }), { code: "CLOUD.NONSENSE" });
});

test("what is refused is an error with code, place and remedy", async (t) => {
  const { client } = await connected(t);
  const refused = await client.call("CreateZone", { name: " x" }).catch((error: unknown) => error);
  assert.ok(refused instanceof CallRefused);
  assert.deepEqual([refused.code, refused.where], ["SYS.1001", "name"]);
  assert.match(refused.remedy ?? "", /^name: /);
});

test("a manager that says nothing is given up after the time-out, and nothing is asked twice", async (t) => {
  const { client, instead, asked } = await connected(t, 300);
  const before = asked.length;
  instead.reply = () => "silence";
  await assert.rejects(client.call("CreateZone", { name: "east" }), { code: "CLOUD.TIMEOUT" });
  assert.equal(asked.length, before + 1);
});

test("a change that was carried out before the connection broke is not carried out again", async (t) => {
  const { client, mirror, instead, asked } = await connected(t);
  instead.breaksAfter = 2;
  const { inventory } = await client.call("CreateZone", { name: "east" });
  assert.deepEqual([mirror.count("Zone"), mirror.get("Zone", inventory.uuid)?.value.name], [1, "east"]);
  assert.equal(asked.filter((line) => line === "POST /v1/zones").length, 3);
});

test("a task is followed over breaks of the manager, until it has ended", async (t) => {
  const { client, instead, records } = await connected(t);
  const { inventory } = await client.call("CreateZone", { name: "east" });
  const { task } = await client.call("DeleteZone", { uuid: inventory.uuid });
  let breaks = 0;
  const states: string[] = [];
  const end = client.follow(task.uuid, {
    onTask({ state }) {
      states.push(state);
      instead.reply = () => (++breaks <= 4 ? "break" : undefined);
      void records.change((tx) => tx.update("Task", task.uuid, { state: "Succeeded", progress: 100 }));
    },
  });
  assert.equal((await end).state, "Succeeded");
  assert.deepEqual([states, breaks > 4], [["Running", "Succeeded"], true]);
});

test("root's door is asked over its socket, and an absent one says that the manager does not run", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const socketPath = join(folder.path, "manager.sock");
  const client = new CloudClient({ socketPath });
  undoAfter(t, () => client.close());
  await assert.rejects(client.call("IsReady", {}), { code: "CLOUD.ABSENT", message: /manager\.sock: It does not run/ });
  const door = createServer((request, response) => {
    response.end(JSON.stringify({ ready: request.url === "/v1/management/ready" }));
  });
  door.listen(socketPath);
  await once(door, "listening");
  undoAfter(t, () => door.close());
  assert.deepEqual(await client.call("IsReady", {}), { ready: true });
});
