import { setTimeout as pause } from "node:timers/promises";
import { ManagerDaemon } from "../../support/cloud/daemon.ts";
import { freePorts } from "../../support/ports.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { type Figure, figure } from "../figures.ts";
import { memoryOf } from "../usage.ts";
import { type ApiBed, eventFigure, perSecond, queryFigures, rateFigures, rates } from "./api.ts";
import { startBare } from "./bare.ts";
import { cloudOf, fillFile, type Size, someUuids } from "./clouds.ts";

export type Section = { through: readonly string[]; isQuick: boolean };

/** A manager on a store with so much in it, and a bare route beside it; `use` gives what was found. */
async function withCloud<T>(
  { through, isQuick }: Section,
  size: Size,
  use: (bed: ApiBed, startMs: number) => Promise<T>,
): Promise<T> {
  const folder = temporaryFolder();
  const daemon = await ManagerDaemon.prepare({ folder: folder.path, hostPort: 7070, through });
  const cloud = cloudOf(size);
  await fillFile(daemon.storeFile, cloud);
  const [port = 0] = await freePorts(1);
  const bare = await startBare(folder.path, port, through);
  const from = performance.now();
  await daemon.start();
  const startMs = performance.now() - from;
  const door = daemon.client();
  try {
    // Nobody answers at the addresses of these hosts.
    await door.call("UpdateGlobalConfig", { category: "host", name: "ping.interval", value: "3600" });
    const machines = someUuids(cloud, "VmInstance", 1000);
    return await use({ daemon, door, bare, through, machines, isQuick }, startMs);
  } finally {
    door.close();
    await daemon.kill();
    await bare.close();
    folder.dispose();
  }
}

/** Reads, writes, queries, start and memory with SQLite. */
export async function apiFigures(section: Section): Promise<Figure[]> {
  const { isQuick } = section;
  const large = isQuick ? { machines: 5_000, hosts: 500 } : { machines: 100_000, hosts: 10_000 };
  const small = { machines: 1_000, hosts: 100 };
  const few = await withCloud(section, small, async (bed) => ({
    reads: perSecond((await rates(bed, "reads", true)).ours),
    writes: perSecond((await rates(bed, "writes", true)).ours),
  }));
  return withCloud(section, large, async (bed, startMs) => {
    await pause(isQuick ? 500 : 3000);
    const memory = memoryOf(bed.daemon.pid);
    const reads = await rates(bed, "reads", true);
    const writes = await rates(bed, "writes", true);
    const slower = (now: number, before: number) => Math.max(0, 100 * (before / now - 1));
    const flat = { goal: "<= 20", note: `${large.machines} machines beside ${small.machines}` };
    return [
      figure("start", startMs, "ms", { goal: "<= 15000", note: JSON.stringify(large) }),
      figure("memory.afterStart", memory.rssMiB, "MiB", { goal: "<= 1536", note: JSON.stringify(large) }),
      ...rateFigures("reads", reads, { share: ">= 50", p99: "<= 20" }, "a machine by its uuid; session, TLS"),
      ...rateFigures("readsAtRootDoor", await rates(bed, "reads", false), {}, "without session and TLS"),
      ...rateFigures("writes.sqlite", writes, { share: ">= 25" }, "a description, durable, audited; session, TLS"),
      figure("costOfRead.growth", slower(perSecond(reads.ours), few.reads), "%", flat),
      figure("costOfWrite.growth", slower(perSecond(writes.ours), few.writes), "%", flat),
      ...(await queryFigures(bed)),
      await eventFigure(bed),
      figure("memory.afterLoad", memoryOf(bed.daemon.pid).rssMiB, "MiB", { goal: "<= 1536" }),
    ];
  });
}
