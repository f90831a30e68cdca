import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { newHost } from "../../../../core/model/cloud/host.ts";
import { deciders } from "../../../../core/orchestrator/calls/index.ts";
import type { HostLink } from "../../../../core/orchestrator/host-link.ts";
import { HostCertificates } from "../../../../core/orchestrator/hosts/certificates.ts";
import { HostPasswords } from "../../../../core/orchestrator/hosts/host-passwords.ts";
import { HostKeeper } from "../../../../core/orchestrator/hosts/keeper.ts";
import type { HostWorld } from "../../../../core/orchestrator/hosts/world.ts";
import { undoAfter } from "../../../support/undo.ts";
import { uuidOf } from "../../model/cloud/samples.ts";
import { cloudBed, newUuid } from "../bed.ts";

/* The keeper on a real store; its clock and its ticks are the test's. Hosts are known by their number. */

type Ping = { host: string; manager: string; at: number };

async function bed(t: TestContext, hosts: number) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const made = await cloudBed(t);
  const { records, mirror, settings, context } = made;
  const zone = await records.change((tx) =>
    deciders.CreateZone(tx, { name: "z", description: null, tags: [] }, context),
  );
  const given = { name: "c", description: null, zoneUuid: zone.inventory.uuid, migrationNetworkCidr: null };
  const { inventory: cluster } = await records.change((tx) =>
    deciders.CreateCluster(tx, { ...given, tags: [], hypervisorType: "KVM", checkCpuModel: false }, context),
  );
  await records.change((tx) => {
    for (let nth = 1; nth <= hosts; nth++) {
      const own = { uuid: uuidOf(nth), name: `${nth}`, description: null, clusterUuid: cluster.uuid, tags: [] };
      const figures = { cpuCores: 1, memoryTotal: 1, cpuUsed: 0, memoryUsed: 0, memoryReserved: 0 };
      const managementIp = `10.0.${nth >> 8}.${nth & 255}`;
      tx.insert("Host", { ...own, managementIp, ...newHost, ...figures, status: "Connected" });
    }
  });
  const clock = { monotonicMs: 1_000_000 };
  const [pings, reconnected]: [Ping[], number[]] = [[], []];
  const answering = { ping: async (_host: string): Promise<boolean> => true, bootId: "b", serial: "1" };
  const observed: string[] = [];
  const isTakenIn = { now: true };
  const keepers: HostKeeper[] = [];
  const keeper = async (manager: string) => {
    await records.change((tx) => tx.put("ManagementNode", manager, { uuid: manager }));
    const link = {
      watch: async ({ uuid }, { onHead }) => {
        pings.push({ host: uuid, manager, at: clock.monotonicMs });
        if (!(await answering.ping(uuid))) throw new Error("It does not answer.");
        onHead();
        const { bootId, serial } = answering;
        return { bootId, serial, version: "1", protocol: 1 };
      },
    } satisfies Partial<HostLink> as unknown as HostLink;
    const never = () => Promise.reject(new Error("Nothing of this is asked."));
    const door = { join: never, fingerprint: never, renew: never, leave: never };
    const passwords = new HostPasswords(mirror);
    const certificates = new HostCertificates(records, door);
    const world: HostWorld = {
      records,
      settings,
      link,
      door,
      certificates,
      passwords,
      stopMachine: never,
      moveMachine: never,
    };
    const one = new HostKeeper({
      world,
      managerUuid: manager,
      reconnect: async () => void reconnected.push(clock.monotonicMs),
      observe: async ({ uuid }) => observed.push(uuid) > 0 && isTakenIn.now,
      storages: async () => {},
      onTrouble: (what, error) => assert.fail(`${what}: ${String(error)}`),
      monotonicMs: () => clock.monotonicMs,
    });
    one.start();
    undoAfter(t, () => one.close());
    keepers.push(one);
    return one;
  };
  /** Lets so many seconds pass, in steps of a tick. */
  const pass = async (seconds: number) => {
    for (let ticks = 0; ticks < seconds * 4; ticks++) {
      clock.monotonicMs += 250;
      t.mock.timers.tick(250);
      for (const one of keepers) await one.settled();
    }
  };
  const set = (category: string, name: string, value: string) =>
    records.change((tx) => deciders.UpdateGlobalConfig(tx, { category, name, value }));
  const host = () => mirror.get("Host", uuidOf(1))?.value;
  return { ...made, keeper, pass, set, host, pings, reconnected, observed, isTakenIn, answering, mono: clock };
}

test("every host is pinged once in an interval, spread over it, whatever the wall clock does", async (t) => {
  const { keeper, pass, pings, clock } = await bed(t, 60);
  await keeper("a");
  // At first each is asked twice: what it says is news.
  await pass(60);
  pings.length = 0;
  for (const step of [0, 86_400_000, -30 * 86_400_000]) {
    clock.now += step;
    await pass(60);
    const hosts = pings.map(({ host }) => host);
    assert.equal(hosts.length, 60);
    assert.equal(new Set(hosts).size, 60);
    const second = (at: number) => Math.floor(at / 1000);
    const most = Math.max(
      ...Map.groupBy(pings, ({ at }) => second(at))
        .values()
        .map(({ length }) => length),
    );
    assert.ok(most <= 6, `${most} in one second`);
    pings.length = 0;
  }
});

test("what happens on a few hosts is known from the manager's start on, and on one from when it was connected", async (t) => {
  const { keeper, pass, pings, records } = await bed(t, 20);
  const status = (to: "Connecting" | "Connected") =>
    records.change((tx) => void tx.update("Host", uuidOf(20), { status: to }));
  await status("Connecting");
  await keeper("a");
  await pass(1);
  assert.equal(new Set(pings.map(({ host }) => host)).size, 19);
  await status("Connected");
  pings.length = 0;
  await pass(0.25);
  assert.ok(pings.some(({ host }) => host === uuidOf(20)));
});

test("what a host says is asked for again after a while when not all of it could be taken in", async (t) => {
  const { keeper, pass, observed, answering, isTakenIn } = await bed(t, 1);
  await keeper("a");
  await pass(1);
  observed.length = 0;
  isTakenIn.now = false;
  answering.serial = "2";
  await pass(60);
  const before = observed.length;
  assert.ok(before > 1 && before < 20, String(before));
  isTakenIn.now = true;
  await pass(10);
  observed.length = 0;
  await pass(30);
  assert.equal(observed.length, 0);
});

test("a host that misses three pings, each sooner than the interval, is lost and connected to with growing pauses", async (t) => {
  const { keeper, pass, pings, host, reconnected, answering, set } = await bed(t, 1);
  answering.ping = async () => false;
  await keeper("a");
  await pass(75);
  assert.equal(host()?.status, "Disconnected");
  assert.equal(pings.length, 3);
  assert.ok((pings[2]?.at ?? 0) - (pings[0]?.at ?? 0) <= 11_000);
  await pass(3600);
  const pauses = reconnected.map((at, nth) => Math.round((at - (reconnected[nth - 1] ?? at)) / 1000));
  assert.deepEqual(pauses.slice(1, 8), [5, 10, 20, 40, 80, 160, 300]);
  assert.ok(
    pauses.slice(8).every((pause) => pause === 300),
    String(pauses),
  );
  await set("host", "connection.autoReconnectOnError", "false");
  const before = reconnected.length;
  await pass(900);
  assert.equal(reconnected.length, before);
});

test("one missed ping is forgotten when the next one is answered", async (t) => {
  const { keeper, pass, host, answering } = await bed(t, 1);
  let asked = 0;
  answering.ping = async () => ++asked % 3 !== 1;
  await keeper("a");
  await pass(600);
  assert.ok(asked > 10, `${asked} pings`);
  assert.equal(host()?.status, "Connected");
});

test("of two managers each keeps its own share, and one all when the other is gone", async (t) => {
  const { keeper, pass, pings, records } = await bed(t, 100);
  const [first, second] = ["6".repeat(32), "7".repeat(32)];
  await keeper(first);
  const gone = await keeper(second);
  await pass(62);
  pings.length = 0;
  await pass(60);
  const share = (manager: string) => pings.filter((each) => each.manager === manager).map(({ host }) => host);
  assert.equal(new Set([...share(first), ...share(second)]).size, 100);
  assert.equal(share(first).length + share(second).length, 100);
  assert.ok(share(first).length >= 30 && share(second).length >= 30, `${share(first).length} and the rest`);
  const before = new Set(share(first));
  await gone.close();
  await records.change((tx) => tx.delete("ManagementNode", second));
  pings.length = 0;
  await pass(120);
  assert.equal(new Set(share(first)).size, 100);
  assert.ok(before.size > 0 && share(second).length === 0);
});

test("no more hosts are pinged at once than the setting says; one that hangs is pinged no second time", async (t) => {
  const { keeper, pings, answering, set, mono } = await bed(t, 20);
  await set("host", "ping.parallelismDegree", "3");
  const gates: PromiseWithResolvers<boolean>[] = [];
  answering.ping = () => {
    const gate = Promise.withResolvers<boolean>();
    gates.push(gate);
    return gate.promise;
  };
  const one = await keeper("a");
  for (let ticks = 0; ticks < 300; ticks++) {
    mono.monotonicMs += 250;
    t.mock.timers.tick(250);
  }
  assert.equal(pings.length, 3);
  assert.equal(new Set(pings.map(({ host }) => host)).size, 3);
  for (const gate of gates.splice(0)) gate.resolve(true);
  await one.settled();
  t.mock.timers.tick(250);
  assert.equal(pings.length, 6);
  for (const gate of gates) gate.resolve(true);
});

test("a keeper that closes looks after no host any more, and notes no ping that it has called off", async (t) => {
  const { keeper, pings, answering, host, mono } = await bed(t, 1);
  const gate = Promise.withResolvers<boolean>();
  answering.ping = () => gate.promise;
  const one = await keeper(newUuid());
  for (let ticks = 0; ticks < 300 && pings.length === 0; ticks++) {
    mono.monotonicMs += 250;
    t.mock.timers.tick(250);
  }
  assert.equal(pings.length, 1);
  const closed = one.close();
  gate.resolve(false);
  await closed;
  assert.equal(host()?.failedPings, 0);
  mono.monotonicMs += 600_000;
  t.mock.timers.tick(600_000);
  assert.equal(pings.length, 1);
});

test("a host that was there when the manager began is asked once what runs on it, unless the setting says no", async (t) => {
  const { keeper, pass, observed, set } = await bed(t, 3);
  await keeper("a");
  await pass(180);
  assert.deepEqual(observed.sort(), [1, 2, 3].map(uuidOf));
  await set("host", "load.all", "false");
  await keeper("a");
  await pass(180);
  assert.equal(observed.length, 3);
});

test("a host that was restarted between two pings is connected to anew", async (t) => {
  const { keeper, pass, answering, reconnected } = await bed(t, 1);
  await keeper("a");
  await pass(120);
  assert.equal(reconnected.length, 0);
  answering.bootId = "another";
  await pass(120);
  assert.equal(reconnected.length, 1);
});
