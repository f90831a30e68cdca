import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { root, skipFor, whyNot } from "../../support/bed-needs.ts";
import { agentPassword, startHost } from "../../support/cloud/agents.ts";
import { ManagerDaemon } from "../../support/cloud/daemon.ts";
import { privateNetwork } from "../../support/cloud/network.ts";
import type { RootClient } from "../../support/cloud/root-client.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { Random } from "../../support/random.ts";
import { undoAfter } from "../../support/undo.ts";
import { checkBook, checkKeys, checkStore, told } from "./killed/check.ts";
import { Book } from "./killed/client.ts";
import { Crowd } from "./killed/crowd.ts";
import { installer, type Person, type Place, planner, seller, technician, user } from "./killed/people.ts";

/*
 * The manager's program is killed at random moments, again and again, while clients work with real agents. Longer:
 * BINNACLE_TEST_KILLS=500. Another run: BINNACLE_TEST_SEED.
 */

const why = await whyNot([root]);
const kills = Number(process.env["BINNACLE_TEST_KILLS"] ?? 60);
const seed = Number(process.env["BINNACLE_TEST_SEED"] ?? Date.now() % 2 ** 31);
const addresses = ["10.64.0.1", "10.64.0.2", "10.64.0.3"] as const;
/** Fast, and still long enough that most kills meet a command that a host carries out. */
const latencyMs = {
  createVolume: 20,
  deleteVolume: 20,
  startMachine: 40,
  stopMachine: 40,
  rebootMachine: 20,
  pauseMachine: 20,
  resumeMachine: 20,
  suspendMachine: 40,
  restoreMachine: 40,
};
/** Kills between two looks at everything. */
const killsAtOnce = 5;

test("killed at any moment, the manager loses nothing that it answered and leaves nothing half made", {
  skip: skipFor(why),
  timeout: 60 * 60_000,
}, async (t) => {
  assert.equal(why, undefined);
  t.diagnostic(`seed ${seed}`);
  const random = new Random(seed);
  const network = await privateNetwork();
  undoAfter(t, () => network.close());
  const { through } = network;
  const agents = await Promise.all(
    addresses.map((address) => startHost({ address, port: 7070, simulation: { latencyMs }, through })),
  );
  undoAfter(t, () => Promise.all(agents.map((agent) => agent.stop())));
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const daemon = await ManagerDaemon.prepare({ folder: folder.path, hostPort: 7070, through });
  undoAfter(t, () => daemon.kill());
  const door = daemon.client();
  undoAfter(t, () => door.close());

  await daemon.start();
  const place = await furnish(door);
  const book = new Book();
  const people: Record<string, Person> = {
    planner: planner(),
    seller: seller(),
    anna: user(place),
    bert: user(place),
    carl: user(place),
    technician: technician(place),
    installer: installer(place),
  };
  const crowd = new Crowd(people, random, book, door);
  undoAfter(t, () => crowd.abandon());
  const errors: string[] = [];
  let [killed, looks] = [0, 0];
  const kill = async () => {
    crowd.down();
    await daemon.kill();
    errors.push(...daemon.errors);
    killed += 1;
  };
  const start = async () => {
    await daemon.start();
    crowd.up();
  };

  while (killed < kills) {
    for (let n = 0; n < killsAtOnce; n++) {
      await Promise.race([pause(random.below(400)), crowd.working]);
      await kill();
      if (random.chance(20)) {
        // Before it serves, while it takes up what it was at.
        daemon.spawn();
        await pause(random.below(250));
        await kill();
      }
      await start();
    }
    await crowd.pause();
    await untilTasksEnd(door);
    await checkBook(book, door);
    await checkKeys(book.calls.slice(-200), door);
    const said = await told(door);
    await kill();
    await checkStore(daemon.storeFile, said, agents);
    await start();
    looks += 1;
    crowd.goOn();
  }
  await crowd.end();
  const codes = [...book.codes].map(([what, count]) => `${what}: ${count}`).join(", ");
  t.diagnostic(
    `${killed} kills, ${looks} looks at everything, ${book.calls.length} changes, ${book.tasks.size} tasks, ` +
      `${book.repeated} calls without an answer at first; refused or failed: ${codes}`,
  );
  assert.deepEqual(errors, []);
});

/** A zone with three hosts' places: two for machines, and a cluster for one that comes and goes. */
async function furnish(door: RootClient): Promise<Place> {
  const zoneUuid = (await door.call("CreateZone", { name: "home" })).inventory.uuid;
  const clusterUuid = (await door.call("CreateCluster", { name: "machines", zoneUuid })).inventory.uuid;
  const clusterOfGuests = (await door.call("CreateCluster", { name: "guests", zoneUuid })).inventory.uuid;
  const storage = (await door.call("AddLocalPrimaryStorage", { name: "local", zoneUuid, url: "/local" })).inventory;
  await door.call("AttachPrimaryStorageToCluster", { uuid: storage.uuid, clusterUuid });
  const l2Input = { name: "flat", zoneUuid, physicalInterface: "eth0" };
  const l2NetworkUuid = (await door.call("CreateL2NoVlanNetwork", l2Input)).inventory.uuid;
  await door.call("AttachL2NetworkToCluster", { uuid: l2NetworkUuid, clusterUuid });
  const l3NetworkUuid = (await door.call("CreateL3Network", { name: "people", l2NetworkUuid })).inventory.uuid;
  const range = { startIp: "10.0.0.10", endIp: "10.0.0.40", netmask: "255.255.255.0" };
  await door.call("AddIpRange", { name: "all", l3NetworkUuid, ...range });
  const hosts: string[] = [];
  for (const managementIp of addresses.slice(0, 2)) {
    const input = { name: managementIp, clusterUuid, managementIp, password: agentPassword };
    const task = await door.done("AddKVMHost", input);
    assert.equal(task.state, "Succeeded", JSON.stringify(task));
    hosts.push(task.resourceUuid ?? "");
  }
  return { l3NetworkUuid, maintainedUuid: hosts[1] ?? "", clusterOfGuests, guestAddress: addresses[2] };
}

/** Those that the manager has begun by itself, too. */
async function untilTasksEnd(door: RootClient): Promise<void> {
  for (;;) {
    const { inventories } = await door.call("QueryTask", { q: ["state?=Waiting,Running,Cancelling"], limit: 1 });
    const [first] = inventories;
    if (first === undefined) return;
    await door.taskEnd(String(first["uuid"]));
  }
}
