import { setTimeout as pause } from "node:timers/promises";
import { ipOf } from "../../core/orchestrator/query/support.ts";
import { ManagerDaemon } from "../../support/cloud/daemon.ts";
import type { RootClient } from "../../support/cloud/root-client.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { type Figure, figure } from "../figures.ts";
import { CpuMeter } from "../usage.ts";
import { fleetSetup } from "./certificates.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import type { Section } from "./sections.ts";

/* Many hosts: their pings, their joining, and machines on them. */

/** Pings in the first interval, with which each connection begins, and in the next. */
export async function pingFigures(
  { daemon, door, isQuick }: { daemon: ManagerDaemon; door: RootClient; isQuick: boolean },
  fleet: Fleet,
  hosts: number,
): Promise<Figure[]> {
  const seconds = isQuick ? 5 : 60;
  await fleet.counts();
  await door.call("UpdateGlobalConfig", { category: "host", name: "ping.interval", value: String(seconds) });
  const window = async () => {
    const meter = new CpuMeter(daemon.pid);
    // A ping that is due at the end is on its way then.
    await pause(seconds * 1000 + 1000);
    meter.mark();
    return { ...(await fleet.counts()), cpuPercent: meter.percent };
  };
  const [first, next] = [await window(), await window()];
  await door.call("UpdateGlobalConfig", { category: "host", name: "ping.interval", value: "3600" });
  const note = `${hosts} hosts over TLS, ping.interval ${seconds} s`;
  return [
    figure("pings.hostsWithinInterval", next.pingedHosts, "hosts", { goal: `>= ${hosts}`, note }),
    figure("pings.hostsWithinFirstInterval", first.pingedHosts, "hosts", { goal: `>= ${hosts}` }),
    figure("pings.cpu", next.cpuPercent, "%", { goal: "<= 25", note: `of one core; ${next.pings} pings` }),
    figure("pings.cpuOfFirstInterval", first.cpuPercent, "%", { note: "with all connections to be opened" }),
  ];
}

/** A thousand hosts join at once, and a thousand machines are made on them at once. */
export async function fleetFigures({ through, isQuick }: Section): Promise<Figure[]> {
  const count = isQuick ? 20 : 1000;
  const folder = temporaryFolder();
  const daemon = await ManagerDaemon.prepare({ folder: folder.path, hostPort: 7070, through });
  const { setup } = await fleetSetup(daemon.tlsFolder, folder.path, 7070, []);
  const fleet = await startFleet(folder.path, setup, through);
  await daemon.start();
  const door = daemon.client();
  try {
    const zoneUuid = (await door.call("CreateZone", { name: "home" })).inventory.uuid;
    const clusterUuid = (await door.call("CreateCluster", { name: "all", zoneUuid })).inventory.uuid;
    const given = { name: "shared", zoneUuid, url: "/mnt/shared" };
    const storage = (await door.call("AddSharedMountPointPrimaryStorage", given)).inventory;
    await door.call("AttachPrimaryStorageToCluster", { uuid: storage.uuid, clusterUuid });
    const meter = new CpuMeter(daemon.pid);
    const joining = await timed(door, count, (n) => {
      const address = ipOf(n + 1);
      return door.call("AddKVMHost", { name: `kvm-${n}`, clusterUuid, managementIp: address, password: "any" });
    });
    meter.mark();
    const creating = await timed(door, count, (n) =>
      door.call("CreateVmInstance", { name: `web-${n}`, cpuNum: 1, memorySize: 2 ** 30, rootDiskSize: 2 ** 30 }),
    );
    const { commands } = await fleet.counts();
    return [
      figure("join.hosts", joining.succeeded, "hosts", {
        goal: `>= ${count}`,
        note: "at once, by the protocol of real agents",
      }),
      figure("join.perSecond", (1000 * joining.succeeded) / joining.ms, "tasks/s", {
        note: `${Math.round(meter.percent)} % of a core by the manager and the openssl that signs for it`,
      }),
      figure("creations.perSecond", (1000 * creating.succeeded) / creating.ms, "tasks/s", {
        goal: ">= 200",
        note: `${creating.succeeded} of ${count} machines at once, ${commands} commands to hosts over TLS`,
      }),
    ];
  } finally {
    door.close();
    await daemon.kill();
    await fleet.close();
    folder.dispose();
  }
}

type Begun = { task: { uuid: string } };

/** From the first call until the last task has ended. */
async function timed(door: RootClient, count: number, begin: (n: number) => Promise<Begun>) {
  const from = performance.now();
  const begun = await Promise.all(Array.from({ length: count }, (_, n) => begin(n)));
  const q = ["state?=Waiting,Running"];
  while (((await door.call("QueryTask", { q, count: true })).total ?? 0) > 0) await pause(20);
  const ms = performance.now() - from;
  const ends = await Promise.all(begun.map(({ task }) => door.call("GetTask", { uuid: task.uuid })));
  const failed = ends.find(({ inventory }) => inventory.state !== "Succeeded");
  if (failed !== undefined) console.error(JSON.stringify(failed.inventory.error));
  return { ms, succeeded: ends.filter(({ inventory }) => inventory.state === "Succeeded").length };
}
