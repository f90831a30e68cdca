import type { TestContext } from "node:test";
import type { CloudCallName } from "../../../core/model/cloud/calls/index.ts";
import type { ConsoleBed } from "../console.ts";
import { type RunningAgent, startAgent } from "../programs.ts";
import { undoAfter } from "../undo.ts";
import type { hostAddresses, ServiceNode } from "./node.ts";

/* What is done on a node of real parts, and beside it. Each step ends when its outcome is there. */

/** Longer than anything takes on a slow machine. */
export const slowMs = 60_000;
export const hostPassword = "plAnted-host-3 quay";

/** Starts the manager without a console. */
export async function startManager(node: ServiceNode): Promise<void> {
  await node.run("systemctl", "start", "--", "binnacle-manager.service");
}

/** Types the phrase of a screen that shows what it hits, and waits until the job's log says `outcome`. */
export async function typePhrase(console: ConsoleBed, phrase: string, outcome: string | RegExp): Promise<void> {
  await console.until(/given up after|则放弃/, slowMs);
  console.type(`${phrase}\r`);
  await console.until(outcome, slowMs);
}

/** A zone with a cluster; the cluster's uuid. */
export async function makeCluster({ cloud }: ServiceNode): Promise<string> {
  const zone = await cloud.call("CreateZone", { name: "zone-1" });
  const cluster = await cloud.call("CreateCluster", { name: "cluster-1", zoneUuid: zone.inventory.uuid });
  return cluster.inventory.uuid;
}

/** The agent of a host in the node's network. */
export async function hostAgent(
  t: TestContext,
  node: ServiceNode,
  address: (typeof hostAddresses)[number],
): Promise<RunningAgent> {
  const args = ["--host-port", "7070", "--host-address", address, "--hypervisor", "simulated"];
  const agent = await startAgent({ args, through: node.network });
  undoAfter(t, () => agent.stop());
  await agent.client("setup").call("choosePassword", { body: { password: hostPassword } });
  return agent;
}

export async function addHost(
  node: ServiceNode,
  clusterUuid: string,
  name: string,
  managementIp: string,
): Promise<void> {
  const { cloud } = node;
  const { task } = await cloud.call("AddKVMHost", { name, clusterUuid, managementIp, password: hostPassword });
  const { state } = await cloud.follow(task.uuid);
  if (state === "Succeeded") return;
  const { inventory } = await cloud.call("GetTask", { uuid: task.uuid });
  throw new Error(`${name} was not added: ${JSON.stringify(inventory.error)}`);
}

/** Names of what a query lists. */
export async function namesOf({ cloud }: ServiceNode, call: CloudCallName & `Query${string}`): Promise<unknown[]> {
  const { inventories } = await cloud.call(call, {});
  return inventories.map(({ name }) => name);
}

/** The code of the refusal; undefined when it is done. */
export async function logInCode({ cloud }: ServiceNode, password: string): Promise<string | undefined> {
  return cloud.call("LogInByAccount", { accountName: "admin", password }).then(
    () => undefined,
    (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
  );
}
