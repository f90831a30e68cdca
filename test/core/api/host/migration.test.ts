import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request } from "node:https";
import type { Duplex } from "node:stream";
import { type TestContext, test } from "node:test";
import { migrationHeaders, migrationPath, migrationUpgrade } from "../../../../core/api/host/migration.ts";
import { unexpected } from "../../../../core/hypervisor/migration/refusals.ts";
import type { MigrationAsk, MigrationVisit } from "../../../../core/hypervisor/migration/way.ts";
import { migrationDial } from "../../../../core/node/host/migration-dial.ts";
import { cloudBed, type HostBed, hostBed } from "./bed.ts";

const never = new AbortController().signal;
const machineUuid = "0000000000014aaa8aaaaaaaaaaaaaaa";
const mebibyte = 1024 ** 2;

async function twoHosts(t: TestContext) {
  const source = await hostBed(t);
  const destination = await hostBed(t, { port: source.port });
  const cloud = await cloudBed(t, { port: source.port });
  for (const host of [source, destination]) await cloud.add(host);
  const visits: MigrationVisit[] = [];
  const visitors = Promise.withResolvers<Duplex>();
  destination.node.work.admit = async (visit) => {
    visits.push(visit);
    return (stream) => visitors.resolve(stream);
  };
  const ask: MigrationAsk = { machineUuid, channel: "memory", token: randomBytes(32).toString("base64url") };
  const dialFrom = (host: HostBed, to = destination, hostUuid = to.uuid) =>
    migrationDial(host.membership, source.port)({ hostUuid, address: to.address }, ask, never);
  return { source, destination, cloud, visits, visitor: visitors.promise, ask, dialFrom };
}

test("a host reaches the hypervisor of another one, which knows which host has come, for what, and with which token", async (t) => {
  const { source, destination, visits, visitor, ask, dialFrom } = await twoHosts(t);
  const here = await dialFrom(source);
  const there = await visitor;
  assert.deepEqual(visits, [{ ...ask, sourceUuid: source.uuid }]);
  here.write("out");
  assert.equal(String((await once(there, "data"))[0]), "out");
  there.write("back");
  assert.equal(String((await once(here, "data"))[0]), "back");
  assert.equal(destination.strangers, 0, "it is none of those that are put out first");
  const closed = once(here, "close");
  await destination.restart();
  await closed;
});

test("whoever is slow to take what comes holds up who sends it, and nothing is kept in between", async (t) => {
  const { source, visitor, dialFrom } = await twoHosts(t);
  const here = await dialFrom(source);
  const there = await visitor;
  there.pause();
  const sent = 64 * mebibyte;
  for (let left = sent; left > 0; left -= mebibyte) here.write(Buffer.alloc(mebibyte));
  // Until nothing more goes over: the kernel's buffers have what they take, and the rest waits at its sender.
  for (let last = -1; here.writableLength !== last; ) {
    last = here.writableLength;
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(here.writableLength > sent / 4, String(here.writableLength));
  assert.ok(there.readableLength <= mebibyte, String(there.readableLength));
  let taken = 0;
  there.on("data", (data: Buffer) => {
    taken += data.length;
  });
  const ended = once(there, "end");
  here.end();
  there.resume();
  await ended;
  assert.equal(taken, sent);
});

test("nobody else is let in: another cloud's host, one without a certificate, a manager; and no other host is reached", async (t) => {
  const { source, destination, cloud, visits, ask, dialFrom } = await twoHosts(t);
  const foreign = await hostBed(t, { port: source.port });
  await (await cloudBed(t, { port: source.port })).add(foreign);
  await assert.rejects(dialFrom(foreign), { code: "HYPERVISOR.MIGRATION_FAILED" });
  await assert.rejects(dialFrom(source, foreign), { code: "HYPERVISOR.MIGRATION_FAILED" });
  await assert.rejects(dialFrom(source, destination, source.uuid), /another host answers there/);
  const lonely = await hostBed(t, { port: source.port });
  await assert.rejects(dialFrom(lonely), { code: "HYPERVISOR.MIGRATION_NONE" });
  const { key, certificate: cert } = await cloud.authority.manager();
  for (const shown of [{}, { key, cert }])
    assert.deepEqual(await knock({ host: destination.address, port: source.port, ...shown }, ask), [
      403,
      "CHANNEL.NOT_HOST",
    ]);
  assert.deepEqual(visits, []);
  destination.node.work.admit = async () => {
    throw unexpected(machineUuid);
  };
  await assert.rejects(dialFrom(source), /expects no machine/);
});

/** The answer of the door to whoever is not the agent's own client. */
function knock(to: object, { channel, token }: MigrationAsk): Promise<[number | undefined, string]> {
  return new Promise((resolve, reject) => {
    const headers = {
      connection: "upgrade",
      upgrade: migrationUpgrade,
      authorization: `Bearer ${token}`,
      [migrationHeaders.machine]: machineUuid,
      [migrationHeaders.channel]: channel,
    };
    const asked = request({ ...to, path: migrationPath, headers, rejectUnauthorized: false });
    asked.on("error", reject);
    asked.on("upgrade", () => reject(new Error("it was let in")));
    asked.on("response", async (response) => {
      let text = "";
      for await (const chunk of response) text += String(chunk);
      resolve([response.statusCode, JSON.parse(text).error.code]);
    });
    asked.end();
  });
}
