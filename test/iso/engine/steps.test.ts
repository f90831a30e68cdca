import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import type { Draft } from "../../../core/model/installation/draft.ts";
import type { RunResult } from "../../../core/node/machine.ts";
import { etcFiles } from "../../../iso/engine/configuration/etc-files.ts";
import { managementLink, networkFiles } from "../../../iso/engine/configuration/network-files.ts";
import { withPassword } from "../../../iso/engine/configuration/shadow.ts";
import { sfdiskScript } from "../../../iso/engine/layout.ts";
import { runSteps, type Step } from "../../../iso/engine/run-steps.ts";
import { format } from "../../../iso/engine/steps/format.ts";
import { partition } from "../../../iso/engine/steps/partition.ts";
import { type Job, runStep, type StepContext, typed } from "../../../iso/engine/work.ts";
import { device, disk, type LsblkNode } from "./block-fixtures.ts";
import { fakeMachine } from "./fake-machine.ts";
import { aDisk, aDraft, aJob, aMachine, countedUuids, someHash } from "./samples.ts";

function contextOf(job: Job, answers: Record<string, Partial<RunResult>> = {}) {
  const log: string[] = [];
  const { machine, ran } = fakeMachine(answers);
  const context: StepContext = {
    job,
    machine,
    places: { medium: "/medium", work: "/run/engine/work" },
    signal: new AbortController().signal,
    log: (line) => log.push(line),
    share() {},
    newUuid: countedUuids(),
  };
  return { context, log, ran, lines: () => ran.map(({ line }) => line) };
}

const lsblk = (...blockdevices: LsblkNode[]) => ({ lsblk: { stdout: JSON.stringify({ blockdevices }) } });
const bare = aMachine();
const twoDisks = aMachine({ disks: [aDisk("sda"), aDisk("sdb")], firmware: "uefi" });
const mirrored = (draft: Draft): Draft => ({ ...draft, disk: { ...draft.disk, mirror: "sdb" } });
const withLvm = (draft: Draft): Draft => ({
  ...draft,
  disk: {
    ...draft.disk,
    custom: {
      lvm: true,
      sizes: {
        efiBytes: 0,
        bootBytes: 1024 ** 3,
        swapBytes: 2 * 1024 ** 3,
        rootBytes: 30 * 1024 ** 3,
        dataBytes: null,
      },
    },
  },
});
const short = (line: string) =>
  line.replaceAll(/(\d{8})-0000-4000-8000-000000000000/g, (_, n: string) => `U${Number(n)}`);

test("the table of a legacy machine is GPT with a BIOS boot partition, aligned, each partition with its UUID", () => {
  const [target] = aJob(bare).layout.disks;
  assert.ok(target);
  const lines = sfdiskScript(target, false).split("\n");
  assert.deepEqual(lines.slice(0, 4), ["label: gpt", "unit: sectors", "sector-size: 512", ""]);
  assert.deepEqual(lines.slice(4, 6).map(short), [
    '1 : start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649, uuid=U1, name="binnacle-bios"',
    '2 : start=4096, size=2097152, type=BC13C2FF-59E6-4262-A352-B275FD6F7172, uuid=U2, name="binnacle-boot"',
  ]);
});

test("on a disk with sectors of 4096 bytes the same places are given in those", () => {
  const hardware = aMachine({ disks: [aDisk("sda", { sectorBytes: 4096 })] });
  const [target] = aJob(hardware).layout.disks;
  assert.ok(target);
  assert.match(sfdiskScript(target, false), /^sector-size: 4096\n\n1 : start=256, size=256,/m);
});

test("what lies on the disk goes from the top down, then signatures of partitions and disk, then the table is written", async () => {
  const volume = { ...device("vg0-root", 1e9, { type: "lvm" }), path: "/dev/mapper/vg0-root" };
  const array = device("md127", 2e9, { type: "raid1" }, [volume]);
  const tree = [
    disk("sda", 64e9, {}, [device("sda1", 2e9, {}, [array]), device("sda2", 1e9, { mountpoints: ["[SWAP]"] })]),
    disk("sdb", 64e9, {}, [device("sdb1", 2e9, {}, [array])]),
  ];
  const { context, lines, ran } = contextOf(aJob(bare), lsblk(...tree));
  await partition(context);
  const changes = lines().filter((line) => !/^(lsblk|findmnt|udevadm)/.test(line));
  assert.deepEqual(changes.slice(0, 8), [
    "swapoff /dev/sda2",
    "dmsetup remove --retry /dev/mapper/vg0-root",
    "mdadm --stop /dev/md127",
    "wipefs --all --force /dev/sda1",
    "wipefs --all --force /dev/sda2",
    "wipefs --all --force /dev/sda",
    "sfdisk --lock=yes --wipe always --wipe-partitions always /dev/sda",
    "blockdev --rereadpt /dev/sda",
  ]);
  assert.match(ran.find(({ line }) => line.startsWith("sfdisk"))?.input ?? "", /^label: gpt/);
  assert.ok(!changes.some((line) => line.includes("sdb")), "a disk that was not chosen is left alone");
});

test("a disk that is still held makes the step fail with the command and what it said", async () => {
  const answers = {
    ...lsblk(disk("sda", 64e9)),
    sfdisk: { code: 1, stderr: "Checking ...\nDevice or resource busy\n" },
  };
  const { context } = contextOf(aJob(bare), answers);
  const failure = await runSteps("partition", context, () => {});
  assert.deepEqual(
    [failure?.step, failure?.code, failure?.command, failure?.lastLines],
    [
      "partition",
      "STEP.COMMAND",
      "sfdisk --lock=yes --wipe always --wipe-partitions always /dev/sda",
      ["Checking ...", "Device or resource busy"],
    ],
  );
});

test("a plain disk gets its file systems with labels and known UUIDs", async () => {
  const { context, lines } = contextOf(aJob(bare));
  await format(context);
  assert.deepEqual(
    lines()
      .filter((line) => line.startsWith("mk"))
      .map(short),
    [
      "mkfs.ext4 -F -q -L binnacle-boot -U U5 -O ^orphan_file,^metadata_csum_seed /dev/disk/by-partuuid/U2",
      "mkswap --force --label binnacle-swap --uuid U6 /dev/disk/by-partuuid/U3",
      "mkfs.ext4 -F -q -L binnacle-root -U U7 -m 1 /dev/disk/by-partuuid/U4",
    ],
  );
});

test("two disks become a RAID 1 for boot, swap and root, and an EFI system partition each", async () => {
  const { context, lines } = contextOf(aJob(twoDisks, mirrored(aDraft(twoDisks))));
  await format(context);
  const made = lines().map(short);
  assert.deepEqual(
    made
      .filter((line) => line.includes("--create"))
      .map((line) => line.replace(/^mdadm --create (\S+) .*--metadata=(\S+) .*internal (.*)$/, "$1 $2 $3")),
    [
      "/dev/md/binnacle-boot 1.0 /dev/disk/by-partuuid/U2 /dev/disk/by-partuuid/U6",
      "/dev/md/binnacle-swap 1.2 /dev/disk/by-partuuid/U3 /dev/disk/by-partuuid/U7",
      "/dev/md/binnacle-root 1.2 /dev/disk/by-partuuid/U4 /dev/disk/by-partuuid/U8",
    ],
  );
  assert.deepEqual(
    made.filter((line) => line.startsWith("mkfs.vfat")).map((line) => line.split(" ").at(-1)),
    ["/dev/disk/by-partuuid/U1", "/dev/disk/by-partuuid/U5"],
  );
  assert.ok(made.some((line) => line.endsWith("/dev/md/binnacle-root") && line.startsWith("mkfs.ext4")));
});

test("with LVM swap, root and data are volumes of one group; the largest takes what the metadata leaves", async () => {
  const job = aJob(bare, withLvm(aDraft(bare)));
  const { context, lines } = contextOf(job);
  const dataBytes = job.layout.volumes.flatMap(({ purpose, device: on }) =>
    purpose === "data" && on.kind === "logical" ? on.sizeBytes : [],
  )[0];
  await format(context);
  const made = lines().map(short);
  assert.deepEqual(
    made.filter((line) => /^(pvcreate|vgcreate|lvcreate)/.test(line)),
    [
      "pvcreate --force --force --yes /dev/disk/by-partuuid/U3",
      "vgcreate --yes binnacle /dev/disk/by-partuuid/U3",
      "lvcreate --yes --wipesignatures y --size 2147483648b --name swap binnacle",
      `lvcreate --yes --wipesignatures y --size ${dataBytes}b --name data binnacle`,
      "lvcreate --yes --wipesignatures y --extents 100%FREE --name root binnacle",
    ],
  );
  assert.ok(made.some((line) => line.startsWith("mkfs.ext4") && line.endsWith("/dev/binnacle/data")));
});

test("the steps run in their order from the one asked for, and end with the first that fails", async () => {
  const done: string[] = [];
  const ok: Step = async () => {};
  const table = {
    check: ok,
    partition: ok,
    format: ok,
    copy: ok,
    verify: async () => {
      throw new NodeError("VERIFY.DIFFERS", "It differs.", { remedy: "Try again." });
    },
    configure: ok,
    bootloader: ok,
    finish: ok,
  };
  const { context } = contextOf(aJob(bare));
  const failure = await runSteps("format", context, (step) => done.push(step), table);
  assert.deepEqual(done, ["format", "copy", "verify"]);
  assert.deepEqual([failure?.step, failure?.code, failure?.remedy], ["verify", "VERIFY.DIFFERS", "Try again."]);
});

test("every command is logged as one would type it; its input never is", async () => {
  const { context, log } = contextOf(aJob(bare));
  await runStep(context, "tool", ["-L", "a b", "it's"], { reason: "test", input: "planted-secret" });
  assert.deepEqual(log, [`$ ${typed("tool", ["-L", "a b", "it's"])}`]);
  assert.equal(log[0], "$ tool -L 'a b' 'it'\\''s'");
});

test("hashes go into the files that need them and nowhere else", () => {
  const job = aJob(bare);
  const holders = etcFiles(job.draft, job.layout, countedUuids()).filter(({ text }) => text.includes(someHash));
  assert.deepEqual(
    holders.map(({ path, mode }) => [path, mode]),
    [["/etc/binnacle/admin-password", 0o600]],
  );
});

test("a password is set in the system's own shadow file, whose other accounts stay as they are", () => {
  const before = "root:*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\n";
  const day = Date.UTC(2026, 0, 1);
  assert.equal(
    withPassword(before, "root", someHash, day),
    `root:${someHash}:${day / 86_400_000}:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\n`,
  );
  assert.throws(() => withPassword(before, "nobody", someHash, day), RangeError);
  assert.throws(() => withPassword(before, "root", "a:b", day), RangeError);
});

test("swap and the EFI system partition may be missing at a boot; root is no line, the second ESP neither", () => {
  const job = aJob(twoDisks, mirrored(aDraft(twoDisks)));
  const fstab = etcFiles(job.draft, job.layout, countedUuids()).find(({ path }) => path === "/etc/fstab")?.text ?? "";
  const rows = fstab
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(" "));
  assert.deepEqual(
    rows.map(([, place]) => place),
    ["/boot/efi", "/boot", "none"],
  );
  assert.match(rows[0]?.[3] ?? "", /nofail/);
  assert.match(rows[2]?.[3] ?? "", /nofail/);
});

test("a VLAN on a bond is three kinds of key files that only root may read, the address on the top one", () => {
  const { network } = aDraft(bare);
  const draft = {
    network: {
      ...network,
      links: ["eno1", "eno2"],
      bond: { name: "bond0", mode: "802.3ad" as const },
      vlan: 100,
      ipv4: { method: "static" as const, address: "192.0.2.7", prefix: 24, gateway: "192.0.2.1" },
      ipv6: { method: "none" as const },
      nameServers: ["192.0.2.53", "2001:db8::53"],
    },
  };
  assert.equal(managementLink(draft.network), "bond0.100");
  const files = networkFiles(draft, countedUuids());
  assert.deepEqual(
    files.map(({ path, mode }) => [path.split("/").at(-1), mode]),
    ["carrier", "leg-eno1", "leg-eno2", "management"].map((name) => [`${name}.nmconnection`, 0o600]),
  );
  assert.equal(
    files[3]?.text,
    `[connection]
id=management
uuid=00000004-0000-4000-8000-000000000000
type=vlan
interface-name=bond0.100
autoconnect-priority=10

[vlan]
id=100
parent=bond0

[ipv4]
method=manual
address1=192.0.2.7/24,192.0.2.1
dns=192.0.2.53;
ignore-auto-dns=true

[ipv6]
method=disabled
`,
  );
  assert.match(
    files[0]?.text ?? "",
    /\[bond\]\nmode=802.3ad\nmiimon=100\nxmit_hash_policy=layer2\+3\n\n\[ipv4\]\nmethod=disabled/,
  );
  assert.match(files[1]?.text ?? "", /master=bond0\nslave-type=bond/);
});
