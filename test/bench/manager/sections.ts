import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fdatasyncSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { bundle } from "../../../scripts/dev/build.ts";
import { ManagerDaemon } from "../../support/cloud/daemon.ts";
import { freePorts } from "../../support/ports.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { type Figure, figure, spreadOf } from "../figures.ts";
import { memoryOf } from "../usage.ts";
import { type ApiBed, eventFigure, perSecond, queryFigures, type Rates, rateFigures, rates, token } from "./api.ts";
import { startBare } from "./bare.ts";
import { fleetSetup } from "./certificates.ts";
import { cloudOf, fillFile, type Size, someUuids } from "./clouds.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import { pingFigures } from "./hosts.ts";

export type Section = { through: readonly string[]; isQuick: boolean };

type CloudBed = ApiBed & { fleet: Fleet; startMs: number };

/** A manager on a store with so much in it, with the agents of its hosts and a bare route beside it. */
async function withCloud<T>({ through, isQuick }: Section, size: Size, use: (bed: CloudBed) => Promise<T>): Promise<T> {
  const folder = temporaryFolder();
  const daemon = await ManagerDaemon.prepare({ folder: folder.path, hostPort: 7070, through });
  const cloud = cloudOf(size);
  const hostUuids = (cloud.get("Host") ?? []).map(({ uuid }) => String(uuid));
  const { setup, certificates } = await fleetSetup(daemon.tlsFolder, folder.path, 7070, hostUuids);
  await fillFile(daemon.storeFile, cloud, certificates);
  const [port = 0] = await freePorts(1);
  const bare = await startBare(folder.path, port, through);
  const fleet = await startFleet(folder.path, setup, through);
  const from = performance.now();
  await daemon.start();
  const startMs = performance.now() - from;
  const door = daemon.client();
  try {
    // Pings are measured by themselves.
    await door.call("UpdateGlobalConfig", { category: "host", name: "ping.interval", value: "3600" });
    const machines = someUuids(cloud, "VmInstance", 1000);
    return await use({ daemon, door, bare, fleet, startMs, through, machines, isQuick });
  } finally {
    door.close();
    await daemon.kill();
    await bare.close();
    await fleet.close();
    folder.dispose();
  }
}

/** With SQLite: start, memory, reads, writes, queries, events, the command line and pings. */
export async function cloudFigures(section: Section): Promise<Figure[]> {
  const { isQuick } = section;
  const large = isQuick ? { machines: 5_000, hosts: 500 } : { machines: 100_000, hosts: 10_000 };
  const small = { machines: 1_000, hosts: 100 };
  const few = await withCloud(section, small, async (bed) => ({
    reads: costOf(await rates(bed, "reads", true)),
    writes: costOf(await rates(bed, "writes", true)),
  }));
  return withCloud(section, large, async (bed) => {
    await pause(isQuick ? 500 : 3000);
    const [size, rss] = [JSON.stringify(large), () => memoryOf(bed.daemon.pid).rssMiB];
    const memory = { goal: "<= 1536", note: size };
    const afterStart = rss();
    const reads = await rates(bed, "reads", true);
    const writes = await rates(bed, "writes", true);
    const flat = {
      goal: "<= 20",
      note: `${large.machines} machines beside ${small.machines}, each beside the bare route`,
    };
    const figures = [
      syncFigure(bed.daemon.folder),
      figure("start", bed.startMs, "ms", { goal: "<= 15000", note: size }),
      figure("memory.afterStart", afterStart, "MiB", memory),
      ...rateFigures("reads", reads, { share: ">= 50", p99: "<= 20" }, "a machine by its uuid; session, TLS"),
      ...rateFigures("readsAtRootDoor", await rates(bed, "reads", false), {}, "without session and TLS"),
      ...rateFigures("writes.sqlite", writes, { share: ">= 25" }, "a description, durable, audited; session, TLS"),
      figure("costOfRead.growth", 100 * (costOf(reads) / few.reads - 1), "%", flat),
      figure("costOfWrite.growth", 100 * (costOf(writes) / few.writes - 1), "%", flat),
      ...(await queryFigures(bed)),
      await eventFigure(bed),
      figure("memory.afterCalls", rss(), "MiB", memory),
      await commandLineFigure(bed),
      ...(await pingFigures(bed, bed.fleet, large.hosts)),
    ];
    return [...figures, figure("memory.afterPings", rss(), "MiB", memory)];
  });
}

/** Of a call, in calls of the bare route: what else the machine does takes its share of both. */
function costOf({ ours, bare }: Rates): number {
  return perSecond(bare) / perSecond(ours);
}

/** What the disk takes to make a page durable, which every write waits for. */
function syncFigure(folder: string): Figure {
  const file = openSync(join(folder, "sync"), "w");
  const page = Buffer.alloc(4096);
  const times = Array.from({ length: 200 }, () => {
    writeSync(file, page);
    const from = performance.now();
    fdatasyncSync(file);
    return performance.now() - from;
  });
  closeSync(file);
  return figure("disk.sync", spreadOf(times).median, "ms", { spread: spreadOf(times), note: "of 4 KiB, by fdatasync" });
}

/** One call of zstack-cli from its start to its end. */
async function commandLineFigure({ daemon, door, through, isQuick }: CloudBed): Promise<Figure> {
  const server = `127.0.0.1:${daemon.apiPort}`;
  mkdirSync(join(daemon.folder, ".zstack-cli"), { mode: 0o700 });
  const session = { [server]: { token: await token(door), accountName: "admin" } };
  writeFileSync(join(daemon.folder, ".zstack-cli/session"), JSON.stringify(session), { mode: 0o600 });
  const connection = ["-H", "127.0.0.1", "-p", String(daemon.apiPort), "--ca", join(daemon.tlsFolder, "ca.crt")];
  const line = [process.execPath, bundle("zstack-cli"), ...connection, "QueryHost"];
  const times: number[] = [];
  for (let n = 0; n < (isQuick ? 3 : 20); n++) {
    const [program = "", ...args] = [...through, ...line];
    const from = performance.now();
    const env = { HOME: daemon.folder, PATH: process.env["PATH"] };
    const child = spawn(program, args, { env, stdio: ["ignore", "ignore", "inherit"] });
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`zstack-cli ended with ${String(code)}.`);
    times.push(performance.now() - from);
  }
  const spread = spreadOf(times);
  return figure("commandLine.oneShot", spread.median, "ms", { goal: "<= 250", spread, note: "a page of 100 hosts" });
}
