import assert from "node:assert/strict";
import { test } from "node:test";
import { disksScreen } from "../../../tui/screens/disks.ts";
import { fullScreen } from "../../../tui/screens/full.ts";
import { interfacesScreen } from "../../../tui/screens/interfaces.ts";
import { machinesScreen } from "../../../tui/screens/machines.ts";
import { servicesScreen } from "../../../tui/screens/services.ts";
import { press } from "../widgets/support.ts";
import { bed, recordedFacts, styleOf } from "./support.ts";

const screens = {
  interfaces: interfacesScreen,
  disks: disksScreen,
  services: servicesScreen,
  machines: machinesScreen,
  full: fullScreen,
};
const machines = ["laptop-vm", "bonded-server", "storage-failing", "bare"];
const sizes = [
  [60, 20],
  [80, 24],
  [100, 37],
  [132, 43],
] as const;

for (const machine of machines) {
  test(`every screen of ${machine} draws at every size, in both languages, without a hole in its texts`, async () => {
    const recorded = await recordedFacts(machine);
    for (const language of ["en", "zh"] as const) {
      const { control, lines } = await bed({ ...recorded, language, rich: language === "zh" });
      for (const [name, make] of Object.entries(screens)) {
        const screen = make(control);
        for (const [width, height] of sizes) {
          const text = lines(screen, width, height).join("\n");
          assert.doesNotMatch(text, /undefined|null|NaN|\{\w+\}|\[object/, `${name} ${width}x${height} ${language}`);
        }
        for (let i = 0; i < 20; i++) {
          press(screen, "down");
          assert.doesNotMatch(lines(screen).join("\n"), /undefined|null|NaN|\{\w+\}/, `${name} ${language}`);
        }
      }
    }
  });
}

test("a fact that can't be had is a dash and its reason, in full", async () => {
  const { control, lines } = await bed(await recordedFacts("bare"));
  assert.equal(lines(interfacesScreen(control))[1], "  -  ip: not permitted");
  assert.equal(lines(servicesScreen(control))[1], "  -  systemd not running");
  assert.deepEqual(lines(disksScreen(control)).slice(1, 6), [
    "  FILE SYSTEMS",
    "  -  findmnt: no answer in time",
    "",
    "  -  failed: lsblk: failed to access sysfs directory: /sys/dev/block: No such",
    "     file or directory",
  ]);
});

test("old figures stay, and say how old they are and why", async () => {
  const { facts, now } = await recordedFacts("bonded-server");
  const { control, lines, change, frame, opened } = await bed({ facts, now });
  if (facts.network.state !== "value") throw new Error("the recording has a network");
  change({ network: { ...facts.network, state: "stale", at: now - 184_000, why: { code: "timeout", detail: "ip" } } });
  const screen = interfacesScreen(control);
  assert.equal(lines(screen)[1], "  3 m 4 s old: ip: no answer in time");
  assert.equal(styleOf(frame(screen, 80, 24), "3 m 4 s old"), "warn");
  assert.match(lines(screen).join("\n"), /bond0 +UP 1 of 2 legs/);
  press(screen, "enter");
  const full = opened.at(-1);
  assert.ok(full);
  assert.equal(lines(full)[1], "  3 m 4 s old: ip: no answer in time");
});

test("Enter shows everything of an item, live, until it is gone", async () => {
  const { facts, now } = await recordedFacts("bonded-server");
  const { control, lines, change, opened } = await bed({ facts, now });
  const screen = interfacesScreen(control);
  lines(screen);
  press(screen, "j", "j", "enter");
  const [one] = opened;
  assert.ok(one);
  assert.match(lines(one).join("\n"), /eno2 {2}physical interface[\s\S]*Burned-in {2}b0:26:28:aa:00:02\n/);
  if (facts.network.state !== "value") throw new Error("the recording has a network");
  const { value } = facts.network;
  change({ network: { ...facts.network, value: { ...value, links: value.links.filter((l) => l.name !== "eno2") } } });
  assert.match(lines(one).join("\n"), /It is no longer there\./);
});

test("the filter looks in columns that have no room too, and the selected item follows it", async () => {
  const { control, lines } = await bed(await recordedFacts("bonded-server"));
  const screen = interfacesScreen(control);
  assert.equal(screen.typing?.(), false);
  assert.doesNotMatch(lines(screen).join("\n"), /mlx5_core +1500/);
  press(screen, "/", "mlx5");
  assert.equal(screen.typing?.(), true);
  const text = lines(screen).join("\n");
  assert.match(text, /> ens1f0np0/);
  assert.doesNotMatch(text, /eno1/);
  assert.match(text, /\n {2}ens1f0np0 {3}physical interface\n/);
});

test("a column in which nothing stands takes no room", async () => {
  const { control, lines } = await bed(await recordedFacts("laptop-vm"));
  assert.match(lines(disksScreen(control)).join("\n"), /\n +DISK +HEALTH +SIZE +TYPE\n/);
});

test("details that the room is too small for are counted, not cut", async () => {
  const { control, lines } = await bed(await recordedFacts("bonded-server"));
  const screen = interfacesScreen(control);
  assert.match(lines(screen).join("\n"), /\n {2}3 more lines: Enter shows all\n/);
  assert.doesNotMatch(lines(screen, 100, 37).join("\n"), /more lines/);
});
