import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Dispatcher } from "../../core/manager/dispatch.ts";
import { createCloudServer } from "../../core/manager/server.ts";
import { createLog } from "../../core/node/log.ts";
import { Mirror } from "../../core/orchestrator/mirror.ts";
import { Records } from "../../core/orchestrator/records.ts";
import { LiveSettings } from "../../core/orchestrator/settings.ts";
import { SqliteStore } from "../../core/store/sqlite.ts";
import { bundle, ensureBuilt } from "../../scripts/dev/build.ts";
import { newUuid } from "../core/orchestrator/bed.ts";
import { temporaryFolder } from "../support/programs.ts";
import { type Document, type Figure, figure, machine } from "./figures.ts";

/*
 * npm run -s bench:cli [-- --quick]: one call of zstack-cli from its start to its end, TLS and a page of a hundred hosts
 * included, beside a Node that does nothing at all.
 */

const { quick } = parseArgs({ options: { quick: { type: "boolean", default: false } } }).values;
const runs = quick ? 5 : 30;

/** The API's server on this machine, with an answer that is there already. Resolves to its port. */
async function serve(folder: string): Promise<{ port: number; caFile: string; close(): Promise<void> }> {
  const [keyFile, caFile] = [join(folder, "key.pem"), join(folder, "ca.pem")];
  const made = spawnSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"],
    ...["-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", keyFile, "-out", caFile],
  ]);
  if (made.status !== 0) throw new Error(String(made.stderr));
  const store = await SqliteStore.open({ file: join(folder, "store.db"), indexes: {} });
  const mirror = await Mirror.open(store);
  const records = new Records({ store, mirror, now: Date.now });
  const inventories = Array.from({ length: 100 }, (_, i) => ({ uuid: newUuid(), name: `host-${i}`, state: "Enabled" }));
  const dispatcher = new Dispatcher({
    calls: { QueryHost: { read: () => ({ inventories }) } },
    records,
    store,
    authenticate: () => ({ sessionUuid: null, userUuid: null, accountName: "admin" }),
    audit: { newKey: newUuid, put: () => {}, change: async () => {}, read: () => {}, flush: async () => {} },
    context: {
      mirror,
      settings: new LiveSettings(mirror),
      newUuid,
      startTask: () => {
        throw new Error("No task is measured.");
      },
    },
  });
  const tls = { key: fs.readFileSync(keyFile, "utf8"), cert: fs.readFileSync(caFile, "utf8") };
  const log = createLog({ level: "silent" });
  const { server } = createCloudServer({ dispatcher, log, tls, mirror, authenticate: () => undefined });
  await server.listen({ port: 0, host: "127.0.0.1" });
  const address = server.server.address();
  if (typeof address !== "object" || address === null) throw new Error("The server has no address.");
  const close = async () => {
    server.server.closeAllConnections();
    await server.close();
    await mirror.close();
    await store.close();
  };
  return { port: address.port, caFile, close };
}

/** Milliseconds from start to end of a command, which must succeed; each beside the other, so that both see the same load. */
async function measure(args: readonly string[], home: string): Promise<number> {
  const from = performance.now();
  const child = spawn(process.execPath, args, { env: { HOME: home, PATH: "" }, stdio: ["ignore", "pipe", "inherit"] });
  child.stdout.resume();
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}.`);
  return performance.now() - from;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function bench(): Promise<Figure[]> {
  await ensureBuilt();
  const folder = temporaryFolder();
  const server = await serve(folder.path);
  try {
    const name = `127.0.0.1:${server.port}`;
    fs.mkdirSync(join(folder.path, ".zstack-cli"));
    const session = { [name]: { token: "x", accountName: "admin" } };
    fs.writeFileSync(join(folder.path, ".zstack-cli/session"), JSON.stringify(session));
    const options = ["-H", "127.0.0.1", "-p", String(server.port), "--ca", server.caFile];
    const lines = {
      oneShotJson: [bundle("zstack-cli"), ...options, "QueryHost"],
      oneShotTable: [bundle("zstack-cli"), ...options, "-s", "QueryHost"],
      nothing: ["--eval", "0"],
    };
    const times: Record<keyof typeof lines, number[]> = { oneShotJson: [], oneShotTable: [], nothing: [] };
    for (let i = 0; i < runs; i++)
      for (const [key, all] of Object.entries(times))
        all.push(await measure(lines[key as keyof typeof lines], folder.path));
    const reference = { name: "node --eval 0", value: median(times.nothing) };
    return (["oneShotJson", "oneShotTable"] as const).map((key) => {
      const all = times[key];
      const spread = { runs, min: Math.min(...all), median: median(all), max: Math.max(...all) };
      return figure(key, spread.median, "ms", { goal: "<= 250", spread, reference });
    });
  } finally {
    await server.close();
    folder.dispose();
  }
}

const began = performance.now();
const figures = await bench();
const seconds = Math.round((performance.now() - began) / 1000);
const document: Document = { bench: "cli", quick, machine: machine(), seconds, figures };
process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
