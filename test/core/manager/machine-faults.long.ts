import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { emulator, root, skipFor, whyNot } from "../../support/bed-needs.ts";
import { NoAnswer } from "../../support/cloud/root-client.ts";
import { passwords } from "../../support/cloud/three-nodes.ts";
import { Random } from "../../support/random.ts";
import { check } from "./machine-faults/check.ts";
import { Cluster, type Place, untilLibvirtAnswers } from "./machine-faults/cluster.ts";
import { type DeedName, deedNames, deeds, type Scene, sceneOf } from "./machine-faults/deeds.ts";
import { checkEnd } from "./machine-faults/end.ts";

/*
 * The manager, an agent, libvirt or a machine's own process is killed while something is done to the machine, with the
 * programs of the image, libvirt and QEMU. Longer: BINNACLE_TEST_FAULTS=60. Another run: BINNACLE_TEST_SEED.
 */

const why = await whyNot([root, emulator]);
const runs = Number(process.env["BINNACLE_TEST_FAULTS"] ?? deedNames.length);
const first = Number(process.env["BINNACLE_TEST_SEED"] ?? 1);

/** `here`: on the machine's host; `there`: on the other one. */
const faults = [
  "manager",
  "manager",
  "agent here",
  "agent here",
  "agent there",
  "libvirt here",
  "libvirt there",
  "machine",
] as const;
type Fault = (typeof faults)[number];

test("whatever is killed while a machine of libvirt's is worked on: it runs once, nothing is lost, nothing stays behind", {
  skip: skipFor(why),
  timeout: 60 * 60_000,
}, async (t) => {
  assert.equal(why, undefined);
  const cluster = await Cluster.open(t);
  const place = await cluster.furnish();
  const ends = new Map<string, number>();
  for (let seed = first; seed < first + runs; seed++) {
    const random = new Random(seed);
    // Each of them at least once, however few the runs are.
    const name = deedNames[seed % deedNames.length] ?? random.pick(deedNames);
    const plan = planOf(random, name);
    const story = `seed ${seed}: ${name}, ${plan.map(({ fault, atMs }) => `${fault} at ${atMs} ms`).join(", ")}`;
    try {
      const scene = await sceneOf(cluster, place, name);
      const end = await run(scene, name, plan);
      ends.set(end, (ends.get(end) ?? 0) + 1);
      t.diagnostic(`${story}: ${end}`);
      await settled(cluster, place);
      await check(cluster, place);
    } catch (error) {
      throw new Error(`${story}\n${cluster.logs().join("\n").slice(-3000)}`, { cause: error });
    }
  }
  await checkEnd(cluster, place);
  for (const log of cluster.logs()) for (const password of Object.values(passwords)) assert.ok(!log.includes(password));
  t.diagnostic(`${runs} runs: ${[...ends].map(([what, count]) => `${what} ${count}`).join(", ")}`);
});

function planOf(random: Random, name: DeedName): { fault: Fault; atMs: number }[] {
  const count = random.chance(25) ? 2 : 1;
  const all = Array.from({ length: count }, () => ({
    fault: random.pick(faults),
    atMs: random.below(1.3 * deeds[name].takesMs),
  }));
  return all.toSorted((a, b) => a.atMs - b.atMs);
}

/** How the task ended; that of a call that nobody answered is not known to whoever asked. */
async function run(scene: Scene, name: DeedName, plan: ReturnType<typeof planOf>): Promise<string> {
  const { cluster, place, machine } = scene;
  const asked = deeds[name].ask(scene);
  const hostUuid = machine.hostUuid ?? machine.lastHostUuid;
  const here = hostUuid === place.hostUuids[1] ? 1 : 0;
  const answer = cluster.door.send(asked.name, asked.input).catch((error: unknown) => {
    if (error instanceof NoAnswer) return undefined;
    throw error;
  });
  const began = performance.now();
  for (const { fault, atMs } of plan) {
    await pause(Math.max(0, began + atMs - performance.now()));
    await strike(cluster, fault, here, machine.uuid);
  }
  const told = await answer;
  await cluster.startAll();
  for (const host of cluster.hosts) await untilLibvirtAnswers(host);
  if (told === undefined) return "no answer";
  if ("refused" in told) return `refused with ${told.refused.code}`;
  const { task } = told.value as { task: { uuid: string } };
  const ended = await cluster.door.taskEnd(task.uuid);
  return ended.error === null ? ended.state : `${ended.state} with ${ended.error.code}`;
}

async function strike(cluster: Cluster, fault: Fault, here: number, uuid: string): Promise<void> {
  const [what, where] = fault.split(" ");
  const nth = where === "there" ? 1 - here : here;
  const host = cluster.hosts[nth];
  assert.ok(host !== undefined);
  if (what === "manager") await cluster.kill("manager");
  else if (what === "agent") await cluster.kill(`agent${nth}`);
  else if (what === "libvirt") cluster.killLibvirt(host);
  else cluster.killMachine(host, uuid);
}

/** Until nothing is under way any more, and the hosts' machines are known. */
async function settled({ door }: Cluster, { hostUuids }: Place): Promise<void> {
  const quiet = async () => {
    for (;;) {
      const { inventories } = await door.call("QueryTask", { q: ["state?=Waiting,Running,Cancelling"], limit: 1 });
      const [task] = inventories;
      if (task === undefined) return;
      await door.taskEnd(String(task["uuid"]));
    }
  };
  await quiet();
  for (const uuid of hostUuids) {
    // An agent that was just started may not listen to the manager yet.
    for (const until = performance.now() + 120_000; ; await pause(200)) {
      const task = await door.done("ReconnectHost", { uuid });
      if (task.state === "Succeeded") break;
      assert.ok(performance.now() < until, JSON.stringify(task.error));
    }
  }
  await quiet();
}
