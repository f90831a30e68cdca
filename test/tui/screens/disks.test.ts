import assert from "node:assert/strict";
import { test } from "node:test";
import type { Disk, Filesystem } from "../../../core/model/facts.ts";
import { disksScreen } from "../../../tui/screens/disks.ts";
import { press } from "../widgets/support.ts";
import { bed, type Recorded, recordedFacts, styleOf } from "./support.ts";

function withDisks({ facts, now }: Recorded, change: (disk: Disk) => Disk): Recorded {
  if (facts.disks.state !== "value") throw new Error("the recording has disks");
  return { now, facts: { ...facts, disks: { ...facts.disks, value: facts.disks.value.map(change) } } };
}

function withFilesystems({ facts, now }: Recorded, change: (filesystem: Filesystem) => Filesystem): Recorded {
  if (facts.filesystems.state !== "value") throw new Error("the recording has file systems");
  const value = facts.filesystems.value.map(change);
  return { now, facts: { ...facts, filesystems: { ...facts.filesystems, value } } };
}

test("file systems say how full they are, how much is free, and where they are; a shared one is shown once", async () => {
  const { control, lines, frame } = await bed(await recordedFacts("storage-failing"));
  const screen = disksScreen(control);
  assert.deepEqual(lines(screen).slice(1, 6), [
    "  FILE SYSTEMS",
    "  install, logs  [#####...............] 22 %  169 G free of 219 G",
    "                  /   ext4 on /dev/md0".slice(1),
    "  data           [###################.] 95 %  894 G free of 21.8 T",
    "                 /var/lib/binnacle   ocfs2 on /dev/mapper/vg_data-vms",
  ]);
  assert.equal(styleOf(frame(screen, 80, 24), "894 G free"), "bad");
  assert.match(lines(screen, 132, 43).join("\n"), /894 G free of 21\.8 T +\/var\/lib\/binnacle {3}ocfs2 on /);
});

test("a file system that is read-only says so", async () => {
  const recorded = withFilesystems(await recordedFacts("bonded-server"), (f) => ({
    ...f,
    readOnly: f.purpose === "data",
  }));
  const { control, lines, frame } = await bed(recorded);
  const screen = disksScreen(control);
  assert.match(lines(screen).join("\n"), /88 G free of 90 G {3}READ-ONLY\n/);
  assert.equal(styleOf(frame(screen, 80, 24), "READ-ONLY"), "bad");
});

test("failing disks come first, then unknown ones, then those that are nearly worn out", async () => {
  const { control, lines, frame } = await bed(await recordedFacts("storage-failing"));
  const screen = disksScreen(control);
  const names = lines(screen, 100, 37)
    .map((line) => /^ {2}[> ] (sd\w|nvme\w+)/.exec(line)?.[1])
    .filter((name) => name !== undefined);
  assert.deepEqual(names, ["sde", "sdf", "nvme0n1", "sda", "sdb", "sdc", "sdd", "nvme1n1"]);
  assert.equal(styleOf(frame(screen, 100, 37), "97 %"), "bad");
});

test("the reason of a failing disk, its model and serial number are all in sight at 80x24", async () => {
  const { control, lines } = await bed(await recordedFacts("storage-failing"));
  const text = lines(disksScreen(control)).join("\n");
  assert.match(text, /FAILING: SMART status failed, Reallocated_Sector_Ct, 1832\n +reallocated sectors, 24 pending/);
  assert.match(text, /Model +ST8000NM000A-2KE101 +Serial +WSD00003\n/);
  assert.match(text, /Temperature +44 C +Reallocated +1832 sectors\n/);
});

test("reasons are in the language of the console, as far as it has words for them", async () => {
  const { control, lines } = await bed({ ...(await recordedFacts("storage-failing")), language: "zh" });
  assert.match(lines(disksScreen(control)).join("\n"), /SMART 自检未通过, Reallocated_Sector_Ct, 1832 个重映射扇区/);
});

test("what a disk does not tell is a dash with the reason, not a zero", async () => {
  const { control, lines, opened } = await bed(await recordedFacts("storage-failing"));
  const screen = disksScreen(control);
  lines(screen);
  press(screen, "j", "enter");
  const [sleeping] = opened;
  assert.ok(sleeping);
  const text = lines(sleeping).join("\n");
  assert.match(text, /Health +- {2}not known: asleep\n/);
  assert.match(text, /Temperature +- {2}asleep\n/);
  assert.match(text, /Powered on +- {2}asleep\n/);
  // A disk that turns has no endurance, so there is nothing that it could tell.
  assert.doesNotMatch(text, /Wear/);
});

test("a tool's word that nobody translated is shown as it is", async () => {
  const recorded = withDisks(await recordedFacts("bonded-server"), (d) =>
    d.name === "sda" ? { ...d, health: "unknown", healthWhy: "Unknown USB bridge [0x152d:0x0578]" } : d,
  );
  const { control, lines } = await bed(recorded);
  assert.match(lines(disksScreen(control)).join("\n"), /not known: Unknown USB bridge \[0x152d:0x0578\]\n/);
});
