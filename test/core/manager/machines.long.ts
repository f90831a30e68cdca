import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { replay } from "../../scripts/cloud/transcript.ts";
import { emulator, root, skipFor, whyNot } from "../../support/bed-needs.ts";
import { Browser, picture } from "../../support/browser.ts";
import type { BedNode } from "../../support/cloud/namespaces.ts";
import { passwords, threeNodes } from "../../support/cloud/three-nodes.ts";
import { type GuestLine, guestImage, guestShell } from "../../support/libvirt/guest.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { until } from "../../support/spaces.ts";
import { undoAfter } from "../../support/undo.ts";
import type { Shell } from "../../support/vm/shell.ts";

/* The page of the machines' life, by the real programs on three nodes in namespaces: libvirt, QEMU, dnsmasq, a guest. */

/** What the page has for the fingerprint of every host. */
const shownFingerprint =
  "40:9A:3B:46:9D:FB:70:FD:E7:E4:C9:2A:6E:19:70:D3:F5:2F:F3:55:7C:5E:C2:CD:DC:7D:FF:96:62:63:EC:43";
const fingerprint = /(?:[\dA-F]{2}:){31}[\dA-F]{2}/g;

/** Of this computer, of its Debian, and of the time. */
const settled = [
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "2027-01-15 08:00:00"],
  [fingerprint, shownFingerprint],
  [/\b[\da-f]{64}\b/g, "9f2b5a61c04e7d38".repeat(4)],
  [/^(cpuCores +)\d+$/gm, "$132"],
  [/^(memoryTotal +)\S+$/gm, "$1125G"],
  [/^((?:total|available)(?:Physical)?Capacity +)(?!0B)\S+$/gm, "$1894G"],
  [
    /^(tags +)\S.*(\n {2,}\S.*)*$/gm,
    "$1cpu::model::AMD-EPYC,capability:liveSnapshot,\n                libvirt::version::11.3.0,os::distribution::debian,\n                os::version::13,qemu-img::version::10.0.7",
  ],
  [/(platform +Linux\nsize +)\S+(\nactualSize +)\S+/g, "$125M$225M"],
  [/(#|^token +)[\w-]{20,}/gm, "$1TOKEN"],
  [/(depth +1\nsize +)\S+/g, "$12824K"],
] as const;

test("a machine lives on two real hosts as its page shows it, from its image to its end", {
  skip: skipFor(await whyNot([root, emulator])),
}, async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const shared = join(folder.path, "shared");
  mkdirSync(shared);
  const { manager, hosts, cli, logs } = await threeNodes(t, shared);
  const image = manager.inside("/var/lib/guest.img");
  copyFileSync(await guestImage(), image);
  chmodSync(image, 0o644);
  const inGuest = guestOf(t, hosts);
  const inBrowser = await browserOf(t, manager);
  let told = shownFingerprint;
  let url = "";
  await replay(
    "core/hypervisor/README.md",
    async (words) => {
      if (words[0] === "guest#") return { stdout: `${await inGuest(words.slice(1).join(" "))}\n`, stderr: "" };
      if (words[0] === "browser#") return { stdout: `${await inBrowser(url, words.slice(1).join(" "))}\n`, stderr: "" };
      const printed = await manager.run(cli(...words.map((word) => word.replace(shownFingerprint, told))));
      told = printed.stdout.match(fingerprint)?.at(-1) ?? told;
      url = /\bhttps:\/\/\S+#\S+/.exec(printed.stdout)?.[0] ?? url;
      return printed;
    },
    (text) => settled.reduce((one, [pattern, by]) => one.replace(pattern, by), text),
  );
  for (const host of hosts) {
    assert.equal(host.must("virsh", "list", "--all", "--name").trim(), "");
    assert.equal(host.must("ip", "netns", "list").trim(), "");
    await until("the host's networks to go", () => !/br_eth1/.test(host.must("ip", "link")), 180_000);
  }
  for (const place of ["volumes", "imagecache"])
    await until(`${place} to be empty`, () => readdirSync(join(shared, place)).length === 0, 180_000);
  for (const log of logs()) for (const password of Object.values(passwords)) assert.ok(!log.includes(password), log);
});

/** Opens the page of a machine's screen in Chromium, types a command there, and waits until the picture changes. */
async function browserOf(t: TestContext, node: BedNode): Promise<(url: string, command: string) => Promise<string>> {
  const browser = new Browser(node.network);
  undoAfter(t, () => browser.close());
  await browser.ready();
  return async (url, command) => {
    const page = await browser.open(url);
    await page.until(`(${picture})?.colours > 1`);
    const before = await page.value<{ sum: number }>(picture);
    await page.type(`${command}\n`);
    await page.until(`(${picture}).sum !== ${before.sum}`);
    assert.deepEqual(browser.complaints, []);
    return `The page shows the screen of ${await page.value<string>("document.title")}, and what is typed there.`;
  };
}

/** Carries out commands in the guest of the one machine, wherever it runs. */
function guestOf(t: TestContext, hosts: readonly BedNode[]): (command: string) => Promise<string> {
  let guest: { uuid: string; host: BedNode; line: GuestLine; shell: Shell } | undefined;
  undoAfter(t, () => guest?.line.close());
  return async (command) => {
    const [place] = hosts.flatMap((host) => {
      const uuid = host.must("virsh", "list", "--uuid").trim().replaceAll("-", "");
      return uuid === "" ? [] : [{ uuid, host }];
    });
    assert.ok(place !== undefined, "no host runs a machine");
    if (guest?.host !== place.host || guest.line.isOver) {
      guest?.line.close();
      guest = { ...place, ...(await guestShell(place.host, place.uuid)) };
    }
    return guest.shell.run(command);
  };
}
