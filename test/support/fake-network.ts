import type { NetworkState } from "../../core/api/contract.ts";
import { NodeError } from "../../core/model/error.ts";
import {
  type LinkSettings,
  type NetworkConfiguration,
  noIpv4,
  noIpv6,
} from "../../core/model/network/configuration.ts";
import { networkChanges } from "../../core/model/network/difference.ts";
import { operate } from "../../core/model/network/operate.ts";
import type { NetworkOperation } from "../../core/model/network/operation.ts";
import { networkProblems } from "../../core/model/network/problems.ts";
import {
  hasEnded,
  type NetworkPlan,
  type NetworkTransaction,
  type SavedConfiguration,
} from "../../core/model/network/transaction.ts";

/** The network of the recorded machine `bonded-server`, as a person would have configured it. */
export function serverNetwork(): NetworkConfiguration {
  const none = { mtu: null, ipv4: noIpv4, ipv6: noIpv6 };
  const fixed = (address: string, gateway: string | null = null): LinkSettings["ipv4"] => ({
    method: "static",
    addresses: [{ address, prefix: 24 }],
    gateway,
    routes: [],
    nameServers: gateway === null ? [] : ["10.0.0.2", "10.0.0.3"],
  });
  const options = { miimon: "100", xmit_hash_policy: "layer2+3" };
  return {
    hostname: "mgmt01",
    timeServers: ["ntp1.example.com"],
    managementLink: "br_bond0",
    links: [
      { kind: "bond", name: "bond0", ...none, bond: { mode: "802.3ad", options, legs: ["eno1", "eno2"] } },
      {
        kind: "bridge",
        name: "br_bond0",
        ...none,
        ipv4: fixed("10.0.0.5", "10.0.0.1"),
        bridge: { ports: ["bond0"], stp: false },
      },
      { kind: "ethernet", name: "eno3", ...none, ipv4: fixed("172.16.0.5") },
      { kind: "vlan", name: "bond0.100", ...none, ipv4: fixed("10.0.100.5"), vlan: { parent: "bond0", id: 100 } },
    ],
  };
}

/** The same with a further address and a route on the storage network's interface. */
export function networkWithRoute(): NetworkConfiguration {
  const { links, ...node } = serverNetwork();
  const more = ({ ipv4 }: LinkSettings): LinkSettings["ipv4"] => ({
    ...ipv4,
    addresses: [...ipv4.addresses, { address: "172.16.9.5", prefix: 24 }],
    routes: [{ to: "10.9.0.0/16", via: "172.16.0.9", metric: null }],
  });
  return { ...node, links: links.map((link) => (link.name === "eno3" ? { ...link, ipv4: more(link) } : link)) };
}

/** A plan that changes the address of the management network, and what that cuts off. */
export function addressPlan(): NetworkPlan {
  return {
    problems: [
      {
        code: "NET.NO_NAME_SERVER",
        field: "links.br_bond0.ipv4.nameServers",
        severity: "warning",
        description: "There is no name server.",
        remedy: "Give one.",
        values: {},
      },
    ],
    changes: [
      { link: "br_bond0", what: "address", key: "", before: "10.0.0.5/24", after: "10.0.0.6/24" },
      { link: "br_bond0", what: "gateway", key: "", before: "10.0.0.1", after: "10.0.0.254" },
      { link: "br_bond0", what: "nameServers", key: "", before: "10.0.0.2 10.0.0.3", after: null },
    ],
    cutsOff: [{ what: "managementAddress", detail: "10.0.0.5 -> 10.0.0.6" }],
    configuration: serverNetwork(),
  };
}

/** What an agent says of its network, from a script: tests set the plan, and push the transaction on by `tell`. */
export class FakeNetwork {
  configuration = serverNetwork();
  /** What is told of every draft; `reckoned`: what the agent would tell. */
  plan: NetworkPlan | NodeError | "reckoned" = addressPlan();
  history: SavedConfiguration[] = [];
  others: NetworkState["others"] = [];
  transaction: NetworkTransaction | null = null;
  /** Every call that came, in order. */
  readonly calls: { name: string; request: unknown; console: string }[] = [];
  readonly #listeners = new Set<(transaction: NetworkTransaction | null) => void>();

  /** The answer to a call; undefined for one that is not of the network. What it throws is the refusal. */
  answer(name: string, request: unknown, console = "tty1"): unknown {
    this.calls.push({ name, request, console });
    switch (name) {
      case "network":
        return { configuration: this.configuration, others: this.others, transaction: this.transaction };
      case "planNetwork":
        return this.#planOf(request);
      case "networkHistory":
        return this.history;
      case "blinkLink":
        return {};
      case "changeNetwork":
        return this.#begin(request, console);
      case "networkChange":
        if (this.transaction === null) throw new NodeError("NET.CHANGE_UNKNOWN", "There is no such change.");
        return this.transaction;
      case "keepNetwork":
        if (this.transaction?.phase !== "waiting")
          throw new NodeError("NET.NOT_WAITING", "The change does not wait to be kept.");
        return this.tell({ phase: "committed", why: "confirmed", remainingMs: null, endedAt: 1 });
      case "rollBackNetwork":
        return this.tell({ phase: "rolledBack", why: "asked", remainingMs: null, endedAt: 1 });
      default:
        return undefined;
    }
  }

  /** The transaction goes on; whoever listens hears of it. */
  tell(change: Partial<NetworkTransaction>): NetworkTransaction {
    if (this.transaction === null) throw new Error("no change goes on");
    this.transaction = { ...this.transaction, ...change };
    this.#publish();
    return this.transaction;
  }

  /** As after a restart of an agent that knows of no change. */
  forget(): void {
    this.transaction = null;
    this.#publish();
  }

  listen(listener: (transaction: NetworkTransaction | null) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #planOf(request: unknown): NetworkPlan {
    if (this.plan instanceof NodeError) throw this.plan;
    if (this.plan !== "reckoned") return this.plan;
    const { operations } = (request as { body: { operations: NetworkOperation[] } }).body;
    const configuration = operate(this.configuration, operations, () => undefined);
    return {
      configuration,
      problems: networkProblems(configuration, null, this.configuration),
      changes: networkChanges(this.configuration, configuration),
      cutsOff: [],
    };
  }

  #begin(request: unknown, console: string): NetworkTransaction {
    if (this.transaction !== null && !hasEnded(this.transaction))
      throw new NodeError("NET.BUSY", "The network is being changed already.");
    this.transaction = {
      id: "change-1",
      console,
      phase: "saving",
      startedAt: Date.UTC(2026, 10, 21, 14, 3, 7),
      endedAt: null,
      remainingMs: null,
      changes: this.plan instanceof NodeError ? [] : this.#planOf(request).changes,
      probes: [],
      why: null,
      error: null,
    };
    this.#publish();
    return this.transaction;
  }

  #publish(): void {
    for (const listener of this.#listeners) listener(this.transaction);
  }
}

/** What the probes of a change have found so far. */
export const probes: NetworkTransaction["probes"] = [
  {
    kind: "carrier",
    link: "eno1",
    outcome: "passed",
    code: "CARRIER.OK",
    description: "eno1 has a carrier.",
    values: { link: "eno1" },
  },
  {
    kind: "carrier",
    link: "eno2",
    outcome: "warning",
    code: "CARRIER.NONE",
    description: "eno2 has no carrier: check the cable and the switch's port.",
    values: { link: "eno2" },
  },
  {
    kind: "gateway",
    link: "br_bond0",
    outcome: "failed",
    code: "GATEWAY.SILENT",
    description: "The gateway 10.0.0.254 does not answer on br_bond0.",
    values: { link: "br_bond0", target: "10.0.0.254" },
  },
];

/** Two configurations that were in force. */
export function savedConfigurations(): SavedConfiguration[] {
  return [
    {
      id: "second",
      at: Date.UTC(2026, 10, 20, 9, 0),
      console: "ttyS0",
      changes: [
        { link: "eno3", what: "address", key: "", before: "172.16.0.4/24", after: "172.16.0.5/24" },
        { link: "", what: "hostname", key: "", before: "node1", after: "mgmt01" },
      ],
      configuration: serverNetwork(),
    },
    {
      id: "first",
      at: Date.UTC(2026, 10, 19, 17, 30),
      console: "root",
      changes: [{ link: "bond0.100", what: "link", key: "", before: null, after: "vlan" }],
      configuration: serverNetwork(),
    },
  ];
}
