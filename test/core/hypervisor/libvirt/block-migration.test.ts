import assert from "node:assert/strict";
import { test } from "node:test";
import { xmlThere } from "../../../../core/hypervisor/libvirt/coming-volumes.ts";
import { Virsh } from "../../../../core/hypervisor/libvirt/virsh.ts";
import type { Machine, RunResult } from "../../../../core/node/machine.ts";
import { realMachine } from "../../../../core/node/machine.ts";

const never = new AbortController().signal;
const uuid = "0000000000014aaa8aaaaaaaaaaaaaaa";

test("a machine is given to another host with the names that its files have there, and all else stays", () => {
  const xml = [
    "<disk><source file='/a/it&apos;s/root.qcow2' index='1'/>",
    "<backingStore><source file='/a/imagecache/x.raw'/></backingStore></disk>",
    "<disk><source file='/a/data.qcow2.old'/></disk><serial>/a/data.qcow2</serial>",
    '<disk><source startupPolicy="optional" file="/a/data.qcow2"/></disk>',
  ].join("\n");
  const copies = [
    {
      from: "/a/it's/root.qcow2",
      to: "/b/<root>$&.qcow2",
      backing: { from: "/a/imagecache/x.raw", to: "/b/imagecache/x.raw" },
    },
    { from: "/a/data.qcow2", to: "/b/data.qcow2" },
  ];
  assert.equal(
    xmlThere(xml, copies),
    [
      "<disk><source file='/b/&lt;root&gt;$&amp;.qcow2' index='1'/>",
      "<backingStore><source file='/b/imagecache/x.raw'/></backingStore></disk>",
      "<disk><source file='/a/data.qcow2.old'/></disk><serial>/a/data.qcow2</serial>",
      '<disk><source startupPolicy="optional" file="/b/data.qcow2"/></disk>',
    ].join("\n"),
  );
});

test("how far a move is tells of its disks, which go first, and then of the memory", async () => {
  let text = "";
  const { talk: _, ...real } = realMachine();
  const machine: Machine = { ...real, run: async (): Promise<RunResult> => ({ code: 0, stdout: text, stderr: "" }) };
  const virsh = new Virsh({ machine });
  const job = async (...lines: string[]) => {
    text = ["Job type:         Unbounded   ", "Operation:        Outgoing migration", ...lines, ""].join("\n");
    return await virsh.job(uuid, never);
  };
  const disks = (left: string) => [`File remaining:   ${left}`, "File total:       4.000 GiB"];
  const memory = (left: string) => [`Memory remaining: ${left}`, "Memory total:     1.000 GiB"];
  assert.deepEqual(await job(), { isOutgoing: true, percent: 0 });
  assert.deepEqual(await job(...disks("4.000 GiB")), { isOutgoing: true, percent: 0 });
  assert.deepEqual(await job(...disks("2.000 GiB")), { isOutgoing: true, percent: 40 });
  assert.deepEqual(await job(...disks("0.000 B"), ...memory("1.000 GiB")), { isOutgoing: true, percent: 80 });
  assert.deepEqual(await job(...disks("0.000 B"), ...memory("512.000 MiB")), { isOutgoing: true, percent: 90 });
  assert.deepEqual(await job(...memory("256.000 MiB")), { isOutgoing: true, percent: 75 });
});
