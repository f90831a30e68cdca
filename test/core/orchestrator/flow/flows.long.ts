import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { Flow, FlowEnv } from "../../../../core/orchestrator/flow/flow.ts";
import type { Tx } from "../../../../core/orchestrator/records.ts";
import { EtcdStore } from "../../../../core/store/etcd.ts";
import type { JsonObject } from "../../../../core/store/record.ts";
import { skipFor, whyNot } from "../../../support/bed-needs.ts";
import { EtcdCluster } from "../../store/etcd-cluster.ts";
import { type Manager, openManager, taskFields, taskOf, until } from "./bed.ts";

/* Two managers on a real etcd: one of them goes, in order or with its store, and the other one goes on. */

const why = await whyNot([]);

describe("flows of two managers on one etcd", { skip: skipFor(why) }, () => {
  let cluster: EtcdCluster;
  let prefixes = 0;
  const opened: { manager: Manager; store: EtcdStore }[] = [];
  before(async () => {
    assert.equal(why, undefined);
    cluster = await EtcdCluster.start();
  });
  after(() => cluster?.stop());
  afterEach(async () => {
    for (const { manager, store } of opened.splice(0)) {
      await manager.flows.close();
      await manager.mirror.close();
      await store.close();
    }
  });

  const open = async (prefix: string, flows: readonly Flow[]) => {
    const store = await EtcdStore.open({ endpoints: cluster.endpoints, indexes: {}, prefix, timeoutMs: 6000 });
    const manager = await openManager(store, flows, { leaseMs: 3000, limits: { stepGraceMs: 1000 } });
    opened.push({ manager, store });
    return { manager, store };
  };
  const begin = ({ records, flows }: Manager, flow: Flow, n: number) =>
    records.change((tx) => flows.start(tx, { flow, data: {}, task: taskFields(n) }));

  it("100 flows, begun by both, run their steps once each", async () => {
    const runs = new Map<string, number>();
    const step = (name: string) => ({
      name,
      title: name,
      run: async (_data: JsonObject, { commandId }: FlowEnv) => {
        runs.set(commandId, (runs.get(commandId) ?? 0) + 1);
        return { change: (tx: Tx) => tx.put("AddressUse", commandId, {}, true) };
      },
    });
    const flow: Flow = { name: "five", steps: ["a", "b", "c", "d", "e"].map(step) };
    const prefix = `/flows${prefixes++}/`;
    const { manager: one } = await open(prefix, [flow]);
    const { manager: two } = await open(prefix, [flow]);
    await Promise.all(Array.from({ length: 100 }, (_, n) => begin(n % 2 === 0 ? one : two, flow, n)));
    await until(one.mirror, () => one.mirror.count("Task") === 100 && one.mirror.count("Flow") === 0);
    assert.equal(runs.size, 500);
    assert.ok([...runs.values()].every((times) => times === 1));
    assert.equal(one.mirror.count("AddressUse"), 500);
  });

  it("when a manager's store is cut off, it stops its steps before the other one takes its flows over", async () => {
    const seen: string[] = [];
    const flow = (who: string): Flow => ({
      name: "long",
      steps: [
        {
          name: "s",
          title: "s",
          run: (_data, { signal, epoch }) => {
            seen.push(`${who} ${epoch}`);
            if (who === "two") return Promise.resolve(undefined);
            return new Promise((_resolve, reject) => {
              signal.addEventListener("abort", () => {
                seen.push(`${who} stops`);
                reject(signal.reason);
              });
            });
          },
        },
      ],
    });
    const prefix = `/flows${prefixes++}/`;
    const one = await open(prefix, [flow("one")]);
    const { manager: two } = await open(prefix, [flow("two")]);
    await begin(one.manager, flow("one"), 1);
    await until(one.manager.mirror, () => taskOf(one.manager.mirror, 1).state === "Running");
    // As when its process can't reach etcd any more: nobody renews the lease.
    await one.store.close();
    await until(two.mirror, () => two.mirror.get("Task", taskFields(1).uuid)?.value.state === "Succeeded");
    assert.equal(one.manager.flows.lost.aborted, true);
    assert.deepEqual(seen, ["one 1", "one stops", "two 2"]);
  });

  it("while etcd has no quorum nothing is lost, and the flows go on when it has one again", async () => {
    const gate = Promise.withResolvers<undefined>();
    const flow: Flow = {
      name: "outage",
      steps: [
        { name: "a", title: "a", run: () => gate.promise },
        { name: "b", title: "b", run: async () => undefined },
      ],
    };
    const prefix = `/flows${prefixes++}/`;
    const { manager: one } = await open(prefix, [flow]);
    await begin(one, flow, 1);
    await until(one.mirror, () => taskOf(one.mirror, 1).state === "Running");
    const probe = await EtcdStore.open({ endpoints: cluster.endpoints, indexes: {}, prefix, timeoutMs: 500 });
    await cluster.kill(1);
    await cluster.kill(2);
    gate.resolve(undefined);
    await assert.rejects(probe.transact([{ do: "put", kind: "AddressUse", key: "probe", value: {} }]));
    assert.equal(taskOf(one.mirror, 1).step, "a");
    cluster.run(1);
    cluster.run(2);
    await cluster.healthy();
    const { manager: two } = await open(prefix, [flow]);
    await until(two.mirror, () => two.mirror.get("Task", taskFields(1).uuid)?.value.state === "Succeeded");
    await probe.close();
  });
});
