import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { LibvirtDriver } from "../../../../core/hypervisor/libvirt.ts";
import { NodeError } from "../../../../core/model/error.ts";
import { missingFacts } from "../../../../core/model/facts.ts";
import type { LocalAction, LocalMachinesView, LocalMachineView } from "../../../../core/model/local-machines.ts";
import type { Job } from "../../../../core/model/records.ts";
import { Jobs } from "../../../../core/node/jobs.ts";
import type { Machine } from "../../../../core/node/machine.ts";
import { LocalDesk } from "../../../../core/node/machines/desk.ts";
import { guestVolume } from "../../../support/libvirt/guest.ts";
import { LibvirtHost } from "../../../support/libvirt/host.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { undoAfter } from "../../../support/undo.ts";
import { nicOf } from "../../hypervisor/conformance.ts";

const never = new AbortController().signal;
/** A guest without hardware virtualization on a computer that others use may take minutes to boot. */
const patienceMs = 900_000;

/** The host, with its files as a process there sees them. `running`: its commands that have not ended. */
function machineOf(host: LibvirtHost, running: Set<object>): Machine {
  return {
    ...host.machine,
    async run(command, args, options) {
      const mine = {};
      running.add(mine);
      return await host.machine.run(command, args, options).finally(() => running.delete(mine));
    },
    readFile: async (path) => {
      try {
        // Itself is none of the processes that are seen there.
        const [, own] = /^\/proc\/self(\/.*)$/.exec(path) ?? [];
        return readFileSync(`/proc/${host.pid}${own ?? `/root${path}`}`, "utf8");
      } catch (cause) {
        throw new NodeError("FILE.ABSENT", path, { cause });
      }
    },
  };
}

async function until<T>(look: () => Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  for (const end = performance.now() + patienceMs; ; await pause(300)) {
    const seen = await look();
    if (holds(seen)) return seen;
    assert.ok(performance.now() < end, `never came: ${JSON.stringify(seen)}`);
  }
}

/** Types into a guest's serial line and waits for an answer. */
function typist(line: Duplex) {
  let text = "";
  line.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
  });
  return {
    text: () => text,
    type: (words: string) => line.write(`${words}\n`),
    said: (pattern: RegExp) =>
      until(
        async () => text,
        (seen) => pattern.test(seen),
      ),
  };
}

/** What `virsh domstats` says now, and between which moments it said so. */
async function domstats(host: LibvirtHost, uuid: string) {
  const before = performance.now();
  const text = await host.virsh("domstats", "--raw", "--vcpu", "--balloon", "--block", "--interface", uuid);
  const figure = (name: string) => Number(new RegExp(`^ *${name}=(\\d+)$`, "m").exec(text)?.[1] ?? Number.NaN);
  const cpuNs = figure("vcpu.0.time") + figure("vcpu.1.time");
  return { before, after: performance.now(), wall: Date.now(), figure, cpuNs };
}

test("figures of real machines agree with virsh; a console, a crash, a hang of libvirt and actions are as they are shown", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const host = new LibvirtHost(join(folder.path, "host"), "node-1");
  undoAfter(t, () => host.cutPower());
  await host.start();
  const running = new Set<object>();
  const machine = machineOf(host, running);
  const driver = new LibvirtDriver({
    ...{ machine, uri: host.uri, hasKvm: false, seen: (path: string) => host.seen(path) },
    networksFolder: join(folder.path, "networks"),
  });
  mkdirSync(join(folder.path, "jobs"));
  const jobs = await Jobs.open({ folder: join(folder.path, "jobs") });
  undoAfter(t, () => jobs.close());
  const desk = new LocalDesk({ machine, jobs, facts: () => missingFacts({ code: "pending", detail: "" }, 0) });
  desk.use(driver.local, (_uuid, work) => work());

  const uuid = randomUUID().replaceAll("-", "");
  const path = join(folder.path, "root.qcow2");
  await guestVolume(path);
  const spec = {
    ...{ uuid, name: "web  01 [数据]", cpuNum: 2, memorySize: 128 * 1024 ** 2 },
    ...{ disks: [{ volumeUuid: uuid, path, format: "qcow2" as const }] },
    nics: [nicOf(1, { segment: { physicalInterface: "br0", vlan: null, mtu: 1500 } })],
  };
  await driver.carryOut({ do: "startMachine", machine: spec }, never);
  const mine = randomUUID();
  const xml = join(folder.path, "mine.xml");
  writeFileSync(
    xml,
    `<domain type="qemu"><name>mine 'n' &lt;more&gt;</name><uuid>${mine}</uuid><memory unit="MiB">64</memory>` +
      `<vcpu>1</vcpu><os><type arch="x86_64" machine="q35">hvm</type></os></domain>`,
  );
  await host.virsh("define", xml);

  const rowOf = (view: LocalMachinesView, of: string) => view.list.find((each) => each.uuid === of);
  const all = () => desk.all();
  const one = () => desk.one(uuid);
  const mineUuid = mine.replaceAll("-", "");

  await t.test("those of a cloud and those of nobody's are told apart", async () => {
    const view = await until(all, (seen) => seen.list.length === 2);
    const ours = rowOf(view, uuid);
    assert.deepEqual([ours?.name, ours?.ofCloud, ours?.state, ours?.cpus], ["web  01 [数据]", true, "running", 2]);
    const other = rowOf(view, mineUuid);
    assert.deepEqual(
      [other?.name, other?.ofCloud, other?.state, other?.cpuShare],
      ["mine 'n' <more>", false, "stopped", null],
    );
  });

  const line = await desk.openSerial(uuid, never);
  const guest = typist(line);
  await t.test("its serial console answers, while somebody else looks on", async () => {
    const other = typist(await desk.openSerial(uuid, never));
    await until(
      async () => {
        guest.type("echo rea''dy");
        return guest.text();
      },
      (text) => text.includes("ready"),
    );
    await other.said(/ready/);
  });

  await t.test("CPU and disk rates lie between what virsh's counters allow; sizes are the same", async () => {
    // Without the guest's own cache.
    const reading = "echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/vda of=/dev/null bs=64k count=64 2>/dev/null";
    guest.type(`(while :; do ${reading}; done) &`);
    await until(one, ({ disks }) => (disks?.[0]?.read ?? 0) > 0);
    const isAtRest = () =>
      until(
        async () => running.size,
        (count) => count === 0,
      );
    await isAtRest();
    // Two readings of the desk, each between two of virsh.
    const a = await domstats(host, uuid);
    await until(one, ({ at }) => at > a.wall);
    await isAtRest();
    const b = await domstats(host, uuid);
    await pause(5_000);
    const c = await domstats(host, uuid);
    const view: LocalMachineView = await until(one, ({ at }) => at > c.wall);
    const d = await domstats(host, uuid);
    const allows = (figure: (stats: typeof a) => number) => ({
      least: (figure(c) - figure(b)) / (d.after - a.before),
      most: (figure(d) - figure(a)) / (c.before - b.after),
    });
    const isWithin = (rate: number | null | undefined, { least, most }: ReturnType<typeof allows>) =>
      assert.ok(
        typeof rate === "number" && rate >= least * 0.99 && rate <= most * 1.01,
        `${rate} of ${least} to ${most}`,
      );
    const cpu = allows(({ cpuNs }) => cpuNs / 1e6 / 2);
    assert.ok(cpu.least > 0.02, "the guest is busy");
    isWithin(view.machine.cpuShare, { ...cpu, most: Math.max(cpu.most, 1) });
    const [disk] = view.disks ?? [];
    isWithin(
      (disk?.read ?? 0) / 1000,
      allows(({ figure }) => figure("block.0.rd.bytes")),
    );
    assert.deepEqual([disk?.target, disk?.path, disk?.sizeBytes], ["vda", path, d.figure("block.0.capacity")]);
    const stored = Number((await host.virsh("domblkinfo", uuid, "vda")).match(/Allocation: +(\d+)/)?.[1]);
    assert.ok(stored > 0 && disk?.allocatedBytes === stored, `${disk?.allocatedBytes} of ${stored}`);
    assert.equal(view.machine.memoryBytes, d.figure("balloon.maximum") * 1024);
    assert.equal(view.balloonBytes, d.figure("balloon.current") * 1024);
    const [nic] = view.nics ?? [];
    assert.deepEqual([nic?.mac, (nic?.target ?? "") !== "", typeof nic?.received], [spec.nics[0]?.mac, true, "number"]);
    assert.ok(view.upSeconds !== null && view.upSeconds > 0);
  });

  await t.test("a libvirt that hangs is silent, and its machines are unknown, until it answers again", async () => {
    host.signal("libvirtd", "SIGSTOP");
    const silent = await until(all, ({ silence }) => silence !== null);
    assert.equal(silent.silence?.why.code, "timeout");
    assert.deepEqual(
      silent.list.map(({ state, cpuShare }) => [state, cpuShare]),
      [
        ["unknown", null],
        ["unknown", null],
      ],
    );
    assert.ok((silent.silence?.since ?? 0) <= (silent.at ?? 0));
    host.signal("libvirtd", "SIGCONT");
    const again = await until(all, ({ silence }) => silence === null);
    assert.equal(rowOf(again, uuid)?.state, "running");
  });

  const acts = async (action: LocalAction, of = uuid) => {
    const job = await desk.start({ uuid: of, action, toldOfCloud: true }, "tty1");
    return await until(
      async () => jobs.get(job.id),
      ({ state }: Job) => state !== "running",
    );
  };

  await t.test("a guest that is asked to shut down does so, and its line ends", async () => {
    const closed = new Promise((resolve) => line.once("close", resolve));
    assert.equal((await acts("shutDown")).state, "done");
    await closed;
    const view = await until(all, (seen) => rowOf(seen, uuid)?.state === "stopped");
    assert.equal(rowOf(view, uuid)?.why, "shutDown");
    assert.equal((await one()).refusals.start, "ofCloud");
  });

  await t.test("a machine whose QEMU is killed has crashed", async () => {
    await driver.carryOut({ do: "startMachine", machine: spec }, never);
    await until(all, (seen) => rowOf(seen, uuid)?.state === "running");
    host.signal("qemu-system-x86", "SIGKILL");
    await until(all, (seen) => rowOf(seen, uuid)?.state === "crashed");
  });

  await t.test("a machine of nobody's cloud is started and loses its power here", async () => {
    assert.equal((await acts("start", mineUuid)).state, "done");
    await until(all, (seen) => rowOf(seen, mineUuid)?.state === "running");
    assert.equal((await acts("powerOff", mineUuid)).state, "done");
    const view = await until(all, (seen) => rowOf(seen, mineUuid)?.state === "stopped");
    assert.equal(rowOf(view, mineUuid)?.why, "switchedOff");
  });
});
