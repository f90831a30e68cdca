import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { it } from "node:test";
import {
  type CachedImage,
  cachedImagePath,
  type HostCommand,
  type HypervisorDriver,
  type MachineSpec,
  type NicSpec,
} from "../../../core/hypervisor/driver.ts";
import { refuses, running, uuidOf } from "./support.ts";

/* What every driver does with drives and network cards of machines that run: part of the conformance suite. */

const never = new AbortController().signal;

export type DeviceBed = {
  driver: () => HypervisorDriver;
  reopen: () => Promise<void>;
  folder: () => string;
  spec: (n: number, more?: Partial<MachineSpec>) => MachineSpec;
  /** Makes the volume, and starts the machine. */
  startNew: (n: number) => Promise<void>;
  /** A card in a network that the host can make. */
  nic: (n: number, more?: Partial<NicSpec>) => NicSpec;
};

export function deviceConformance({ driver, reopen, folder, spec, startNew, nic }: DeviceBed): void {
  const carryOut = (command: HostCommand, signal = never) => driver().carryOut(command, signal);
  const twice = async (command: HostCommand) => {
    for (let time = 0; time < 2; time++) await carryOut(command);
  };
  /** An ISO image in the cache: its path. */
  const iso = async (name: string): Promise<string> => {
    const content = Buffer.alloc(64 * 1024, name);
    const sha256 = createHash("sha256").update(content).digest("hex");
    const path = cachedImagePath(folder(), { sha256, format: "iso" });
    const image: CachedImage = { path, format: "iso", sha256, sizeBytes: content.length, bringer: uuidOf(0x70) };
    const { images } = driver();
    assert.ok(images !== undefined);
    if (!(await images.progress(image)).isWhole) await images.write(image, 0, content);
    await twice({ do: "keepImage", ...image });
    return path;
  };
  const insert = (n: number, path: string) => ({ do: "insertIso", uuid: uuidOf(n), path }) as const;
  const eject = (n: number, path: string) => ({ do: "ejectIso", uuid: uuidOf(n), path }) as const;
  const remove = (path: string) => carryOut({ do: "deleteCachedImage", path });
  const stop = (n: number) => carryOut({ do: "stopMachine", uuid: uuidOf(n), graceMs: 0 });

  it("puts three images into the drives of a machine that runs, no fourth, and takes them out; one is for several machines", async () => {
    await startNew(1);
    await startNew(2);
    const [one, two, three, four] = [await iso("one"), await iso("two"), await iso("three"), await iso("four")];
    for (const path of [one, two, three]) await twice(insert(1, path));
    await refuses(carryOut(insert(1, four)), "HYPERVISOR.CD_NO_DRIVE");
    await carryOut(insert(2, two));
    await twice(eject(1, two));
    await refuses(remove(two), "HYPERVISOR.IMAGE_IN_USE");
    await twice(eject(2, two));
    await remove(two);
    await refuses(carryOut(insert(1, two)), "HYPERVISOR.IMAGE_ABSENT");
    await reopen();
    await twice(insert(1, four));
    for (const path of [one, three, four]) await refuses(remove(path), "HYPERVISOR.IMAGE_IN_USE");
    await carryOut({ do: "rebootMachine", uuid: uuidOf(1) });
    await refuses(remove(four), "HYPERVISOR.IMAGE_IN_USE");
    await stop(1);
    for (const path of [one, three, four]) await remove(path);
    assert.deepEqual(await running(driver()), [uuidOf(2)]);
  });

  it("starts a machine with images in its drives, as often as it is told, and with whatever it boots from", async () => {
    await startNew(1);
    await stop(1);
    const [one, two] = [await iso("one"), await iso("two")];
    const isos = [one, two];
    for (const bootOrder of [
      ["CdRom"],
      ["Network", "CdRom", "HardDisk"],
      ["HardDisk"],
    ] satisfies MachineSpec["bootOrder"][]) {
      for (let time = 0; time < 2; time++)
        await carryOut({ do: "startMachine", machine: spec(1, { isos, bootOrder }) });
      await refuses(remove(two), "HYPERVISOR.IMAGE_IN_USE");
      await stop(1);
    }
    await remove(two);
    await refuses(carryOut({ do: "startMachine", machine: spec(1, { isos }) }), "HYPERVISOR.IMAGE_ABSENT");
    await carryOut({ do: "startMachine", machine: spec(1, { isos: [one] }) });
    await twice(eject(1, one));
    await remove(one);
    assert.deepEqual(await running(driver()), [uuidOf(1)]);
  });

  it("puts no other file than an ISO image of a cache into a drive, and nothing into one of a machine that is off", async () => {
    await startNew(1);
    const one = await iso("one");
    const raw = one.replace(/iso$/, "raw");
    for (const path of ["/etc/shadow", `${folder()}/volume-1`, `${one}/../../volume-1`, raw, `${one}x`, `/x${one}/`])
      for (const command of [insert(1, path), eject(1, path)]) await refuses(carryOut(command), "HYPERVISOR.BAD_PATH");
    await refuses(
      carryOut({ do: "startMachine", machine: spec(2, { disks: [], isos: [raw] }) }),
      "HYPERVISOR.BAD_PATH",
    );
    await refuses(carryOut(insert(1, one.replace(/[\da-f]{64}/, "0".repeat(64)))), "HYPERVISOR.IMAGE_ABSENT");
    await refuses(carryOut(insert(1, one), AbortSignal.abort()), "HYPERVISOR.ABORTED");
    await stop(1);
    for (const n of [1, 9]) {
      await refuses(carryOut(insert(n, one)), "HYPERVISOR.NOT_RUNNING");
      await twice(eject(n, one));
    }
    await remove(one);
  });

  it("gives a machine that runs a network card more, over a restart of the agent and a reboot, and none to one that is off", async () => {
    await startNew(1);
    const own = spec(1).nics;
    const address = { ip: "10.0.0.5", prefixLen: 24, gateway: "10.0.0.1" };
    const dhcpServer = { ip: "10.0.0.250", prefixLen: 24 };
    const more = nic(0x31, { deviceId: 1, l3NetworkUuid: uuidOf(0xb00), address, dhcpServer });
    const all = [...own, more];
    const attach = { do: "attachNic", uuid: uuidOf(1), mac: more.mac, nics: all } as const;
    await twice(attach);
    await reopen();
    await carryOut(attach);
    await carryOut({ do: "rebootMachine", uuid: uuidOf(1) });
    await carryOut(attach);
    await refuses(carryOut({ ...attach, mac: "52:54:00:00:00:99" }), "HYPERVISOR.FAILED");
    await refuses(carryOut({ ...attach, uuid: uuidOf(9) }), "HYPERVISOR.NOT_RUNNING");
    await stop(1);
    await refuses(carryOut(attach), "HYPERVISOR.NOT_RUNNING");
    const detach = { do: "detachNic", uuid: uuidOf(1), mac: more.mac, nics: own, waitMs: 0 } as const;
    await twice(detach);
    await twice({ ...detach, uuid: uuidOf(9) });
    await carryOut({ do: "startMachine", machine: spec(1, { nics: all }) });
    await carryOut({ ...detach, mac: "52:54:00:00:00:99", nics: all });
    assert.deepEqual(await running(driver()), [uuidOf(1)]);
  });
}
