import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { type Facts, missingFacts } from "../../../../core/model/facts.ts";
import { ProxyHandover } from "../../../../core/node/manager/proxy-handover.ts";
import { consoleProxyState, setConsoleProxy } from "../../../../core/node/service/console-proxy.ts";
import { Settings } from "../../../../core/node/settings.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { recordedFacts } from "../../../tui/screens/support.ts";
import { manager, type ServiceBed, serviceBed } from "./bed.ts";

let bed: ServiceBed;
let folder: ReturnType<typeof temporaryFolder>;
let facts: Facts;
beforeEach(async () => {
  bed = await serviceBed();
  folder = temporaryFolder();
  facts = (await recordedFacts("bonded-server")).facts;
});
afterEach(async () => {
  await bed.dispose();
  folder.dispose();
});

async function tools(world = bed.world) {
  const settings = await Settings.open({ home: folder.path });
  const { machine, manager } = world;
  const handover = new ProxyHandover({ machine, manager, settings, onTrouble: (what) => assert.fail(what) });
  return { world, settings, handover, facts: () => facts };
}

test("until something is set, the management address and port 4900 hold", async () => {
  assert.deepEqual(await consoleProxyState(await tools()), {
    isSet: false,
    address: "10.0.0.5",
    port: 4900,
    handedOver: true,
    unit: "running",
  });
  facts = missingFacts({ code: "pending", detail: "" }, 0);
  assert.equal((await consoleProxyState(await tools())).address, null);
});

test("what is set is kept over an agent's end, and nothing is restarted for it", async () => {
  await setConsoleProxy(await tools(), { address: "192.0.2.7", port: "5900" });
  assert.deepEqual(bed.commands, []);
  const { isSet, address, port } = await consoleProxyState(await tools());
  assert.deepEqual([isSet, address, port], [true, "192.0.2.7", 5900]);
});

test("the manager gets what is set, at once or when it answers, and what it has is what is shown", async () => {
  const all = await tools();
  await setConsoleProxy(all, { address: "192.0.2.7", port: "5900" });
  assert.deepEqual([...bed.state.settings.values()], ["192.0.2.7", "5900"]);
  // Somebody has set it through the API since.
  bed.state.settings.set("port", "6000");
  assert.equal((await consoleProxyState(all)).port, 6000);

  bed.units.set("binnacle-manager.service", "inactive");
  const { after } = await setConsoleProxy(all, { address: "192.0.2.8", port: "" });
  assert.deepEqual([after.handedOver, after.address], [false, "192.0.2.8"]);
  assert.equal(await all.handover.now(), false);
  bed.units.set("binnacle-manager.service", "active");
  assert.equal((await consoleProxyState(all)).address, "192.0.2.8");
  // Another agent by then.
  const later = await tools();
  assert.equal(await later.handover.now(), true);
  assert.equal(bed.state.settings.get("address"), "192.0.2.8");
  assert.equal((await consoleProxyState(later)).handedOver, true);

  // What an administrator sets afterwards stays: it is brought once, and once more after the store was emptied.
  bed.state.settings.set("address", "192.0.2.9");
  await later.handover.now();
  assert.equal(bed.state.settings.get("address"), "192.0.2.9");
  await later.handover.lost();
  await later.handover.now();
  assert.equal(bed.state.settings.get("address"), "192.0.2.8");
});

test("an empty one of the two stays as it is", async () => {
  await setConsoleProxy(await tools(), { address: "192.0.2.7", port: "" });
  assert.deepEqual((await tools()).settings.consoleProxy, { address: "192.0.2.7", port: 4900 });
  await setConsoleProxy(await tools(), { address: "", port: "5900" });
  assert.deepEqual((await tools()).settings.consoleProxy, { address: "192.0.2.7", port: 5900 });
});

test("a manager that is absent or stopped is not started by it", async () => {
  bed.units.set(manager, "inactive");
  assert.equal((await setConsoleProxy(await tools(), { address: "192.0.2.7", port: "" })).after.unit, "stopped");
  bed.units.delete(manager);
  assert.equal((await setConsoleProxy(await tools(), { address: "192.0.2.8", port: "" })).after.unit, "absent");
  bed.state.hasSystemd = false;
  assert.equal((await setConsoleProxy(await tools(), { address: "192.0.2.9", port: "" })).after.unit, "unknown");
  assert.deepEqual(bed.commands, []);
});

for (const [address, port, code] of [
  ["", "", "PROXY.EMPTY"],
  ["proxy.example", "4900", "PROXY.ADDRESS"],
  ["192.0.2.7", "80", "PROXY.PORT"],
] as const)
  test(`${code} is refused by the agent itself, and changes nothing`, async () => {
    await assert.rejects(setConsoleProxy(await tools(), { address, port }), { code });
    assert.equal((await tools()).settings.consoleProxy, null);
  });

test("a port alone is refused while no address is known", async () => {
  facts = missingFacts({ code: "pending", detail: "" }, 0);
  await assert.rejects(setConsoleProxy(await tools(), { address: "", port: "5900" }), { code: "PROXY.ADDRESS" });
});

test("only a management node has it, and a machine that is no node yet", async () => {
  for (const [role, code] of [
    ["compute", "PROXY.NOT_MANAGEMENT"],
    ["storage", "PROXY.NOT_MANAGEMENT"],
    [null, undefined],
  ] as const) {
    const other = await serviceBed({ role });
    const setting = setConsoleProxy(await tools(other.world), { address: "192.0.2.7", port: "" });
    if (code === undefined) await setting;
    else await assert.rejects(setting, { code });
    await other.dispose();
  }
});
