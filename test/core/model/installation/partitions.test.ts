import assert from "node:assert/strict";
import { test } from "node:test";
import { gptEntries, planPartitions, smallestDiskBytes } from "../../../../core/model/installation/partitions.ts";

const mib = 1024 ** 2;
const gib = 1024 * mib;
const disk = (sizeBytes: number, sectorBytes = 512) => ({ name: "sda", sizeBytes, sectorBytes });
const shape = (sizeBytes: number, firmware: "uefi" | "bios") =>
  Object.fromEntries(
    planPartitions(disk(sizeBytes), firmware, null).plan.map((part) => [part.purpose, part.sizeBytes]),
  );

test("a disk of 300 GB gets the sizes of the specification, in UEFI and legacy", () => {
  const { root, ...uefi } = shape(300e9, "uefi");
  assert.deepEqual(uefi, { efi: 500 * mib, boot: gib, swap: 32 * gib });
  assert.ok((root ?? 0) > 240 * gib);
  const { root: _, ...bios } = shape(300e9, "bios");
  assert.deepEqual(bios, { bios: mib, boot: gib, swap: 32 * gib });
});

test("below 300 GB swap has a tenth of the disk at most and 2 GiB at least, and / never less than 20 GiB", () => {
  for (let bytes = smallestDiskBytes; bytes < 300e9; bytes += 1.7e9) {
    for (const firmware of ["uefi", "bios"] as const) {
      const { swap = 0, root = 0 } = shape(bytes, firmware);
      assert.ok(swap >= 2 * gib && swap <= Math.max(2 * gib, bytes / 10), `swap of ${bytes}: ${swap}`);
      assert.ok(root >= 20 * gib, `root of ${bytes}: ${root}`);
    }
  }
});

test("the smallest disk holds the system, one MiB less does not", () => {
  assert.equal(planPartitions(disk(smallestDiskBytes), "uefi", null).plan.length, 4);
  const { plan, problems } = planPartitions(disk(smallestDiskBytes - mib), "uefi", null);
  assert.deepEqual(plan, []);
  assert.equal(problems[0]?.code, "DISK.TOO_SMALL");
});

test("partitions begin and end on whole MiB, never overlap, and leave the end to GPT's backup", () => {
  const custom = (lvm: boolean) => ({
    sizes: { efiBytes: 300 * mib + 7, bootBytes: gib + 1, swapBytes: 0, rootBytes: 21 * gib + 513, dataBytes: null },
    lvm,
  });
  for (const bytes of [smallestDiskBytes + 3 * gib, 64e9 + 512 * 7, 480103981056, 8001563222016]) {
    for (const sector of [512, 4096]) {
      for (const scheme of [null, custom(false), custom(true)]) {
        const { plan, problems } = planPartitions(disk(bytes, sector), "uefi", scheme);
        assert.deepEqual(problems, []);
        let at = mib;
        for (const part of plan) {
          assert.ok(part.startBytes >= at && part.startBytes % mib === 0 && part.sizeBytes % mib === 0);
          at = part.startBytes + part.sizeBytes;
        }
        const backup = sector + Math.ceil(16384 / sector) * sector;
        assert.ok(at <= bytes - backup && at > bytes - backup - 6 * mib, `${bytes - at} bytes are left`);
      }
    }
  }
});

test("the volumes of an LVM layout lie in one partition around them", () => {
  const sizes = { efiBytes: 500 * mib, bootBytes: gib, swapBytes: 4 * gib, rootBytes: null, dataBytes: 10 * gib };
  const { plan } = planPartitions(disk(480e9), "uefi", { sizes, lvm: true });
  assert.deepEqual(
    plan.map(({ purpose, number }) => `${purpose} ${number}`),
    ["efi 1", "boot 2", "swap 3", "root 3", "data 3"],
  );
  const entries = gptEntries(plan);
  assert.deepEqual(
    entries.map(({ purpose }) => purpose),
    ["efi", "boot", "lvm"],
  );
  const [first, around] = [plan[2], entries[2]];
  assert.equal(around?.startBytes, (first?.startBytes ?? 0) - mib);
  assert.equal(((around?.sizeBytes ?? 0) - mib) % (4 * mib), 0);
});

test("sizes that don't fit are refused with what is missing", () => {
  const sizes = { efiBytes: 500 * mib, bootBytes: gib, swapBytes: 0, rootBytes: 25 * gib, dataBytes: null };
  assert.deepEqual(
    planPartitions(disk(28e9), "uefi", { sizes, lvm: false }).problems.map(({ code }) => code),
    ["PARTITION.TOO_MUCH"],
  );
});
