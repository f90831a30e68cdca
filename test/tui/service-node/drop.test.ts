import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, it } from "node:test";
import type { Client } from "../../../core/api/client.ts";
import { closeConsoles } from "../../support/console.ts";
import { needsPrivateMounts } from "../../support/private-mounts.ts";
import { findSecret } from "../../support/secret-search.ts";
import { adminPassword, rootPassword, serviceNode } from "../../support/service-node/node.ts";
import {
  addHost,
  hostAgent,
  logInCode,
  makeCluster,
  namesOf,
  slowMs,
  startManager,
} from "../../support/service-node/steps.ts";
import { logIn, openItem, selectLine, untilHome, untilTitle } from "../../support/steps.ts";

/* Reset ZStack Service & Drop Database with real parts: see support/service-node. */

const phrase = "reset zstack drop database";
const title = "Reset & Drop Database";
const other = "plAnted-other-7 mast";

afterEach(closeConsoles);

const needed = needsPrivateMounts();

it(
  "dropping the database says what is lost, keeps the former store, and leaves an empty cloud to which hosts can be added anew",
  needed,
  async (t) => {
    const node = await serviceNode(t);
    await startManager(node);
    const clusterUuid = await makeCluster(node);
    await hostAgent(t, node, "10.64.0.2");
    await addHost(node, clusterUuid, "kvm-1", "10.64.0.2");
    await node.cloud.call("ResetAccountPassword", { newPassword: other });
    const agent = await node.agent();
    await agent.call("setConsoleProxy", { body: { address: "192.0.2.7", port: "5900" } });
    const console = await node.console();
    await logIn(console, { password: rootPassword });
    await openItem(console, "resetDrop", title);
    await console.until(/EXTREMELY DANGEROUS[\s\S]*hosts: 1\. The cloud forgets them/, slowMs);
    await console.until(/all that the cloud knows/);
    for (const wrong of ["reset zstack", "RESET ZSTACK DROP DATABASE", "reset zstack drop databas"]) {
      console.type(`\x15${wrong}\r`);
      await console.until("That is not");
    }
    assert.deepEqual(node.systemd.done, ["start"]);
    console.type(`\x15${phrase}\r`);
    await console.until("runs and answers", slowMs);
    assert.deepEqual(node.systemd.done, ["start", "stop", "reset", "start"]);

    assert.deepEqual(await namesOf(node, "QueryZone"), []);
    assert.equal(await logInCode(node, other), "IDENTITY.1002");
    assert.equal(await logInCode(node, adminPassword), undefined);
    const kept = node.path("/var/lib/binnacle/kept-stores");
    const [folder = ""] = readdirSync(kept);
    assert.ok(readdirSync(join(kept, folder)).includes("store.db"));
    // What the agent keeps for the manager reaches the new one, too.
    while ((await agent.call("consoleProxy", {})).handedOver === false);
    const { inventories } = await node.cloud.call("QueryGlobalConfig", { q: ["category=consoleProxy"] });
    assert.deepEqual(inventories.map(({ value }) => value).sort(), ["192.0.2.7", "5900"]);
    await addHost(node, await makeCluster(node), "kvm-1", "10.64.0.2");
    assert.deepEqual(await namesOf(node, "QueryHost"), ["kvm-1"]);
    for (const { file, text } of node.traces()) assert.equal(findSecret(text, [other, rootPassword]), undefined, file);
  },
);

it("dropping the database does nothing to the store when the service does not stop", needed, async (t) => {
  const node = await serviceNode(t);
  await startManager(node);
  await makeCluster(node);
  const agent = await node.agent();
  node.systemd.before.set("stop", async () => ({ code: 1, stderr: "Job canceled.\n" }));
  const id = await begin(agent, { told: { hosts: 0, machines: 0, tasks: 0 } });
  assert.equal((await end(agent, id)).error?.code, "SERVICE.NOT_STOPPED");
  // systemd says that it is stopped, and it is not: the store is locked.
  node.systemd.before.set("stop", async () => {
    node.systemd.pretend("inactive");
    return { code: 0 };
  });
  const second = await begin(agent, {});
  assert.equal((await end(agent, second)).error?.code, "SERVICE.STORE_IN_USE");
  node.systemd.pretend("active");
  assert.deepEqual(await namesOf(node, "QueryZone"), ["zone-1"]);
  assert.ok(!existsSync(node.path("/var/lib/binnacle/kept-stores")));
});

it(
  "dropping the database loses nothing when the agent is killed before it, and goes on from an empty store when after it",
  needed,
  async (t) => {
    const node = await serviceNode(t);
    await startManager(node);
    await makeCluster(node);
    const kill = async () => {
      await node.killAgent();
      return undefined;
    };
    node.systemd.after.set("stop", kill);
    await begin(await node.agent(), {});
    await untilGone(node);
    await node.startAgent();
    let agent = await node.agent();
    const [cut] = await agent.call("jobs", {});
    assert.deepEqual([cut?.kind, cut?.state], ["service.resetDrop", "interrupted"]);
    const { id } = await agent.call("startServiceJob", {
      body: { action: "start", phrase: "start zstack", accepts: {} },
    });
    assert.equal((await end(agent, id)).state, "done");
    assert.deepEqual(await namesOf(node, "QueryZone"), ["zone-1"]);

    node.systemd.before.set("reset", async () => {
      await kill();
      return { code: 1 };
    });
    await begin(agent, {});
    await untilGone(node);
    await node.startAgent();
    agent = await node.agent();
    const reset = await agent.call("startServiceJob", {
      body: { action: "reset", phrase: "reset zstack", accepts: {} },
    });
    assert.equal((await end(agent, reset.id)).state, "done");
    assert.deepEqual(await namesOf(node, "QueryZone"), []);
    assert.equal(readdirSync(node.path("/var/lib/binnacle/kept-stores")).length, 1);
  },
);

it(
  "dropping the database without room for the former store asks once more, in Chinese too, and N leaves all as it was",
  needed,
  async (t) => {
    const node = await serviceNode(t);
    await startManager(node);
    await makeCluster(node);
    const kept = "/var/lib/binnacle/kept-stores";
    await node.run("mkdir", kept);
    await node.run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", kept);
    const agent = await node.agent();
    await node.setLanguage("pts/0", "zh");
    const console = await node.console({ name: "pts/0" });
    await untilHome(console);
    console.press("f2");
    await untilTitle(console, "密码");
    console.type(`${rootPassword}\r`);
    await untilTitle(console, "系统配置");
    await selectLine(console, "重置 ZStack 服务并清空数据库");
    console.press("enter");
    await console.until("没有空间保留原数据库", slowMs);
    console.type("reset zstack\r");
    await console.until("输入的不是");
    console.type(`\x15${phrase}\r`);
    await console.until(/将被永久删除且没有\s*副本/);
    console.type("n");
    await console.until((text) => !text.includes("将被永久删除且没有"));
    assert.deepEqual(node.systemd.done, ["start"]);
    await assert.rejects(begin(agent, {}), { code: "SERVICE.NO_ROOM" });
    console.type(`${phrase}\r`);
    await console.until(/将被永久删除且没有\s*副本/);
    console.type("y");
    await console.until("Nothing of it is kept", slowMs);
    await console.until("runs and answers", slowMs);
    assert.deepEqual(await namesOf(node, "QueryZone"), []);
  },
);

type Accepts = { told?: { hosts: number; machines: number; tasks: number } };

async function begin(agent: Client, accepts: Accepts): Promise<string> {
  const body = { action: "resetDrop", phrase, accepts } as const;
  return (await agent.call("startServiceJob", { body })).id;
}

async function end(agent: Client, id: string) {
  for (;;) {
    const job = await agent.call("job", { params: { id } });
    if (job.state !== "running") return job;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function untilGone({ agentGone }: { agentGone(): Promise<void> }): Promise<void> {
  await agentGone();
}
