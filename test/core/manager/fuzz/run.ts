import assert from "node:assert/strict";
import fc from "fast-check";
import type { CallTable } from "../../../../core/manager/dispatch.ts";
import { type CloudCallName, cloudCallNames, cloudCalls } from "../../../../core/model/cloud/calls/index.ts";
import { isResourceKind } from "../../../../core/orchestrator/kinds.ts";
import { taskEnd } from "../../../../core/orchestrator/tasks.ts";
import { uuidOf } from "../../model/cloud/samples.ts";
import { type FuzzedCloud, fuzzedCloud } from "./cloud.ts";
import { plantedSecret } from "./hostile.ts";
import { checkAnswer, checkCloud } from "./invariants.ts";
import { type Fuzzed, requestsOf, sentOf } from "./requests.ts";

export type FuzzOptions = {
  /** In place of the manager's own. */
  calls?: CallTable;
  /** Those that are sent; all of the table unless told. */
  names?: readonly CloudCallName[];
  /** Clouds that are made, each with so many requests. */
  clouds: number;
  requests: number;
  /** Sent at the same moment; one after the other unless told. */
  atOnce?: number;
};

/** How many requests of each call were answered with success, and with an error. */
export type Tally = Map<CloudCallName, { done: number; refused: number }>;
/** How many tasks of each call ended in each state. */
export type Endings = Map<string, number>;

/** A request that is not answered by then hangs. */
const patienceMs = 30_000;

/** The same requests as in a former run, when the environment says so. */
function seedOf(): number {
  return Number(process.env["BINNACLE_FUZZ_SEED"] ?? Date.now() % 2 ** 31);
}

/**
 * Sends requests to clouds of their own, and checks each answer and what is left. A failure tells the fewest requests
 * that lead to it, and the seed: BINNACLE_FUZZ_SEED=… sends the same ones again.
 */
export async function fuzz(options: FuzzOptions): Promise<{ seed: number; tally: Tally; told: Endings }> {
  const { calls = {}, names = cloudCallNames, clouds, requests, atOnce = 1 } = options;
  const seed = seedOf();
  const tally: Tally = new Map(names.map((name) => [name, { done: 0, refused: 0 }]));
  const told: Endings = new Map();
  const tryOut = async (all: readonly Fuzzed[]): Promise<void> => {
    const cloud = await fuzzedCloud(calls);
    try {
      await furnish(cloud);
      for (let from = 0; from < all.length; from += atOnce)
        await Promise.all(all.slice(from, from + atOnce).map((each) => send(cloud, each, tally)));
      await tasksEnded(cloud, told);
      await checkCloud(cloud);
    } finally {
      await cloud.close();
    }
  };
  const request = fc.oneof(...names.map((name) => requestsOf(name)));
  const some = fc.array(request, { minLength: requests, maxLength: requests });
  const outcome = await fc.check(fc.asyncProperty(some, tryOut), { seed, numRuns: clouds, endOnFailure: true });
  if (!outcome.failed) return { seed, tally, told };
  const failing = outcome.counterexample?.[0] ?? [];
  let cause = outcome.errorInstance;
  const fewest = await fewestOf(failing, async (less) => {
    try {
      await tryOut(less);
      return false;
    } catch (error) {
      cause = error;
      return true;
    }
  });
  const sent = fewest.map((each) => fc.stringify(each).slice(0, 1_500)).join("\n");
  const why = cause instanceof Error ? cause.message : String(cause);
  throw new Error(`${why}\n\nBINNACLE_FUZZ_SEED=${seed}. The fewest requests that lead to it:\n${sent}`, { cause });
}

/** Leaves out one half, a quarter, … and at last one of them, as long as the rest still fails. */
async function fewestOf<T>(all: readonly T[], fails: (less: readonly T[]) => Promise<boolean>): Promise<readonly T[]> {
  let kept = all;
  for (let size = Math.ceil(all.length / 2); size >= 1; size = Math.floor(size / 2))
    for (let from = 0; from < kept.length; ) {
      const less = [...kept.slice(0, from), ...kept.slice(from + size)];
      if (less.length > 0 && (await fails(less))) kept = less;
      else from += size;
    }
  return kept;
}

async function send(cloud: FuzzedCloud, fuzzed: Fuzzed, tally: Tally): Promise<void> {
  const sent = sentOf(fuzzed, (mark) => uuidFor(cloud, mark));
  const told = JSON.stringify({ kind: fuzzed.kind, ...sent }).slice(0, 1_500);
  const answer = await answered(cloud, sent, told);
  try {
    // A part that does not belong there may make it another call.
    checkAnswer(
      { statusCode: answer.statusCode, body: answer.body },
      fuzzed.part === undefined ? cloudCalls[fuzzed.call] : undefined,
    );
  } catch (error) {
    throw new Error(`${told}\n${error instanceof Error ? error.message : ""}`, { cause: error });
  }
  const count = tally.get(fuzzed.call);
  if (count !== undefined) count[answer.statusCode < 300 ? "done" : "refused"] += 1;
}

async function answered({ server }: FuzzedCloud, sent: ReturnType<typeof sentOf>, told: string) {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`It was not answered: ${told}`)), patienceMs);
  });
  try {
    return await Promise.race([server.inject(sent), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A uuid for `@KIND:NUMBER`: one of a kind, or, now and then, one of nothing. */
function uuidFor({ mirror }: FuzzedCloud, mark: string): string {
  const [, kind = "", text = "0"] = /^@(\w+):(\d+)$/.exec(mark) ?? [];
  const number = Number(text);
  const all = isResourceKind(kind) ? [...mirror.all(kind)].map(({ value }) => value.uuid) : [];
  return (number % 9 === 0 ? undefined : all[number % all.length]) ?? uuidOf(2 ** 40 + number);
}

/** Every task ends, whatever was asked for while it ran. */
async function tasksEnded({ mirror }: FuzzedCloud, endings: Endings): Promise<void> {
  const signal = AbortSignal.timeout(patienceMs);
  for (const { value } of [...mirror.all("Task")]) {
    const task = await taskEnd(mirror, value.uuid, signal).catch(() => undefined);
    assert.ok(task !== undefined, `A task has not ended: ${JSON.stringify(mirror.get("Task", value.uuid)?.value)}`);
    const ending = `${value.call} ${task?.state}`;
    endings.set(ending, (endings.get(ending) ?? 0) + 1);
  }
}

/** Addresses at which a host answers: some are in the cloud from the beginning, some are what calls give by chance. */
const addresses = { east: "192.168.0.11", west: "192.168.0.12", free: ["10.0.0.1", "10.0.0.9", "10.0.0.20"] };

/** Something of each kind that others belong to, a host and a machine too, so that calls have what they are about. */
async function furnish({ server, hosts, mirror }: FuzzedCloud): Promise<void> {
  const ask = async (url: string, payload: object, status: number) => {
    const headers = { authorization: "Bearer admin" };
    const answer = await server.inject({ method: "POST", url, payload, headers });
    assert.equal(answer.statusCode, status, answer.body);
    return answer.json();
  };
  const make = async (url: string, payload: object): Promise<string> => (await ask(url, payload, 200)).inventory.uuid;
  const carryOut = async (url: string, payload: object): Promise<void> => {
    const task = await taskEnd(mirror, (await ask(url, payload, 202)).task.uuid, AbortSignal.timeout(patienceMs));
    assert.equal(task?.state, "Succeeded", JSON.stringify(task?.error));
  };
  for (const address of [addresses.east, addresses.west, ...addresses.free]) await hosts.add(address);
  for (const name of ["east", "west"] as const) {
    const zoneUuid = await make("/v1/zones", { name });
    const clusterUuid = await make("/v1/clusters", { name, zoneUuid });
    const storage = await make("/v1/primary-storage/local", { name, zoneUuid, url: "/binnacle_ps" });
    await make(`/v1/primary-storage/${storage}/attach`, { clusterUuid });
    const l2NetworkUuid = await make("/v1/l2-networks/no-vlan", { name, zoneUuid, physicalInterface: "eth0" });
    await make(`/v1/l2-networks/${l2NetworkUuid}/attach`, { clusterUuid });
    const l3NetworkUuid = await make("/v1/l3-networks", { name, l2NetworkUuid });
    const range = { startIp: "10.0.0.100", endIp: "10.0.0.120", netmask: "255.255.255.0" };
    await make("/v1/ip-ranges", { name, l3NetworkUuid, ...range });
    const host = { name, clusterUuid, managementIp: addresses[name], password: plantedSecret };
    await carryOut("/v1/hosts", host);
    const size = { cpuNum: 1, memorySize: 2 ** 30, rootDiskSize: 2 ** 30 };
    await carryOut("/v1/vm-instances", { name, clusterUuid, l3NetworkUuids: [l3NetworkUuid], ...size });
  }
  await make("/v1/instance-offerings", { name: "small", cpuNum: 1, memorySize: 2 ** 30 });
  await make("/v1/disk-offerings", { name: "small", diskSize: 2 ** 30 });
}
