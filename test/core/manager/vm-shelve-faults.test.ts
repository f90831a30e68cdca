import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { taskEnd } from "../../../core/orchestrator/tasks.ts";
import { managerOn } from "../../support/cloud/manager.ts";
import { seen } from "../../support/cloud/place.ts";
import { here, shelfBed } from "../../support/cloud/shelves.ts";

test("a host that is lost while a machine is shelved or unshelved: it has its root volume or its image, and never loses both", async (t) => {
  for (const [name, verbs] of [
    ["ShelveVmInstance", ["stopMachine", "flattenVolume", "verifyVolume", "removeMachine", "deleteVolume"]],
    ["UnshelveVmInstance", ["createVolumeFromImage", "startMachine"]],
  ] as const)
    for (const verb of verbs)
      for (const isDone of [false, true]) {
        const label = `${name} ${verb}, done: ${isDone}`;
        const bed = await shelfBed(t);
        const { ok, call, uuid, record, rootOf, hosts, hostUuids, running, shelved, cloud, mirror, images, image } =
          bed;
        const [first = ""] = hostUuids;
        await call("UpdateGlobalConfig", { category: "host", name: "connection.autoReconnectOnError", value: "false" });
        if (name === "UnshelveVmInstance") await ok("ShelveVmInstance", { uuid });
        const { command } = hosts.link;
        const reached = Promise.withResolvers<void>();
        const gone = Promise.withResolvers<void>();
        hosts.link.command = async (to, what, how) => {
          if (what.do !== verb) return await command(to, what, how);
          if (isDone) await command(to, what, how);
          reached.resolve();
          await gone.promise;
          return await command(to, what, how);
        };
        const { task } = await call(name, name === "UnshelveVmInstance" ? { uuid, hostUuid: first } : { uuid });
        await reached.promise;
        hosts.cut(here, false);
        await bed.done("ReconnectHost", { uuid: first });
        await seen(mirror, () => record()?.state === "Unknown");
        gone.resolve();
        hosts.link.command = command;
        await taskEnd(mirror, task.uuid, AbortSignal.timeout(60_000));
        hosts.cut(here, true);
        await ok("ReconnectHost", { uuid: first });
        await seen(mirror, () => record()?.state !== "Unknown");
        const { state } = record() ?? {};
        const isOn = (await running()).length > 0;
        assert.equal(isOn ? "Running" : state, state, label);
        if (state === "Shelved") {
          assert.deepEqual([shelved()?.status, rootOf()?.status], ["Ready", "NotInstantiated"], label);
          await ok("UnshelveVmInstance", { uuid });
        } else {
          assert.equal(rootOf()?.status, "Ready", label);
          if (state === "Stopped") await ok("StartVmInstance", { uuid });
        }
        assert.deepEqual([record()?.state, (await running()).length], ["Running", 1], label);
        await cloud.sweep();
        await seen(mirror, () => mirror.count("Flow") === 0);
        await cloud.sweep();
        await seen(mirror, () => mirror.count("Flow") === 0 && mirror.count("Volume") === 1 && shelved() === undefined);
        assert.deepEqual(
          [...mirror.all("Image")].map(({ value }) => value.uuid),
          [image],
          label,
        );
        assert.equal(images.kept().length, 1, label);
        assert.equal(mirror.count("Shelf") + mirror.count("Expunging"), 0, label);
      }
});

for (const isDone of [false, true])
  test(`a shelving whose manager ended ${isDone ? "after" : "before"} the host had done its part is finished by the next one, and so is an unshelving`, async (t) => {
    for (const [name, verbs] of [
      [
        "ShelveVmInstance",
        ["stopMachine", "flattenVolume", "volumePiece", "verifyVolume", "removeMachine", "deleteVolume"],
      ],
      ["UnshelveVmInstance", ["keepImage", "createVolumeFromImage", "startMachine"]],
    ] as const)
      for (const verb of verbs) {
        const { ok, call, cloud, hosts, store, uuid, imageStore, running, image, hostUuids } = await shelfBed(t);
        const [first = "", second = ""] = hostUuids;
        if (name === "UnshelveVmInstance") await ok("ShelveVmInstance", { uuid });
        const { command, volumePiece } = hosts.link;
        const reached = Promise.withResolvers<void>();
        const ended = async (signal: AbortSignal | undefined): Promise<never> => {
          reached.resolve();
          assert.ok(signal !== undefined);
          if (!signal.aborted) await once(signal, "abort");
          throw signal.reason;
        };
        hosts.link.command = async (host, what, how) => {
          if (what.do !== verb) return await command(host, what, how);
          if (isDone) await command(host, what, how);
          await ended(how.signal);
        };
        hosts.link.volumePiece = async (host, path, range, signal) => {
          if (verb === "volumePiece" && range.offset === 0) await ended(signal);
          return await volumePiece(host, path, range, signal);
        };
        const input = name === "UnshelveVmInstance" ? { uuid, hostUuid: second } : { uuid };
        const { task } = await call(name, input);
        await reached.promise;
        await cloud.close();
        Object.assign(hosts.link, { command, volumePiece });
        const next = await managerOn(t, store, hosts, { images: imageStore });
        const { mirror } = next.cloud;
        const end = await taskEnd(mirror, task.uuid, AbortSignal.timeout(60_000));
        assert.equal(end?.state, "Succeeded", `${name} ${verb}: ${JSON.stringify(end?.error)}`);
        const now = mirror.get("VmInstance", uuid)?.value;
        const isOff = name === "ShelveVmInstance";
        assert.deepEqual([now?.state, now?.operation], [isOff ? "Shelved" : "Running", null], `${name} ${verb}`);
        assert.deepEqual(await running(), isOff ? [] : [second], verb);
        if (isOff) assert.equal((await next.done("UnshelveVmInstance", { uuid, hostUuid: first })).state, "Succeeded");
        assert.deepEqual(
          [...mirror.all("Image")].map(({ value }) => value.uuid),
          [image],
          verb,
        );
        assert.deepEqual([mirror.count("Volume"), mirror.count("Shelf"), mirror.count("Flow")], [1, 0, 0], verb);
        await next.cloud.close();
      }
  });
