import assert from "node:assert/strict";
import { test } from "node:test";
import { disksSource, parseLsblk } from "../../../../core/node/facts/disks.ts";
import { parseSmart } from "../../../../core/node/facts/smart.ts";
import { FactMissing } from "../../../../core/node/facts/source.ts";
import { answering } from "./hand-machine.ts";

const lsblk = "lsblk --json --bytes --nodeps --output NAME,TYPE,SIZE,MODEL,SERIAL,TRAN,ROTA";
const block = (name: string, more: object = {}) => ({
  name,
  type: "disk",
  size: 8001563222016,
  model: "ST8000NM000A ",
  serial: " WSD00001",
  tran: "sata",
  rota: true,
  ...more,
});
const smartctl = (name: string) => `smartctl --json -a -n standby /dev/${name}`;
const attribute = (id: number, name: string, raw: number, more: object = {}) => ({
  id,
  name,
  value: 100,
  worst: 100,
  thresh: 10,
  when_failed: "",
  raw: { value: raw, string: String(raw) },
  ...more,
});
const ata = (table: object[], more: object = {}) =>
  JSON.stringify({
    smartctl: { version: [7, 3], exit_status: 0 },
    smart_status: { passed: true },
    rotation_rate: 7200,
    temperature: { current: 36 },
    power_on_time: { hours: 40112 },
    ata_smart_attributes: { table },
    ...more,
  });
const nvme = (log: object) =>
  JSON.stringify({
    smartctl: { version: [7, 4], exit_status: 0 },
    smart_status: { passed: true, nvme: { value: 0 } },
    temperature: { current: 47 },
    power_on_time: { hours: 39820 },
    nvme_smart_health_information_log: { critical_warning: 0, percentage_used: 97, media_errors: 0, ...log },
  });

test("only disks are disks: nothing in memory, over the network, removable or empty", () => {
  const json = {
    blockdevices: [
      block("sda"),
      block("loop0", { type: "loop" }),
      block("zram0"),
      block("ram0"),
      block("sr0", { type: "rom" }),
      block("nbd3"),
      block("sdb", { size: 0 }),
      block("mmcblk0", { tran: "mmc" }),
      block("mmcblk0boot0"),
      block("md127", { type: "raid1" }),
      block("vda", { model: null, serial: null, tran: null }),
    ],
  };
  const found = parseLsblk(JSON.stringify(json));
  assert.deepEqual(
    found.map(({ name }) => name),
    ["sda", "mmcblk0", "vda"],
  );
  assert.deepEqual(found[0], {
    name: "sda",
    model: "ST8000NM000A",
    serial: "WSD00001",
    sizeBytes: 8001563222016,
    transport: "sata",
    rotational: true,
  });
  assert.deepEqual([found[2]?.transport, found[2]?.rotational, found[2]?.serial], ["virtio", null, null]);
});

const drives: { what: string; text: string; health: string; why: string | null }[] = [
  { what: "without a fault", text: ata([attribute(5, "Reallocated_Sector_Ct", 0)]), health: "healthy", why: null },
  {
    what: "with few moved sectors",
    text: ata([attribute(5, "Reallocated_Sector_Ct", 9)]),
    health: "healthy",
    why: null,
  },
  {
    what: "with many moved sectors, whatever its own verdict",
    text: ata([attribute(5, "Reallocated_Sector_Ct", 12)]),
    health: "failing",
    why: "12 reallocated sectors",
  },
  {
    what: "that cannot read one sector",
    text: ata([attribute(197, "Current_Pending_Sector", 1)]),
    health: "failing",
    why: "1 pending sectors",
  },
  {
    what: "whose own verdict is bad",
    text: ata([], { smart_status: { passed: false } }),
    health: "failing",
    why: "SMART status failed",
  },
  {
    what: "with an attribute below its limit",
    text: ata([attribute(10, "Spin_Retry_Count", 3, { when_failed: "now" })]),
    health: "failing",
    why: "Spin_Retry_Count",
  },
  {
    what: "with an attribute that once was below its limit",
    text: ata([attribute(190, "Airflow_Temperature_Cel", 44, { when_failed: "past" })]),
    health: "healthy",
    why: null,
  },
  { what: "that is worn but well", text: nvme({}), health: "healthy", why: null },
  {
    what: "that warns of its spare space and its temperature",
    text: nvme({ critical_warning: 3 }),
    health: "failing",
    why: "spare space used up, temperature out of range",
  },
  {
    what: "behind a SCSI controller with grown defects",
    text: JSON.stringify({ smartctl: {}, smart_status: { passed: true }, scsi_grown_defect_list: 40 }),
    health: "failing",
    why: "40 reallocated sectors",
  },
  {
    what: "that has no SMART",
    text: JSON.stringify({ smartctl: { exit_status: 4, messages: [] }, smart_support: { available: false } }),
    health: "unknown",
    why: "no SMART",
  },
  {
    what: "that may not be opened",
    text: JSON.stringify({
      smartctl: {
        exit_status: 2,
        messages: [{ string: "Smartctl open device: /dev/sda failed: Permission denied", severity: "error" }],
      },
    }),
    health: "unknown",
    why: "Permission denied",
  },
];

for (const { what, text, health, why } of drives) {
  test(`a drive ${what} is ${health}`, () => {
    const smart = parseSmart(text, "/dev/sda");
    assert.deepEqual([smart?.health, smart?.healthWhy], [health, why]);
  });
}

test("wear is a share: from NVMe's own figure, from what an SSD has left, none for a spinning disk", () => {
  assert.equal(parseSmart(nvme({}), "")?.wear, 0.97);
  const left = attribute(202, "Percent_Lifetime_Remain", 4, { value: 96 });
  assert.equal(parseSmart(ata([left], { rotation_rate: 0 }), "")?.wear, 0.04);
  assert.equal(parseSmart(ata([left]), "")?.wear, null);
});

test("smartctl's exit bits are about the drive: a failing one is read all the same", async () => {
  const report: unknown = JSON.parse(
    ata([attribute(5, "Reallocated_Sector_Ct", 1832)], { smart_status: { passed: false } }),
  );
  const machine = answering({
    commands: { [lsblk]: { json: { blockdevices: [block("sda")] } }, [smartctl("sda")]: { code: 88, json: report } },
  });
  const [disk] = await disksSource().read(machine, new AbortController().signal);
  assert.deepEqual([disk?.health, disk?.reallocatedSectors, disk?.powerOnHours], ["failing", 1832, 40112]);
});

test("a sleeping disk keeps what it said when it was awake, and is unknown before", async () => {
  const asleep = {
    code: 2,
    json: { smartctl: { messages: [{ string: "Device is in STANDBY mode, exit(2)" }], exit_status: 2 } },
  };
  const blocks = { json: { blockdevices: [block("sda")] } };
  const source = disksSource();
  const { signal } = new AbortController();
  const sleeping = answering({ commands: { [lsblk]: blocks, [smartctl("sda")]: asleep } });
  const awake = answering({ commands: { [lsblk]: blocks, [smartctl("sda")]: { stdout: ata([]) } } });
  assert.equal((await source.read(sleeping, signal))[0]?.healthWhy, "asleep");
  assert.equal((await source.read(awake, signal))[0]?.health, "healthy");
  const after = (await source.read(sleeping, signal))[0];
  assert.deepEqual([after?.health, after?.temperatureC], ["healthy", 36]);
});

test("one disk that does not answer and one that talks nonsense leave the others alone", async () => {
  const machine = answering({
    commands: {
      [lsblk]: { json: { blockdevices: [block("sda"), block("sdb"), block("sdc"), block("sdd"), block("sde")] } },
      [smartctl("sda")]: { error: "timeout" },
      [smartctl("sdb")]: { stdout: "Segmentation fault" },
      [smartctl("sdc")]: { error: "notFound" },
      [smartctl("sdd")]: { stdout: ata([]) },
      [smartctl("sde")]: { stdout: '{"smartctl":{},"smart_status":{"passed":"yes"}}' },
    },
  });
  const disks = await disksSource().read(machine, new AbortController().signal);
  assert.deepEqual(
    disks.map(({ name, health }) => [name, health]),
    [
      ["sda", "unknown"],
      ["sdb", "unknown"],
      ["sdc", "unknown"],
      ["sdd", "healthy"],
      ["sde", "unknown"],
    ],
  );
});

test("an lsblk that prints something else is nonsense", () => {
  assert.throws(() => parseLsblk("usage: lsblk"), FactMissing);
  assert.throws(() => parseLsblk('{"blockdevices":{}}'), FactMissing);
});
