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
  const [port = 0, hostPort = 0] = await freePorts(2);
  const daemon = await ManagerDaemon.prepare({ folder: folder.path, hostPort, through });
  const cloud = cloudOf(size);
  const hostUuids = (cloud.get("Host") ?? []).map(({ uuid }) => String(uuid));
  const { setup, certificates } = await fleetSetup(daemon.tlsFolder, folder.path, hostPort, hostUuids);
  await fillFile(daemon.storeFile, cloud, certificates);
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
  return withCloud(section, small, (few) =>
    withCloud(section, large, async (bed) => {
      await pause(isQuick ? 500 : 3000);
      const [size, rss] = [JSON.stringify(large), () => memoryOf(bed.daemon.pid).rssMiB];
      const memory = { goal: "<= 1536", note: size };
      const afterStart = rss();
      const reads = await besides(few, bed, "reads");
      const writes = await besides(few, bed, "writes");
      const flat = { goal: "<= 20", note: `${large.machines} machines beside ${small.machines}, by turns` };
      const figures = [
        syncFigure(bed.daemon.folder),
        figure("start", bed.startMs, "ms", { goal: "<= 15000", note: size }),
        figure("memory.afterStart", afterStart, "MiB", memory),
        ...rateFigures("reads", reads.large, { share: ">= 50", p99: "<= 20" }, "a machine by its uuid; session, TLS"),
        ...rateFigures("readsAtRootDoor", await rates(bed, "reads", false), {}, "without session and TLS"),
        ...rateFigures(
          "writes.sqlite",
          writes.large,
          { share: ">= 25" },
          "a description, durable, audited; session, TLS",
        ),
        figure("costOfRead.growth", growth(reads), "%", flat),
        figure("costOfWrite.growth", growth(writes), "%", flat),
        ...(await queryFigures(bed)),
        await eventFigure(bed),
        figure("memory.afterCalls", rss(), "MiB", memory),
        await commandLineFigure(bed),
        ...(await pingFigures(bed, bed.fleet, large.hosts)),
      ];
      return [...figures, figure("memory.afterPings", rss(), "MiB", memory)];
    }),
  );
}

type Both = { small: Rates; large: Rates };

/** By turns, so that whatever else the machine and its disk do meets both. */
async function besides(few: ApiBed, bed: ApiBed, kind: "reads" | "writes"): Promise<Both> {
  const both: Both = { small: { ours: [], bare: [] }, large: { ours: [], bare: [] } };
  for (let round = 0; round < (bed.isQuick ? 1 : 3); round++)
    for (const [which, one] of [
      ["small", few],
      ["large", bed],
    ] as const) {
      const found = await rates(one, kind, true, 1);
      both[which].ours.push(...found.ours);
      both[which].bare.push(...found.bare);
    }
  return both;
}

/** By how much a call costs more where there is more, in percent. */
function growth({ small, large }: Both): number {
  return 100 * (perSecond(small.ours) / perSecond(large.ours) - 1);
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
