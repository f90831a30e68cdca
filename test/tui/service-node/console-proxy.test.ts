import assert from "node:assert/strict";
import { afterEach, it } from "node:test";
import { closeConsoles } from "../../support/console.ts";
import { needsPrivateMounts } from "../../support/private-mounts.ts";
import { rootPassword, type ServiceNode, serviceNode } from "../../support/service-node/node.ts";
import { slowMs, startManager } from "../../support/service-node/steps.ts";
import { logIn, openItem, untilTitle } from "../../support/steps.ts";

/* Configure Console Proxy with real parts: see support/service-node. */

const needed = needsPrivateMounts();
const clearField = "\x15";

afterEach(closeConsoles);

/** Address and port as the manager has them. */
async function managers({ cloud }: ServiceNode): Promise<string> {
  const { inventories } = await cloud.call("QueryGlobalConfig", { q: ["category=consoleProxy"] });
  return inventories
    .map(({ name, value }) => `${String(name)}=${String(value)}`)
    .sort()
    .join(" ");
}

it(
  "the console proxy's address is the manager's at once where it runs, else when it has been started",
  needed,
  async (t) => {
    const node = await serviceNode(t);
    await startManager(node);
    assert.equal(await managers(node), "address=auto port=4900");
    const console = await node.console();
    await logIn(console, { password: rootPassword });
    const set = async (address: string, port: string, outcome: string) => {
      await openItem(console, "consoleProxy");
      await console.until("Proxy address");
      console.type(`${clearField}${address}\t${clearField}${port}\t\r`);
      await console.until(/Set the console proxy to/);
      console.type("y");
      await console.until(outcome, slowMs);
      await untilTitle(console, "System Configuration");
    };
    await set("192.0.2.7", "5900", "Set; the proxy runs with it.");
    assert.equal(await managers(node), "address=192.0.2.7 port=5900");

    await node.run("systemctl", "stop", "--", "binnacle-manager.service");
    await set("192.0.2.8", "5901", "it gets them when it has been");
    await openItem(console, "consoleProxy");
    await console.until("The manager has not got them yet");
    console.press("esc");
    // The agent that has to bring it is another one by then.
    await node.killAgent();
    await node.startAgent();
    await startManager(node);
    const agent = await node.agent();
    while (!(await agent.call("consoleProxy", {})).handedOver) await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(await managers(node), "address=192.0.2.8 port=5901");
  },
);
