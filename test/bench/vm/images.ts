import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { line } from "../../support/spaces.ts";
import { type Figure, figure, medianOf, spreadOf } from "../figures.ts";
import { memoryOf } from "../usage.ts";
import { mebibyte, type VmBed } from "./bed.ts";

const goal = ">= 80";
const pieceBytes = 8 * mebibyte;

/** Images that come to the manager and leave it, by turns with the same over loopback without it, and onto the disk. */
export async function imageFigures(bed: VmBed, runs: number, sizeBytes: number): Promise<Figure[]> {
  const piece = randomBytes(pieceBytes);
  const pieces = Math.ceil(sizeBytes / piece.length);
  const file = join(bed.folder, "image.raw");
  const socket = join(bed.folder, "bare.sock");
  const server = spawn(process.execPath, [join(import.meta.dirname, "bare-server.ts"), socket, file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await line(server, "ready");
  const client = new Client(bed.managerSocket, { authorization: `Bearer ${await bed.logIn()}` });
  const bare = new Client(socket);
  const speeds = { up: [], down: [], bareUp: [], bareDown: [], disk: [], ready: [] } as Record<string, number[]>;
  const before = memoryOf(bed.managerPid).rssMiB;
  let most = before;
  const watching = setInterval(() => {
    most = Math.max(most, memoryOf(bed.managerPid).rssMiB);
  }, 100);
  const time = async (name: string, action: () => Promise<unknown> | unknown) => {
    const from = performance.now();
    await action();
    speeds[name]?.push((pieces * piece.length) / mebibyte / ((performance.now() - from) / 1000));
  };
  const calls = { quiet: [] as number[], beside: [] as number[] };
  const added = async (name: string) => {
    const given = { name, url: "upload://bench.raw", format: "raw" as const, backupStorageUuids: [bed.storeUuid] };
    const { task } = await bed.client.call("AddImage", given);
    return { task: task.uuid, path: `/v1/images/${task.resourceUuid}/content` };
  };
  const ready = async (task: string) => {
    const ended = await bed.client.taskEnd(task);
    if (ended.state !== "Succeeded") throw new Error(JSON.stringify(ended.error));
  };
  try {
    for (let run = 0; run < runs; run++) {
      // Another content each time.
      piece.writeUInt32BE(run);
      await time("disk", () => written(file, piece, pieces));
      await time("bareUp", () => bare.send("/", piece, pieces));
      const { task, path } = await added(`up-${run}`);
      await time("ready", async () => {
        await time("up", () => client.send(path, piece, pieces));
        await ready(task);
      });
      await time("bareDown", () => bare.take("/"));
      await time("down", () => client.take(path));
      calls.quiet.push(...(await callsBeside(bed, () => pause(500))));
      const other = await added(`beside-${run}`);
      piece.writeUInt32BE(runs + run);
      calls.beside.push(...(await callsBeside(bed, () => client.send(other.path, piece, pieces))));
      await ready(other.task);
    }
  } finally {
    clearInterval(watching);
    server.kill();
    rmSync(file, { force: true });
  }
  const of = (name: string) => speeds[name] ?? [];
  // What holds both up: the slower of the disk and loopback, in the same round.
  const share = (ours: string, ...theirs: string[]) =>
    of(ours).map((speed, run) => (100 * speed) / Math.min(...theirs.map((name) => of(name)[run] ?? Number.NaN)));
  const [up, down] = [share("up", "bareUp", "disk"), share("down", "bareDown")];
  const told = (name: string) => `${medianOf(of(name)).toFixed(0)} MiB/s`;
  return [
    figure("uploadOfDiskOrLoopback", medianOf(up), "%", {
      ...{ goal, spread: spreadOf(up) },
      note: `${told("up")}; bare loopback ${told("bareUp")}, disk ${told("disk")}; until it is Ready ${told("ready")}`,
    }),
    figure("downloadOfLoopback", medianOf(down), "%", {
      ...{ goal, spread: spreadOf(down) },
      note: `${told("down")}; bare ${told("bareDown")}`,
    }),
    figure("callBesideUpload", medianOf(calls.beside), "ms", {
      spread: spreadOf(calls.beside),
      reference: { name: "the same call without an upload", value: medianOf(calls.quiet) },
      note: `GetVersion, one after the other; the slowest without an upload ${Math.max(...calls.quiet).toFixed(1)} ms`,
    }),
    figure("imagesMemory", most - before, "MiB", {
      note: `how far the manager's RSS rose from ${before.toFixed(0)} MiB while ${2 * runs} images of ${Math.round((pieces * piece.length) / mebibyte)} MiB came, and half of them left`,
    }),
  ];
}

/** How long each of the calls took that were made while something was done, in milliseconds. */
async function callsBeside(bed: VmBed, action: () => Promise<unknown>): Promise<number[]> {
  const took: number[] = [];
  let isOver = false;
  const done = action().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    const from = performance.now();
    await bed.client.call("GetVersion", {});
    took.push(performance.now() - from);
    await pause(5);
  }
  await done;
  return took;
}

function written(file: string, piece: Uint8Array, pieces: number): void {
  const handle = openSync(file, "w");
  try {
    for (let n = 0; n < pieces; n++) writeSync(handle, piece);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

class Client {
  readonly #socketPath: string;
  readonly #headers: Record<string, string>;

  constructor(socketPath: string, headers: Record<string, string> = {}) {
    this.#socketPath = socketPath;
    this.#headers = headers;
  }

  /** As zstack-cli does it: all of it in one request. */
  async send(path: string, piece: Uint8Array, pieces: number): Promise<void> {
    const total = pieces * piece.length;
    await this.#exchange("PUT", `${path}?offset=0&total=${total}`, { total, chunks: Array(pieces).fill(piece) });
  }

  async take(path: string): Promise<void> {
    await this.#exchange("GET", path);
  }

  async #exchange(method: string, path: string, body?: { total: number; chunks: Uint8Array[] }): Promise<void> {
    // A connection for each image: one that stood still for long is closed by the other end.
    const agent = new Agent();
    const type = { "content-type": "application/octet-stream", "content-length": String(body?.total ?? 0) };
    const headers = { ...this.#headers, ...(body === undefined ? {} : type) };
    const asked = request({ socketPath: this.#socketPath, method, path, headers, agent });
    const answered = new Promise<void>((resolve, reject) => {
      asked.on("error", reject);
      asked.on("response", (response) => {
        const { statusCode = 0 } = response;
        response.resume().once("end", () => {
          if (statusCode < 300) resolve();
          else reject(new Error(`${path}: ${statusCode}`));
        });
      });
    });
    await Promise.all([answered, pipeline(body?.chunks ?? [], asked)]);
    agent.destroy();
  }
}
