import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { request as sendRequest } from "node:https";
import { join } from "node:path";
import { test } from "node:test";
import { NodeError } from "../../../../core/model/error.ts";
import { Secret } from "../../../../core/model/secret.ts";
import { hostProtocol } from "../../../../core/orchestrator/host-link.ts";
import { cloudBed, hostBed, report } from "./bed.ts";

const other = Array.from({ length: 32 }, () => "AB").join(":");

test("a host that joins is asked over mutual TLS from then on, and says what it is", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  const joined = await cloud.add(host, { fingerprint: host.membership.fingerprint });
  assert.deepEqual(joined.report, report);
  assert.equal(host.membership.fingerprint, joined.fingerprint);
  assert.deepEqual(await cloud.link.ping(host.host), {
    bootId: report.bootId,
    version: "1.2.3",
    protocol: hostProtocol,
  });
  const command = { do: "rebootMachine", uuid: host.uuid } as const;
  await cloud.link.command(host.host, command, { id: "c1", flow: "f1", epoch: 3, timeoutMs: 1000 });
  assert.deepEqual(host.commands, [{ id: "c1", flow: "f1", epoch: 3, command, timeoutMs: 1000 }]);
});

test("a host with another fingerprint than the given one is told no password", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  await assert.rejects(cloud.add(host, { fingerprint: other }), (error: NodeError) => {
    assert.equal(error.code, "HOST.1013");
    assert.match(error.message, new RegExp(host.membership.fingerprint));
    return true;
  });
  assert.equal(host.node.checked, 0);
  assert.equal(host.membership.member, null);
});

test("wrong passwords are counted by the host, for each address that gives them, and never told again", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  const wrong = { password: new Secret("Wrong-Horse-1") };
  for (let i = 1; i <= 5; i++)
    await assert.rejects(cloud.add(host, wrong), (error: NodeError) => {
      assert.equal(error.code, "HOST.1014");
      assert.ok(error.cause instanceof NodeError && error.cause.code === "AUTH.WRONG_PASSWORD");
      assert.doesNotMatch(JSON.stringify(error.toBody()) + error.stack, /Wrong-Horse/);
      return true;
    });
  await assert.rejects(cloud.add(host), (error: NodeError) => {
    assert.ok(error.cause instanceof NodeError && error.cause.code === "AUTH.SLOWED");
    return error.code === "HOST.1014";
  });
  assert.equal(host.node.checked, 5, "the right one is not even looked at while the address is slowed");
  host.node.time += 5_000;
  await cloud.add(host);
});

test("another user than root can't let a host join", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  await assert.rejects(cloud.add(host, { username: "admin" }), { code: "HOST.1014" });
  assert.equal(host.node.checked, 0);
});

test("a host joins its own cloud again, and the certificate on record is good until the new one is used", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  const first = await cloud.add(host);
  const again = await cloud.door.join(cloud.request(host));
  assert.notEqual(again.fingerprint, first.fingerprint);
  // Joining has asked for the new one already.
  await assert.rejects(cloud.link.ping(host.host), { code: "HOST.1011" });
  cloud.pins.set(host.uuid, again.fingerprint);
  await cloud.link.ping(host.host);
});

test("a host of another cloud is left there, and the error says how to get it out", async (t) => {
  const host = await hostBed(t);
  const [one, two] = [await cloudBed(t, host), await cloudBed(t, host)];
  await one.add(host);
  const checked = host.node.checked;
  await assert.rejects(two.add(host), { code: "HOST.1015", remedy: /Remove it from that cloud/ });
  // Also by who does not ask first.
  const body = { username: "root", password: "Correct-Horse-9", cloud: two.authority.fingerprint };
  const answer = await post(host, "/v1/join", body);
  assert.match(answer, /JOIN\.OTHER_CLOUD.*membership\.json/);
  assert.equal(host.node.checked, checked);
  await one.link.ping(host.host);
});

test("the management node of another cloud does not join", async (t) => {
  const host = await hostBed(t);
  const [one, two] = [await cloudBed(t, host), await cloudBed(t, host)];
  for (const name of ["ca.key", "ca.crt"]) copyFileSync(join(one.folder, name), join(host.tls, name));
  await host.restart();
  await assert.rejects(two.add(host), { code: "HOST.1015" });
  assert.equal(host.node.checked, 0);
  await one.add(host);
  await one.door.leave(host.host);
  assert.equal(host.membership.cloud, one.authority.fingerprint);
});

test("a host that leaves shows its own certificate again, takes no more orders and may join another cloud", async (t) => {
  const host = await hostBed(t);
  const [one, two] = [await cloudBed(t, host), await cloudBed(t, host)];
  const own = host.membership.fingerprint;
  await one.add(host);
  await one.link.ping(host.host);
  await one.door.leave(host.host);
  assert.equal(host.membership.fingerprint, own);
  // The connection is still the one that was a manager's.
  await assert.rejects(one.link.ping(host.host), (error: NodeError) => {
    assert.ok(error.cause instanceof NodeError && error.cause.code === "CHANNEL.NOT_MANAGER", String(error.cause));
    return error.code === "HOST.1012";
  });
  one.link.close();
  await assert.rejects(one.link.ping(host.host), { code: "HOST.1011" });
  await host.restart();
  assert.equal(host.membership.fingerprint, own);
  await two.add(host);
});

test("a host that joined though its certificate came on no record leaves when it is told, another one does not", async (t) => {
  const host = await hostBed(t);
  const [one, two] = [await cloudBed(t, host), await cloudBed(t, host)];
  const own = host.membership.fingerprint;
  await one.door.join(one.request(host));
  await assert.rejects(one.link.ping(host.host), { code: "HOST.1011" });
  await assert.rejects(two.door.leave(host.host), { code: "HOST.1011" });
  await assert.rejects(one.door.leave({ ...host.host, uuid: `${"1".repeat(12)}4${"0".repeat(3)}8${"0".repeat(15)}` }), {
    code: "HOST.1011",
  });
  assert.notEqual(host.membership.fingerprint, own);
  await one.door.leave(host.host);
  assert.equal(host.membership.fingerprint, own);
});

test("a certificate is taken once, within a minute, of that cloud, for that key and that host only", async (t) => {
  const host = await hostBed(t);
  const [one, two] = [await cloudBed(t, host), await cloudBed(t, host)];
  const begin = async (cloud: typeof one) =>
    JSON.parse(
      await post(host, "/v1/join", {
        username: "root",
        password: "Correct-Horse-9",
        cloud: cloud.authority.fingerprint,
      }),
    ) as { nonce: string; request: string };
  const certify = async (
    { nonce, request }: { nonce: string; request: string },
    changed: { by?: typeof one; hostUuid?: string; nonce?: string } = {},
  ) => {
    const { authority } = changed.by ?? one;
    const certificate = await authority.signHost(request, host.uuid);
    const more = { nonce: changed.nonce ?? nonce, hostUuid: changed.hostUuid ?? host.uuid };
    return post(host, "/v1/certify", { ...more, certificate, authority: authority.certificate });
  };
  const late = await begin(one);
  host.node.time += 60_000;
  assert.match(await certify(late), /JOIN\.NO_ATTEMPT/);
  assert.match(await certify(await begin(one), { nonce: "A".repeat(43) }), /JOIN\.NO_ATTEMPT/);
  assert.match(await certify(await begin(one), { by: two }), /JOIN\.BAD_CERTIFICATE/);
  assert.match(
    await certify(await begin(one), { hostUuid: "9".repeat(12) + "4999" + "8" + "9".repeat(15) }),
    /JOIN\.BAD_CERT/,
  );
  const [former, present] = [await begin(one), await begin(one)];
  assert.match(await certify({ ...former, nonce: present.nonce }), /JOIN\.BAD_CERTIFICATE/, "another attempt's key");
  assert.equal(host.membership.member, null);
  const good = await begin(one);
  assert.equal(await certify(good), "{}");
  assert.match(await certify(good), /JOIN\.NO_ATTEMPT/, "a repetition");
});

test("an attempt to join ends with the agent; what was taken before it is kept", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  const { signHost } = cloud.authority;
  t.mock.method(cloud.authority, "signHost", async (request: string, uuid: string) => {
    await host.restart();
    return signHost.call(cloud.authority, request, uuid);
  });
  await assert.rejects(cloud.add(host), (error: NodeError) => {
    assert.ok(error.cause instanceof NodeError && error.cause.code === "JOIN.NO_ATTEMPT");
    return error.code === "HOST.1012";
  });
  assert.equal(host.membership.member, null);
  t.mock.restoreAll();
  await cloud.add(host);
  await host.restart();
  await cloud.link.ping(host.host);
});

test("a host whose disk is full does not join, and shows what it has shown before", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  const own = host.membership.fingerprint;
  host.node.write = async () => {
    throw Object.assign(new Error("no room"), { code: "ENOSPC" });
  };
  await assert.rejects(cloud.add(host), (error: NodeError) => {
    assert.ok(error.cause instanceof NodeError && error.cause.code === "DOCUMENT.NOT_SAVED");
    return error.code === "HOST.1012";
  });
  assert.equal(host.membership.fingerprint, own);
  host.node.write = undefined;
  await cloud.add(host);
});

/** Asks like a stranger: without a certificate, and believing whatever is shown. */
function post(host: { address: string; port: number }, path: string, body: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const target = { host: host.address, port: host.port, path, method: "POST", headers };
    const request = sendRequest({ ...target, rejectUnauthorized: false, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve(text));
    });
    request.on("error", reject);
    request.end(JSON.stringify(body));
  });
}
