import assert from "node:assert/strict";
import { test } from "node:test";
import { CloudError } from "../../../core/model/cloud/refusal.ts";
import { offeredOperations } from "../../../core/model/cloud/vm-life.ts";
import { callsFor } from "../../../core/model/cloud/vm-operation-calls.ts";
import type { VmState } from "../../../core/model/cloud/vm-states.ts";
import { libvirtPlace } from "../../support/cloud/libvirt-place.ts";
import { allRecords, asks, begins, requireAllAsked, thingsOf } from "../../support/cloud/life.ts";

const mebibyte = 1024 ** 2;

test("in each state of a real guest, what the table refuses is refused, and neither its process nor its disks notice", async (t) => {
  requireAllAsked();
  const { call, ok, host, cloud } = await libvirtPlace(t);
  const size = { cpuNum: 1, memorySize: 128 * mebibyte, rootDiskSize: 16 * mebibyte };
  const vm = await ok("CreateVmInstance", { name: "web", l3NetworkUuids: [], strategy: "CreateStopped", ...size });
  const record = () => cloud.mirror.get("VmInstance", vm)?.value;
  const data = () => ok("CreateDataVolume", { name: "data", diskSize: 16 * mebibyte });
  const root = record()?.rootVolumeUuid ?? "";
  const things = thingsOf(vm, root, { free: await data() });
  const onHost = async () => {
    const disks = await host.virsh("domblklist", vm).catch(() => "none");
    return [await host.virsh("domstate", vm).catch(() => "none"), await host.virsh("domid", vm).catch(() => ""), disks];
  };

  const look = async (state: VmState, said: RegExp) => {
    assert.equal(record()?.state, state);
    const there = await onHost();
    assert.match(there[0] ?? "", said);
    const before = allRecords(cloud.mirror);
    let count = 0;
    for (const ask of asks) {
      if (begins(ask, state) !== undefined || (ask.needs !== undefined && things[ask.needs] === "")) continue;
      const error: unknown = await call(ask.name, ask.input(things)).catch((reason: unknown) => reason);
      assert.ok(error instanceof CloudError && error.code === "VM.1001", `${ask.name} in ${state}: ${String(error)}`);
      assert.match(error.refusal.details, new RegExp(`the state is ${state}\\.`));
      const allowed = callsFor(offeredOperations(state)).join(", ");
      assert.ok(error.refusal.remedy.startsWith(`Allowed now: ${allowed}.`), error.refusal.remedy);
      count++;
    }
    assert.ok(count > 3, `${count} refused in ${state}`);
    assert.equal(allRecords(cloud.mirror), before);
    assert.deepEqual(await onHost(), there, state);
  };

  await look("Created", /none/);
  await ok("StartVmInstance", { uuid: vm });
  things.data = await data();
  await ok("AttachDataVolumeToVm", { uuid: things.data, vmInstanceUuid: vm });
  things.snapshot = await ok("CreateVolumeSnapshot", { volumeUuid: root, name: "s" });
  await look("Running", /running/);
  await ok("PauseVmInstance", { uuid: vm });
  await look("Paused", /paused/);
  await ok("ResumeVmInstance", { uuid: vm });
  await ok("SuspendVmInstance", { uuid: vm });
  await look("Suspended", /shut off/);
  await ok("ResumeVmInstance", { uuid: vm });
  await ok("StopVmInstance", { uuid: vm, type: "cold" });
  await look("Stopped", /shut off/);
  const grown = (await call("ChangeInstanceOffering", { uuid: vm, cpuNum: 2, memorySize: 192 * mebibyte })).inventory;
  assert.deepEqual([grown.cpuNum, grown.memorySize], [2, 192 * mebibyte]);
  await ok("StartVmInstance", { uuid: vm });
  const info = await host.virsh("dominfo", vm);
  assert.match(info, /CPU\(s\): +2\n/);
  assert.match(info, new RegExp(`Max memory: +${192 * 1024} KiB`));
  await ok("DestroyVmInstance", { uuid: vm });
  things.data = "";
  await look("Destroyed", /none/);
});
