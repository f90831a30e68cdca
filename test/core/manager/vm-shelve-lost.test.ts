import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { agentFailed } from "../../../core/api/host/errors.ts";
import type { HostCommand } from "../../../core/hypervisor/driver.ts";
import { NodeError } from "../../../core/model/error.ts";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { unreachable } from "../../support/cloud/hosts.ts";
import { seen } from "../../support/cloud/place.ts";
import { here, shelfBed } from "../../support/cloud/shelves.ts";
import { refuses } from "../store/conformance.ts";

/* What is left of a shelved machine when its unshelving is cut off: its image, or its root volume, and never neither. */

/** A shelved machine, whose host never comes back by itself. */
async function shelvedBed(t: TestContext) {
  const bed = await shelfBed(t);
  await bed.call("UpdateGlobalConfig", { category: "host", name: "connection.autoReconnectOnError", value: "false" });
  await bed.ok("ShelveVmInstance", { uuid: bed.uuid });
  const { hosts, call, uuid, mirror, cloud, hostUuids } = bed;
  const [first = ""] = hostUuids;
  const { command } = hosts.link;
  /** Unshelves it while `strikes` decides of each command what becomes of it. */
  const unshelve = async (strikes: (what: HostCommand["do"], carryOut: () => Promise<void>) => Promise<void>) => {
    hosts.link.command = async (host, what, how) => await strikes(what.do, () => command(host, what, how));
    const { task } = await call("UnshelveVmInstance", { uuid, hostUuid: first });
    const ended = await taskEnd(mirror, task.uuid, AbortSignal.timeout(60_000));
    hosts.link.command = command;
    return ended;
  };
  const lose = async () => {
    hosts.cut(here, false);
    await bed.done("ReconnectHost", { uuid: first });
    return unreachable(here);
  };
  const back = async () => {
    hosts.cut(here, true);
    await bed.ok("ReconnectHost", { uuid: first });
    await seen(mirror, () => bed.record()?.state !== "Unknown");
  };
  const quiet = async () => {
    for (let time = 0; time < 2; time++) {
      await cloud.sweep();
      await seen(mirror, () => mirror.count("Flow") === 0);
    }
  };
  const failed = (code: "HYPERVISOR.FAILED" | "HYPERVISOR.NO_MEMORY") =>
    agentFailed(here, new NodeError(code, "libvirt could not."));
  return { ...bed, unshelve, lose, back, quiet, failed, first };
}

test("the host is lost after the volume of a failed start was removed: the machine is Shelved when it is back", async (t) => {
  const { unshelve, lose, back, quiet, failed, record, rootOf, shelved, ok, uuid, isClean } = await shelvedBed(t);
  await unshelve(async (what, carryOut) => {
    if (what === "startMachine") throw failed("HYPERVISOR.NO_MEMORY");
    await carryOut();
    if (what === "deleteVolume") throw await lose();
  });
  assert.deepEqual([record()?.state, shelved()?.status], ["Unknown", "Ready"]);
  await back();
  await quiet();
  assert.deepEqual([record()?.state, rootOf()?.status, shelved()?.status], ["Shelved", "NotInstantiated", "Ready"]);
  await ok("UnshelveVmInstance", { uuid });
  isClean(1);
});

test("a start that can't be taken back keeps its root volume, and the image until the machine runs", async (t) => {
  const { unshelve, quiet, failed, record, rootOf, shelved, ok, uuid, call, mirror, isClean, running } =
    await shelvedBed(t);
  const said: string[] = [];
  const task = await unshelve(async (what, carryOut) => {
    said.push(what);
    if (what === "removeMachine") throw failed("HYPERVISOR.FAILED");
    await carryOut();
    if (what === "startMachine") throw failed("HYPERVISOR.FAILED");
  });
  assert.deepEqual([task?.state, record()?.state, said.includes("deleteVolume")], ["Failed", "Error", false]);
  await ok("DestroyVmInstance", { uuid });
  await call("RecoverVmInstance", { uuid });
  await quiet();
  const root = rootOf();
  assert.deepEqual([record()?.state, root?.status, shelved()?.status], ["Stopped", "Ready", "Ready"]);
  await refuses(call("DeleteImage", { uuid: shelved()?.uuid ?? "" }), "VM.1081");
  await ok("StartVmInstance", { uuid });
  await quiet();
  assert.deepEqual([rootOf()?.uuid, (await running()).length], [root?.uuid, 1]);
  assert.deepEqual([shelved(), mirror.count("Shelf")], [undefined, 0]);
  isClean(1);
});

test("a machine whose removal fails once and then works is Shelved, and not in Error", async (t) => {
  const { unshelve, quiet, failed, record, rootOf, shelved, ok, uuid, isClean } = await shelvedBed(t);
  let removals = 0;
  await unshelve(async (what, carryOut) => {
    if (what === "removeMachine" && removals++ === 0) throw failed("HYPERVISOR.FAILED");
    await carryOut();
    if (what === "startMachine") throw failed("HYPERVISOR.FAILED");
  });
  assert.deepEqual([record()?.state, rootOf()?.status, shelved()?.status], ["Shelved", "NotInstantiated", "Ready"]);
  await quiet();
  await ok("UnshelveVmInstance", { uuid });
  isClean(1);
});

for (const isBack of [false, true])
  test(`the host dies before the start and is deleted${isBack ? " after it was back" : ""}: the machine is Shelved, and runs elsewhere`, async (t) => {
    const { unshelve, lose, back, quiet, record, rootOf, shelved, ok, uuid, first, running, isClean, hostUuids } =
      await shelvedBed(t);
    await unshelve(async (what, carryOut) => {
      if (what === "startMachine") throw await lose();
      await carryOut();
    });
    assert.deepEqual([record()?.state, rootOf()?.status], ["Unknown", "Ready"]);
    if (isBack) {
      await back();
      assert.deepEqual([record()?.state, rootOf()?.status, shelved()?.status], ["Stopped", "Ready", "Ready"]);
      await lose();
    }
    await ok("DeleteHost", { uuid: first, deleteMode: "Enforcing" });
    await quiet();
    assert.deepEqual([record()?.state, rootOf()?.status, shelved()?.status], ["Shelved", "NotInstantiated", "Ready"]);
    await ok("UnshelveVmInstance", { uuid });
    assert.deepEqual(await running(), [hostUuids[1]]);
    isClean(1);
  });

test("a stopped machine with both is shelved anew, deleted, recovered and expunged, and no image is left over", async (t) => {
  const { unshelve, lose, back, quiet, record, shelved, ok, call, uuid, mirror, images, image } = await shelvedBed(t);
  const cutOff = async () => {
    await unshelve(async (what, carryOut) => {
      if (what === "startMachine") throw await lose();
      await carryOut();
    });
    await back();
    assert.deepEqual([record()?.state, shelved()?.status], ["Stopped", "Ready"]);
  };
  const onRecord = () => [...mirror.all("Image")].filter(({ value }) => value.uuid !== image).length;
  await cutOff();
  await ok("DestroyVmInstance", { uuid });
  await quiet();
  assert.equal((await call("RecoverVmInstance", { uuid })).inventory.state, "Stopped");
  assert.equal(onRecord(), 1);
  await ok("ShelveVmInstance", { uuid });
  await quiet();
  assert.deepEqual([record()?.state, onRecord(), images.kept().length, mirror.count("Shelf")], ["Shelved", 1, 2, 1]);
  await cutOff();
  await ok("DestroyVmInstance", { uuid });
  await ok("ExpungeVmInstance", { uuid });
  await quiet();
  assert.deepEqual([onRecord(), images.kept().length, mirror.count("Shelf"), mirror.count("Volume")], [0, 1, 0, 0]);
});

test("an image whose content can't be taken out of the store after a failed shelving goes later, with its content", async (t) => {
  const { call, uuid, hosts, mirror, images, cloud, imageStore, record, ok, done, hostUuids } = await shelfBed(t);
  await call("UpdateGlobalConfig", { category: "host", name: "connection.autoReconnectOnError", value: "false" });
  const [keep, remove] = [imageStore.keep.bind(imageStore), imageStore.remove.bind(imageStore)];
  imageStore.keep = async (...args) => {
    await keep(...args);
    hosts.cut(here, false);
    await done("ReconnectHost", { uuid: hostUuids[0] });
  };
  imageStore.remove = async () => {
    throw new Error("The store is away.");
  };
  const { task } = await call("ShelveVmInstance", { uuid });
  assert.equal((await taskEnd(mirror, task.uuid, AbortSignal.timeout(60_000)))?.state, "Failed");
  assert.deepEqual([mirror.count("Image"), images.kept().length], [2, 2]);
  Object.assign(imageStore, { keep, remove });
  hosts.cut(here, true);
  await ok("ReconnectHost", { uuid: hostUuids[0] });
  await seen(mirror, () => record()?.state !== "Unknown");
  for (let time = 0; time < 2; time++) {
    await cloud.sweep();
    await seen(mirror, () => mirror.count("Flow") === 0);
  }
  assert.deepEqual([mirror.count("Image"), images.kept().length], [1, 1]);
  assert.equal(mirror.count("Expunging"), 0);
});

test("a piece that does not come is asked for again while its host is connected; what its agent refuses is not", async (t) => {
  const { done, ok, uuid, hosts, record } = await shelfBed(t);
  const { volumePiece } = hosts.link;
  let asked = 0;
  hosts.link.volumePiece = async () => {
    asked += 1;
    throw agentFailed(here, new NodeError("HYPERVISOR.FAILED", "No."));
  };
  assert.equal((await done("ShelveVmInstance", { uuid })).error?.code, "HOST.1012");
  assert.deepEqual([asked, record()?.state], [1, "Running"]);
  const cut = new Set<number>();
  hosts.link.volumePiece = async (host, path, range, signal) => {
    if (cut.has(range.length)) return await volumePiece(host, path, range, signal);
    cut.add(range.length);
    throw unreachable(here);
  };
  await ok("ShelveVmInstance", { uuid });
  assert.ok(cut.size >= 2, "the first byte, and a piece");
});
