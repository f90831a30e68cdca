import assert from "node:assert/strict";
import { afterEach, it } from "node:test";
import { closeConsoles } from "../../support/console.ts";
import { needsPrivateMounts } from "../../support/private-mounts.ts";
import { findSecret } from "../../support/secret-search.ts";
import { adminPassword, rootPassword, serviceNode } from "../../support/service-node/node.ts";
import {
  addHost,
  hostAgent,
  hostPassword,
  logInCode,
  makeCluster,
  slowMs,
  startManager,
} from "../../support/service-node/steps.ts";
import { logIn, openItem, selectLine, untilTitle } from "../../support/steps.ts";

/* Change Passwords of a management node beside root's, with real parts: see support/service-node. */

const next = "plAnted-next-5 \u00df\u5bc6";
const wrong = "plAnted-wrong-6";
const clearField = "\x15";

afterEach(closeConsoles);

const needed = needsPrivateMounts();

it(
  "Change Passwords on a management node sets the cloud's admin with root's password alone, ends its sessions, and leaves no secret anywhere",
  needed,
  async (t) => {
    const node = await serviceNode(t);
    await startManager(node);
    const { cloud } = node;
    const { session } = await cloud.call("LogInByAccount", { accountName: "admin", password: adminPassword });
    const console = await node.console();
    await logIn(console, { password: rootPassword });
    await openItem(console, "passwords");
    await console.until(/Store administrator +nothing to change: embedded store/);
    await console.until(/Cloud administrator +the account admin/);
    await selectLine(console, "Cloud administrator");
    console.press("enter");
    await console.until("Password of root");
    console.type(`${wrong}\t${next}\t${next}\t\t\r`);
    await console.until(/All its sessions\s+end/);
    console.type("y");
    await console.until("Wrong password.");
    assert.equal(await logInCode(node, adminPassword), undefined);

    // It may be kept by whoever gets it, unless that is switched off.
    console.type(`${clearField}${rootPassword}\t\t\t \t\r`);
    await console.until(/All its sessions\s+end/);
    console.type("y");
    await console.until("The password is changed.", slowMs);
    assert.equal(await logInCode(node, adminPassword), "IDENTITY.1002");
    const { session: later } = await cloud.call("LogInByAccount", { accountName: "admin", password: next });
    assert.equal(later.mustChangePassword, true);
    const { inventories } = await cloud.call("QuerySession", {});
    assert.ok(!inventories.some(({ uuid }) => uuid === session.uuid), "the former session has ended");

    const agent = await node.agent();
    const { entries } = await agent.call("audit", { query: {} });
    assert.deepEqual(
      entries.filter(({ action }) => action === "password.cloudAdmin").map(({ result }) => result),
      ["ok", "refused"],
    );
    const secrets = [next, wrong, rootPassword];
    const traces = [...node.traces(), { file: "the screen", text: Buffer.from(console.raw(), "latin1").toString() }];
    assert.ok(traces.some(({ file }) => file.endsWith("store.db") || file.endsWith("store.db-wal")));
    for (const { file, text } of traces) assert.equal(findSecret(text, secrets), undefined, file);
  },
);

it(
  "Change Passwords on a management node of the cloud asks for a manager that runs; a refused password says why",
  needed,
  async (t) => {
    const node = await serviceNode(t);
    const console = await node.console();
    await logIn(console, { password: rootPassword });
    await openItem(console, "passwords");
    await console.until(/Cloud administrator +the manager does not run/);
    await selectLine(console, "Cloud administrator");
    console.press("enter");
    await console.until(/Start\s+the ZStack service first/);
    console.press("enter");
    await selectLine(console, "Store administrator");
    console.press("enter");
    await console.until(/no\s+accounts\s+and\s+no\s+password/);
    const agent = await node.agent();
    const change = (body: { root: string; new: string }) => agent.call("changeCloudPassword", { body });
    await assert.rejects(change({ root: rootPassword, new: next }), { code: "PASSWORDS.MANAGER_STOPPED" });
    await startManager(node);
    await assert.rejects(change({ root: rootPassword, new: "short" }), { code: "PASSWORD.TOO_SHORT" });
    await assert.rejects(change({ root: wrong, new: next }), { code: "AUTH.WRONG_PASSWORD" });
    assert.equal(await logInCode(node, adminPassword), undefined);
  },
);

it(
  "Change Passwords on a management node renews the agent channel of every host, and says which one was not reached",
  needed,
  async (t) => {
    const node = await serviceNode(t);
    await startManager(node);
    const clusterUuid = await makeCluster(node);
    await hostAgent(t, node, "10.64.0.2");
    const second = await hostAgent(t, node, "10.64.0.3");
    await addHost(node, clusterUuid, "kvm-1", "10.64.0.2");
    await addHost(node, clusterUuid, "kvm-2", "10.64.0.3");
    const console = await node.console();
    await logIn(console, { password: rootPassword });
    const renew = async () => {
      await openItem(console, "passwords");
      await console.until(/Agent channel +keys between/);
      await selectLine(console, "Agent channel");
      console.press("enter");
      await console.until("all 2 hosts");
      console.type(`${rootPassword}\t\r`);
      await console.until(/Make new keys/);
      console.type("y");
    };
    await renew();
    await console.until(/kvm-1 \(10\.64\.0\.2\): renewed/, slowMs);
    await console.until(/kvm-2 \(10\.64\.0\.3\): renewed/, slowMs);
    await console.until(/renew agent channel hosts +done/, slowMs);
    console.press("esc");
    await untilTitle(console, "Change Passwords");
    console.press("esc");

    await second.kill();
    await renew();
    await console.until(/kvm-2 \(10\.64\.0\.3\): NOT RENEWED/, slowMs);
    await console.until("1 of 2 hosts have no new certificate: kvm-2", slowMs);
    // The one that was renewed twice is still spoken to.
    const { inventories } = await node.cloud.call("QueryHost", { q: ["name=kvm-1"] });
    const { task } = await node.cloud.call("ReconnectHost", { uuid: String(inventories[0]?.["uuid"]) });
    assert.equal((await node.cloud.follow(task.uuid)).state, "Succeeded");
    for (const { file, text } of node.traces())
      assert.equal(findSecret(text, [rootPassword, hostPassword]), undefined, file);
  },
);
