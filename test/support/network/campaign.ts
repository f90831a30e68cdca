import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Client } from "../../../core/api/client.ts";
import { NodeError } from "../../../core/model/error.ts";
import type { NetworkConfiguration } from "../../../core/model/network/configuration.ts";
import { hasEnded, type NetworkTransaction } from "../../../core/model/network/transaction.ts";
import { Random } from "../random.ts";
import { campaignTable, shuffledFaults } from "./campaign-table.ts";
import { type Fault, faults } from "./faults.ts";
import {
  addressOf,
  type Cards,
  type Change,
  isMade,
  makeChange,
  management,
  type OperationName,
} from "./random-change.ts";

/*
 * Random changes of a node's network with random faults in them. Afterwards the node must answer at the old or at the
 * new management address, as the record of the change says, and its configuration must be the one or the other.
 */

/** A node of a bed, with what can be done to it. Each of these resolves when it has happened. */
export type CampaignNode = {
  readonly bed: string;
  readonly operations: readonly OperationName[];
  readonly cards: Cards;
  /** How long a change takes here, so that a fault falls into it. */
  readonly changeMs: number;
  client(): Client;
  /** Whether it answers at an address, seen from outside. */
  answers(address: string): Promise<boolean>;
  /** All of its interfaces, as the kernel has them. */
  links(): Promise<string[]>;
  killAgent(): Promise<void>;
  /** Starts the agent again, unless it runs. */
  startAgent(): Promise<void>;
  /** Off, and on again. */
  powerCut(): Promise<void>;
  /** Plugs the management network's cable in or out. */
  setCable(isIn: boolean): Promise<void>;
  /** NetworkManager crashes, and is started again as systemd does it. */
  killManager(): Promise<void>;
  stopManager(): Promise<void>;
  /** It goes on running and answers nobody. */
  hangManager(): Promise<void>;
  /** NetworkManager runs again, whatever was done to it. */
  startManager(): Promise<void>;
  fillDisk(): Promise<void>;
  freeDisk(): Promise<void>;
  /** What a person would look at when something is wrong. */
  evidence(): Promise<string>;
};

export type Result = {
  bed: string;
  operation: OperationName;
  fault: Fault;
  /** `kept`, `taken back: REASON`, `refused: CODE` or `failed: REASON`. */
  outcome: string;
};

const settleMs = 60_000;

/** As many changes with each fault as is said. The first that leaves the node in a wrong state ends it. */
export async function campaign(
  t: Pick<TestContext, "diagnostic">,
  node: CampaignNode,
  counts: Readonly<Partial<Record<Fault, number>>>,
): Promise<Result[]> {
  const seed = Number(process.env["BINNACLE_TEST_SEED"] ?? Date.now() % 1_000_000);
  t.diagnostic(`BINNACLE_TEST_SEED=${seed}`);
  const random = new Random(seed);
  const results: Result[] = [];
  try {
    for (const fault of shuffledFaults(counts, random)) results.push(await oneChange(node, random, fault));
  } finally {
    t.diagnostic(campaignTable(results));
  }
  return results;
}

/** One change with one fault. @throws an error that tells all about it when the node is not as the record says */
async function oneChange(node: CampaignNode, random: Random, fault: Fault): Promise<Result> {
  const before = await present(node);
  const [operation, change] = randomChange(node, before.configuration, random);
  // Nobody keeps what can't work, but the agent might.
  const wishes = [
    "probes",
    "probes",
    ...(change.mustFail === true ? [] : (["confirm", "confirm"] as const)),
    "rollBack",
  ] as const;
  const keep = random.pick(wishes);
  const body = {
    operations: [...change.operations],
    keep: keep === "probes" ? keep : ("confirm" as const),
    seconds: 10,
  };
  const plan = await node.client().call("planNetwork", { body: { operations: body.operations } });
  const told = () => `${operation} × ${fault} (${keep}), ${JSON.stringify(body.operations)}`;

  const { heal, ...kind } = faults[fault];
  const hit = kind.hit(node, random);
  const isBefore = "isBefore" in kind;
  let refused: string | undefined;
  try {
    if (isBefore) await hit();
    const begun = node.client().call("changeNetwork", { body });
    const blow = isBefore ? undefined : hit();
    refused = await begun.then(
      () => undefined,
      (error: unknown) => refusal(error),
    );
    if (refused === undefined && keep !== "probes") await answer(node, keep);
    await blow;
  } finally {
    await heal(node);
  }
  const record = await ended(node, before.transaction, refused !== undefined);
  const outcome = record === undefined ? `refused: ${refused}` : outcomeOf(record);
  const isKept = record?.phase === "committed";
  const expected = isKept ? plan.configuration : before.configuration;
  await holds(node, { expected, old: before.configuration, change, isKept, told, record, outcome });
  return { bed: node.bed, operation, fault, outcome };
}

/** How the network is now. Just after its start a machine may be too busy to answer within the limit of a command. */
async function present(node: CampaignNode) {
  const until = performance.now() + settleMs;
  for (;;) {
    try {
      return await node.client().call("network", {});
    } catch (error) {
      if (!(error instanceof NodeError) || performance.now() > until) throw error;
    }
    await pause(500);
  }
}

function randomChange(node: CampaignNode, now: NetworkConfiguration, random: Random): [OperationName, Change] {
  for (;;) {
    const operation = random.pick(node.operations);
    const change = makeChange[operation](now, random, node.cards);
    if (change !== undefined) return [operation, change];
  }
}

/** What the agent said, or that it is not known whether the change began. */
function refusal(error: unknown): string {
  if (error instanceof NodeError) return error.code;
  throw error;
}

/** A person who answers as soon as the new network waits for it; whose connection may break at any moment. */
async function answer(node: CampaignNode, wish: "confirm" | "rollBack"): Promise<void> {
  for (;;) {
    try {
      const { transaction } = await node.client().call("network", {});
      if (transaction === null || hasEnded(transaction)) return;
      if (transaction.phase === "waiting") {
        const params = { id: transaction.id };
        await node.client().call(wish === "confirm" ? "keepNetwork" : "rollBackNetwork", { params });
        return;
      }
    } catch (error) {
      if (error instanceof NodeError) return;
      throw error;
    }
    await pause(50);
  }
}

/** The record of the change once it has ended; undefined when it never began. */
async function ended(
  node: CampaignNode,
  former: NetworkTransaction | null,
  mayNotHaveBegun: boolean,
): Promise<NetworkTransaction | undefined> {
  const until = performance.now() + 3 * settleMs;
  for (;;) {
    const transaction = await node
      .client()
      .call("network", {})
      .then((state) => state.transaction)
      .catch((error: unknown) => {
        if (error instanceof NodeError && performance.now() < until) return undefined;
        throw error;
      });
    if (transaction !== undefined && (transaction === null || hasEnded(transaction))) {
      if (transaction !== null && transaction.id !== former?.id) return transaction;
      if (mayNotHaveBegun) return undefined;
      throw new Error(`There is no record of the change; the last one is ${JSON.stringify(transaction)}`);
    }
    if (performance.now() > until) throw new Error(`The change does not end: ${JSON.stringify(transaction)}`);
    await pause(100);
  }
}

function outcomeOf({ phase, why, error }: NetworkTransaction): string {
  if (phase === "committed") return `kept: ${why}`;
  return `${phase === "rolledBack" ? "taken back" : phase}: ${why}${error === null ? "" : ` (${error.code})`}`;
}

type Expectation = {
  expected: NetworkConfiguration;
  old: NetworkConfiguration;
  change: Change;
  isKept: boolean;
  told: () => string;
  record: NetworkTransaction | undefined;
  outcome: string;
};

/** The node answers at the address that its record says, and is configured so. */
async function holds(node: CampaignNode, wanted: Expectation): Promise<void> {
  const { expected, isKept, change, record } = wanted;
  const address = addressOf(management(expected));
  const until = performance.now() + settleMs;
  let wrong: string | undefined;
  do {
    wrong = await wrongState(node, expected, address);
    if (wrong === undefined) break;
    await pause(300);
  } while (performance.now() < until);
  if (wrong === undefined && isKept && change.mustFail) wrong = "it was kept, and could not work";
  if (wrong === undefined && record !== undefined && record.why === null) wrong = "the record does not say why";
  if (wrong === undefined && record?.phase === "failed") wrong = "the record says that it failed";
  if (wrong === undefined) return;
  const { configuration } = await node.client().call("network", {});
  throw new Error(
    `${wrong}: ${wanted.told()}: ${wanted.outcome}\nrecord ${JSON.stringify(record)}\n` +
      `expected ${JSON.stringify(sorted(expected))}\nfound    ${JSON.stringify(sorted(configuration))}\n${await node.evidence()}`,
  );
}

async function wrongState(
  node: CampaignNode,
  expected: NetworkConfiguration,
  address: string,
): Promise<string | undefined> {
  try {
    const { configuration } = await node.client().call("network", {});
    if (!isDeepStrictEqual(sorted(configuration), sorted(expected))) return "it is configured otherwise";
  } catch (error) {
    if (error instanceof NodeError) return `its agent says ${error.code}: ${error.message}`;
    throw error;
  }
  if (!(await node.answers(address))) return `it does not answer at ${address}`;
  return wrongLinks(node, expected);
}

/** A bond, bridge or VLAN that is not there, or that nobody wants any more. */
async function wrongLinks(node: CampaignNode, { links }: NetworkConfiguration): Promise<string | undefined> {
  const made = links.filter(({ kind }) => kind !== "ethernet").map(({ name }) => name);
  const there = await node.links();
  const surplus = there.filter((name) => isMade(name) && !made.includes(name));
  const missing = made.filter((name) => !there.includes(name));
  if (surplus.length > 0) return `${surplus.join(", ")} is left over`;
  return missing.length > 0 ? `${missing.join(", ")} is not there` : undefined;
}

/** The order of links is that of the files, and means nothing. */
function sorted(configuration: NetworkConfiguration): NetworkConfiguration {
  return { ...configuration, links: configuration.links.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}
