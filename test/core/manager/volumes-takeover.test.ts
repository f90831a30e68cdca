import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { CloudCallName } from "../../../core/model/cloud/calls/index.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { managerOn } from "../../support/cloud/manager.ts";
import { gigabyte, volumePlace } from "../../support/cloud/volumes.ts";

/* A manager ends while a host does something with a volume; the next one goes on. */

type Case = [verb: string, call: CloudCallName, input: (known: Known) => object];
type Known = { fresh: string; attached: string; apart: string; vm: string; snapshot: string; deleted: string };

const cases: Case[] = [
  ["createVolume", "AttachDataVolumeToVm", ({ fresh, vm }) => ({ uuid: fresh, vmInstanceUuid: vm })],
  ["attachVolume", "AttachDataVolumeToVm", ({ fresh, vm }) => ({ uuid: fresh, vmInstanceUuid: vm })],
  ["attachVolume", "AttachDataVolumeToVm", ({ apart, vm }) => ({ uuid: apart, vmInstanceUuid: vm })],
  ["detachVolume", "DetachDataVolumeFromVm", ({ attached }) => ({ uuid: attached })],
  ["resizeVolume", "ResizeDataVolume", ({ attached }) => ({ uuid: attached, size: 3 * gigabyte })],
  ["snapshotVolume", "CreateVolumeSnapshot", ({ attached }) => ({ volumeUuid: attached, name: "second" })],
  ["deleteSnapshot", "DeleteVolumeSnapshot", ({ snapshot }) => ({ uuid: snapshot })],
  ["revertVolume", "RevertVolumeFromSnapshot", ({ snapshot }) => ({ uuid: snapshot })],
  ["deleteVolume", "ExpungeDataVolume", ({ deleted }) => ({ uuid: deleted })],
];

for (const isDone of [false, true])
  test(`a task of a volume whose manager ended ${isDone ? "after" : "before"} the host had done it is finished by the next one`, async (t) => {
    for (const [verb, name, input] of cases) {
      const bed = await volumePlace(t, ["10.0.0.2"]);
      const { data, vm, ok, call, cloud, hosts, primary, store } = bed;
      const made = () => data({ primaryStorageUuid: primary.uuid });
      const known: Known = {
        ...{ fresh: await data(), attached: await made(), apart: await made(), deleted: await made() },
        ...{ vm: await vm(), snapshot: "" },
      };
      await ok("AttachDataVolumeToVm", { uuid: known.attached, vmInstanceUuid: known.vm });
      const volumeUuid = verb === "revertVolume" ? known.apart : known.attached;
      known.snapshot = (await ok("CreateVolumeSnapshot", { volumeUuid, name: "first" })).resourceUuid ?? "";
      await ok("DeleteDataVolume", { uuid: known.deleted });

      const { command } = hosts.link;
      const reached = Promise.withResolvers<void>();
      hosts.link.command = async (host, what, how) => {
        if (what.do !== verb) return await command(host, what, how);
        if (isDone) await command(host, what, how);
        reached.resolve();
        assert.ok(how.signal !== undefined);
        if (!how.signal.aborted) await once(how.signal, "abort");
        throw how.signal.reason;
      };
      const answer = await call(name, input(known));
      assert.ok("task" in answer && answer.task !== undefined);
      await reached.promise;
      await cloud.close();
      hosts.link.command = command;

      const next = await managerOn(t, store, hosts);
      const { mirror } = next.cloud;
      const told = `${verb} ${name}`;
      const ended = await taskEnd(mirror, answer.task.uuid, AbortSignal.timeout(60_000));
      assert.equal(ended?.state, "Succeeded", `${told}: ${JSON.stringify(ended?.error)}`);
      assert.equal(mirror.count("VolumeOperation") + mirror.count("Flow"), 0, told);
      assert.equal(mirror.get("VmInstance", known.vm)?.value.operation, null, told);
      let promised = 0;
      for (const { value } of mirror.all("Volume")) {
        assert.ok(["NotInstantiated", "Ready", "Deleted"].includes(value.status), `${told} ${JSON.stringify(value)}`);
        if (value.primaryStorageUuid !== null) promised += value.size;
      }
      for (const { value } of mirror.all("VolumeSnapshot")) {
        assert.equal(value.status, "Ready", told);
        promised += value.size;
      }
      const storage = mirror.get("PrimaryStorage", primary.uuid)?.value;
      assert.equal(storage?.availableCapacity, (storage?.totalCapacity ?? 0) - promised, told);
      await next.cloud.close();
    }
  });
