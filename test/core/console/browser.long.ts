import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ConsoleProxy } from "../../../core/console/proxy.ts";
import { LibvirtDriver } from "../../../core/hypervisor/libvirt.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { Browser, type BrowserPage, picture } from "../../support/browser.ts";
import { builtPages, testProxy } from "../../support/cloud/console.ts";
import { hostPassword } from "../../support/cloud/hosts.ts";
import { testCloud } from "../../support/cloud/manager.ts";
import { guestVolume } from "../../support/libvirt/guest.ts";
import { LibvirtHost } from "../../support/libvirt/host.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";
import { cloudBed, hostBed } from "../api/host/bed.ts";

const mebibyte = 1024 ** 2;

/** For people to look at, where they are asked for. */
async function keep(name: string, page: BrowserPage): Promise<void> {
  const folder = process.env["BINNACLE_TEST_PICTURES"];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.png`), await page.screenshot());
}

const linesOfTerminal = `document.querySelector(".xterm-rows").innerText`;

test("a guest of QEMU is used from a browser: its screen and its serial line are seen and typed at, until it stops", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const host = new LibvirtHost(join(folder.path, "host"), "kvm-1");
  undoAfter(t, () => host.cutPower());
  await host.start();
  const seen = (path: string) => host.seen(path);
  const driver = new LibvirtDriver({ machine: realMachine(), uri: host.uri, hasKvm: false, seen });
  let proxy: ConsoleProxy | undefined;
  const { call, done, hosts, cloud } = await testCloud(t, { findProxy: () => proxy?.place });
  await hosts.addReal("10.0.0.2", driver);
  // Consoles go over the channel itself; all else is asked of the driver.
  const node = await hostBed(t);
  node.node.work.openConsole = (uuid, kind, signal) => driver.openConsole(uuid, kind, signal);
  const manager = await cloudBed(t, { port: node.port });
  await manager.add(node);
  const bed = await testProxy(
    t,
    { cloud, hosts },
    {
      pages: await builtPages(),
      link: {
        openConsole: (_host, uuid, kind, signal) => manager.link.openConsole(node.host, uuid, kind, signal),
        ping: () => manager.link.ping(node.host),
      },
    },
  );
  proxy = bed.proxy;
  const zone = (await call("CreateZone", { name: "east" })).inventory;
  const cluster = (await call("CreateCluster", { name: "blue", zoneUuid: zone.uuid })).inventory;
  const url = join(folder.path, "storage");
  const storage = (await call("AddLocalPrimaryStorage", { name: "local", zoneUuid: zone.uuid, url })).inventory;
  await call("AttachPrimaryStorageToCluster", { uuid: storage.uuid, clusterUuid: cluster.uuid });
  const given = { name: "kvm-1", clusterUuid: cluster.uuid, managementIp: "10.0.0.2", password: hostPassword };
  assert.equal((await done("AddKVMHost", given)).state, "Succeeded");
  const size = { cpuNum: 1, memorySize: 128 * mebibyte, rootDiskSize: 64 * mebibyte };
  const made = await done("CreateVmInstance", { name: "web <1>", l3NetworkUuids: [], ...size });
  assert.equal(made.state, "Succeeded", JSON.stringify(made.error));
  const uuid = made.resourceUuid ?? "";
  assert.equal((await done("StopVmInstance", { uuid, type: "cold" })).state, "Succeeded");
  const [volume] = cloud.mirror.find("Volume", "vmInstanceUuid", uuid);
  const path = volume?.value.installPath ?? "";
  await guestVolume(path);
  assert.equal((await done("StartVmInstance", { uuid })).state, "Succeeded");

  const browser = new Browser();
  undoAfter(t, () => browser.close());
  const access = async (kind: "vnc" | "serial") =>
    (await call("RequestConsoleAccess", { vmInstanceUuid: uuid, kind })).inventory.url;
  const serial = await browser.open(await access("serial"));
  await serial.until(`${linesOfTerminal}.includes("GUEST READY")`, 300_000);
  assert.equal(await serial.value("document.title"), "web <1>");
  assert.equal(await serial.value("location.hash"), "");
  await serial.until(`${linesOfTerminal}.includes("/ #")`);
  await serial.type("echo $((6*7))-serial\n");
  await serial.until(`${linesOfTerminal}.includes("42-serial")`);

  const screen = await browser.open(await access("vnc"));
  await screen.until(`(${picture})?.colours > 1`);
  await keep("vnc-first", screen);
  const before = await screen.value<{ sum: number }>(picture);
  // What is typed at the screen is seen on the other console.
  await screen.type("echo from-the-screen >/dev/ttyS0\n");
  await serial.until(`${linesOfTerminal}.includes("from-the-screen")`);
  await screen.until(`(${picture}).sum !== ${before.sum}`);
  await keep("vnc", screen);
  await keep("serial", serial);

  // A page that is loaded anew comes back, and the serial line has what it has printed before.
  await serial.reload();
  await serial.until(
    `document.querySelector(".xterm-rows") !== null && ${linesOfTerminal}.includes("from-the-screen")`,
  );

  assert.equal((await done("StopVmInstance", { uuid, type: "cold" })).state, "Succeeded");
  for (const page of [screen, serial])
    await page.until(`document.getElementById("state").textContent.includes("does not run any more")`);
  assert.deepEqual(browser.complaints, []);
  assert.equal(proxy.count, 0);
});
