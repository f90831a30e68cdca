import assert from "node:assert/strict";
import { afterEach, it } from "node:test";
import { closeConsoles } from "../../support/console.ts";
import { needsPrivateMounts } from "../../support/private-mounts.ts";
import { rootPassword, serviceNode } from "../../support/service-node/node.ts";
import {
  addHost,
  hostAgent,
  makeCluster,
  namesOf,
  slowMs,
  startManager,
  typePhrase,
} from "../../support/service-node/steps.ts";
import { logIn, openItem, selectLine, untilTitle } from "../../support/steps.ts";

/* The ZStack service from the console: the real console, agent and manager; only systemd is played. */

afterEach(closeConsoles);

const needed = needsPrivateMounts();

it("the ZStack service is started, restarted and stopped by its phrases, and by nothing else", needed, async (t) => {
  const node = await serviceNode(t);
  const console = await node.console();
  await logIn(console, { password: rootPassword });
  for (const [line, phrase, wrong, outcome, verb] of [
    ["Start", "start zstack", ["START ZSTACK", "start zstak", "stop zstack"], "runs and answers", "start"],
    ["Restart", "restart zstack", ["start zstack", "restart  zstack"], "runs and answers", "restart"],
    ["Stop", "stop zstack", ["stop zstack ", "Stop zstack"], "The ZStack service is stopped", "stop"],
  ] as const) {
    await openItem(console, "service", "ZStack Service");
    await console.until(/binnacle-manager +(in)?active/);
    await selectLine(console, line);
    console.press("enter");
    await console.until(/given up after/, slowMs);
    for (const typed of wrong) {
      const before = node.systemd.done.length;
      console.type(`\x15${typed}\r`);
      await console.until(`That is not "${phrase}"`.slice(0, 11));
      assert.equal(node.systemd.done.length, before, typed);
    }
    console.type("\x15");
    await typePhrase(console, phrase, outcome);
    assert.equal(node.systemd.done.at(-1), verb);
    await untilConfiguration(console);
  }
  assert.equal(node.systemd.active, "inactive");
});

it(
  "the ZStack service says what of the cloud it hits; a task that began since is told before anything is done",
  needed,
  async (t) => {
    const node = await serviceNode(t);
    await startManager(node);
    const clusterUuid = await makeCluster(node);
    await hostAgent(t, node, "10.64.0.2");
    await addHost(node, clusterUuid, "kvm-1", "10.64.0.2");
    const console = await node.console();
    await logIn(console, { password: rootPassword });
    await openItem(console, "service", "ZStack Service");
    await selectLine(console, "Stop");
    console.press("enter");
    await console.until(/hosts: 1, 1 connected[\s\S]*tasks of the cloud: none runs/, slowMs);

    // A host whose agent stands still: adding it takes a while.
    const silent = await hostAgent(t, node, "10.64.0.3");
    process.kill(silent.pid, "SIGSTOP");
    const slow = { name: "kvm-2", clusterUuid, managementIp: "10.64.0.3", password: "plAnted-other-4" };
    await node.cloud.call("AddKVMHost", slow);
    console.type("stop zstack\r");
    await console.until("More would be hit by now", slowMs);
    await console.until(/TASKS THAT RUN: 1 \(Add host "?kvm-2/, slowMs);
    assert.deepEqual(node.systemd.done, ["start"]);

    await typePhrase(console, "stop zstack", "The ZStack service is stopped");
    assert.equal(node.systemd.active, "inactive");
  },
);

it(
  "the ZStack service that was killed is seen as failed, and started anew; one that dies at its start tells its last lines",
  needed,
  async (t) => {
    const node = await serviceNode(t);
    await startManager(node);
    await makeCluster(node);
    const console = await node.console();
    await logIn(console, { password: rootPassword });
    await openItem(console, "service", "ZStack Service");
    await selectLine(console, "Restart");
    console.press("enter");
    await console.until(/given up after/, slowMs);
    // Between what was shown and the phrase.
    await node.systemd.killManager();
    await typePhrase(console, "restart zstack", "runs and answers");
    assert.deepEqual(await namesOf(node, "QueryCluster"), ["cluster-1"]);
    await untilConfiguration(console);

    await node.run("sh", "-c", "echo 'api.port=no port' >>/etc/binnacle/manager.conf");
    await openItem(console, "service", "ZStack Service");
    await selectLine(console, "Restart");
    console.press("enter");
    await typePhrase(console, "restart zstack", /Its last lines:[\s\S]*api\.port/);
    await console.until("The service did not start");
  },
);

it(
  "the ZStack service is interrupted when the agent is killed while it restarts; the next agent says so, and starts it",
  needed,
  async (t) => {
    const node = await serviceNode(t);
    await startManager(node);
    await makeCluster(node);
    const console = await node.console();
    await logIn(console, { password: rootPassword });
    await openItem(console, "reset");
    await console.until(/given up after/, slowMs);
    node.systemd.after.set("stop", async () => {
      await node.killAgent();
      return undefined;
    });
    console.type("reset zstack\r");
    await node.agentGone();
    await node.startAgent();
    const agent = await node.agent();
    const [job] = await agent.call("jobs", {});
    assert.deepEqual([job?.kind, job?.state], ["service.reset", "interrupted"]);
    assert.equal(node.systemd.active, "inactive");
    const accepts = {};
    const again = await agent.call("startServiceJob", { body: { action: "reset", phrase: "reset zstack", accepts } });
    await ended(agent, again.id);
    assert.deepEqual(await namesOf(node, "QueryCluster"), ["cluster-1"]);
  },
);

async function untilConfiguration(console: Parameters<typeof untilTitle>[0]): Promise<void> {
  console.press("esc");
  await untilTitle(console, "ZStack Service");
  console.press("esc");
  await untilTitle(console, "System Configuration");
}

async function ended(agent: Awaited<ReturnType<Awaited<ReturnType<typeof serviceNode>>["agent"]>>, id: string) {
  for (;;) {
    const job = await agent.call("job", { params: { id } });
    if (job.state !== "running") {
      assert.equal(job.state, "done", JSON.stringify(job.error));
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
