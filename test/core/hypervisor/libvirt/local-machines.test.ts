import assert from "node:assert/strict";
import { test } from "node:test";
import { LocalLibvirt } from "../../../../core/hypervisor/libvirt/local-machines.ts";
import { NodeError } from "../../../../core/model/error.ts";
import type { Machine } from "../../../../core/node/machine.ts";
import { answering } from "../../node/facts/hand-machine.ts";

const signal = new AbortController().signal;
const virsh = "virsh -c qemu:///system";
const lines = {
  list: `${virsh} list --all --uuid --name`,
  titles: `${virsh} list --all --title`,
  stats: `${virsh} domstats --raw --state --vcpu --balloon --nowait --interface`,
};
const hyphened = (nth: number) => `0d9c5a52-6f4b-4a7e-9e0c-1b5f6d2a000${nth}`;
const plain = (nth: number) => hyphened(nth).replaceAll("-", "");

const stats = (name: string, state = 1, reason = 1) =>
  `Domain: '${name}'\n  state.state=${state}\n  state.reason=${reason}\n  balloon.maximum=2097152\n  vcpu.current=2\n` +
  "  vcpu.0.time=1000\n  vcpu.1.time=500\n  net.count=1\n  net.0.name=vnet3\n  net.0.rx.bytes=7\n  net.0.tx.bytes=9\n\n";

/** A libvirt that answers so, and what it was asked. */
function asked(commands: Record<string, string>) {
  const answers = Object.fromEntries(Object.entries(commands).map(([line, stdout]) => [line, { stdout }]));
  const answeringMachine = answering({ commands: answers });
  const ran: string[] = [];
  const machine: Machine = {
    ...answeringMachine,
    run(command, args, options) {
      ran.push(args.slice(2).join(" "));
      return answeringMachine.run(command, args, options);
    },
  };
  return { local: new LocalLibvirt({ machine, connection: ["-c", "qemu:///system"] }), ran };
}

async function one(state: number, reason: number) {
  const { local } = asked({ [lines.list]: `${hyphened(1)} a\n`, [lines.stats]: stats("a", state, reason) });
  const [machine] = await local.all(signal);
  return [machine?.state, machine?.why];
}

test("names may hold blanks, quotes and any letter; a machine of a cloud is called by its title", async () => {
  const names = ["web01", "数据库-主", "build agent", "it's a 'name'"];
  const ours = plain(9);
  const { local } = asked({
    [lines.list]: `${names.map((name, nth) => `${hyphened(nth)} ${name}\n`).join("")}${hyphened(9)} ${ours}\n\n`,
    [lines.titles]: ` Id   Name    State   Title\n------\n -    web01   shut off   not this\n 12   ${ours}   running   数据  base\\x1b[2J  \n`,
    [lines.stats]: [...names, ours].map((name) => stats(name)).join(""),
  });
  const machines = await local.all(signal);
  assert.deepEqual(
    machines.map(({ name, ofCloud }) => [name, ofCloud]),
    [...names.map((name) => [name, false]), ["数据  base\\x1b[2J", true]],
  );
  const { uuid, cpus, cpuNs, memoryBytes, nics } = machines.at(-1) ?? {};
  assert.deepEqual([uuid, cpus, cpuNs, memoryBytes], [ours, 2, 1500, 2 ** 31]);
  assert.deepEqual(nics, [{ target: "vnet3", received: 7, sent: 9 }]);
});

test("libvirt's states, and how a machine has ended, are told apart", async () => {
  const states = [];
  for (const state of [0, 1, 2, 3, 4, 6, 7]) states.push((await one(state, 1))[0]);
  assert.deepEqual(states, ["unknown", "running", "running", "paused", "running", "crashed", "suspended"]);
  const ends = [];
  for (const reason of [0, 1, 2, 3, 4, 5, 6]) ends.push(await one(5, reason));
  assert.deepEqual(ends, [
    ["stopped", null],
    ["stopped", "shutDown"],
    ["stopped", "switchedOff"],
    ["crashed", null],
    ["stopped", "moved"],
    ["suspended", "saved"],
    ["stopped", "failed"],
  ]);
  assert.deepEqual(await one(3, 5), ["paused", "ioError"]);
  assert.deepEqual(await one(3, 2), ["paused", "moving"]);
});

test("what libvirt does not tell of a machine is not known, and never 0", async () => {
  const { local } = asked({ [lines.list]: `${hyphened(1)} a\n`, [lines.stats]: "" });
  const [machine] = await local.all(signal);
  assert.deepEqual(machine, {
    ...{ uuid: plain(1), name: "a", ofCloud: false, state: "unknown", why: null },
    ...{ cpus: null, cpuNs: null, memoryBytes: null, balloonBytes: null, residentBytes: null, nics: [] },
  });
});

test("each reading is one domstats; names are asked for only when there are others", async () => {
  const commands = { [lines.list]: `${hyphened(1)} a\n`, [lines.stats]: stats("a") };
  const { local, ran } = asked(commands);
  await local.all(signal);
  ran.length = 0;
  for (let time = 0; time < 3; time++) await local.all(signal);
  assert.deepEqual(
    ran.map((line) => line.split(" ")[0]),
    ["domstats", "domstats", "domstats"],
  );
});

test("a list that can't be understood is an error, not a host without machines", async () => {
  const { local } = asked({ [lines.list]: "error: something\n", [lines.stats]: "" });
  await assert.rejects(
    local.all(signal),
    (error) => error instanceof NodeError && error.code === "HYPERVISOR.NONSENSE",
  );
});

test("one machine has its disks and cards, each with its own counters, in one call of virsh", async () => {
  const uuid = hyphened(1);
  const xml =
    "<domain type='kvm'><title>&lt;/domain&gt;</title><devices>" +
    "<disk type='file' device='disk'><source file='/vms/a.qcow2'/><target dev='vda' bus='virtio'/></disk>" +
    "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>" +
    "<interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br_eth0'/><target dev='vnet3'/></interface>" +
    "<serial type='unix'><source mode='bind' path='/x'/></serial></devices></domain>\n\n";
  const table =
    " Target   Capacity   Allocation   Physical\n-----\n vda      1000       600          700\n sda      -   -   -\n\n";
  const blocks =
    "  block.count=2\n  block.0.name=vda\n  block.0.path=/vms/a.qcow2\n  block.0.rd.bytes=5\n  block.0.wr.bytes=6\n" +
    "  block.0.allocation=0\n  block.0.capacity=1000\n  block.1.name=sda\n";
  const line =
    `${virsh} dumpxml ${uuid}; domblkinfo --all ${uuid}; ` +
    `domstats --raw --state --vcpu --balloon --nowait --interface --block ${uuid}`;
  const commands = {
    [lines.list]: `${uuid} a\n`,
    [lines.stats]: stats("a"),
    [line]: `${xml}${table}${stats("a").trimEnd()}\n${blocks}`,
  };
  const { local, ran } = asked(commands);
  await local.all(signal);
  ran.length = 0;
  const one = await local.one(plain(1), signal);
  assert.equal(ran.length, 1);
  assert.deepEqual(one?.disks, [
    { target: "vda", path: "/vms/a.qcow2", sizeBytes: 1000, allocatedBytes: 600, read: 5, written: 6 },
    { target: "sda", path: "", sizeBytes: null, allocatedBytes: null, read: null, written: null },
  ]);
  assert.deepEqual(one?.nics, [{ mac: "52:54:00:00:00:01", on: "br_eth0", target: "vnet3", received: 7, sent: 9 }]);
  assert.deepEqual([one?.hasSerial, one?.counters.cpuNs, one?.upSeconds], [true, 1500, null]);
  assert.equal(await local.one(plain(2), signal), undefined);
});
