import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeBackup } from "../../../core/backup/make.ts";
import { NodeError } from "../../../core/model/error.ts";
import { realMachine } from "../../../core/node/machine.ts";
import { SqliteStore } from "../../../core/store/sqlite.ts";

/* Makes backups on a small file system of its own that fills up at different places, and prints what came of each. */

async function main(home: string): Promise<void> {
  const mount = ["-t", "tmpfs", "-o", "mode=0700,size=4m", "tmpfs", home];
  assert.equal((await realMachine().run("mount", mount, { timeoutMs: 10_000 })).code, 0);
  mkdirSync(join(home, "backups"), { mode: 0o700 });
  const store = await SqliteStore.open({ file: join(home, "store.db"), indexes: {} });
  // Random, so that it packs to as much again.
  const text = () => Buffer.from(crypto.getRandomValues(new Uint8Array(30_000))).toString("base64");
  for (let i = 0; i < 15; i++)
    await store.transact([{ do: "put", kind: "Zone", key: `z${i}`, value: { text: text() } }]);
  const attempt = async () => {
    try {
      await makeBackup({
        folder: join(home, "backups"),
        store: { type: "sqlite", sizeBytes: async () => 0, copyTo: (to) => store.backup(to) },
        configurationFile: join(home, "manager.conf"),
        tlsFolder: join(home, "tls"),
        hostname: "mgmt01",
        version: "1.2.3",
        now: Date.UTC(2026, 10, 21, 14, 3, 7),
        keepAmount: 1,
        freeBytes: async () => Number.MAX_SAFE_INTEGER,
      });
      return "made";
    } catch (error) {
      return error instanceof NodeError ? error.code : String(error);
    }
  };
  const results: { ballastKiB: number; outcome: string; left: string[] }[] = [];
  for (let ballastKiB = 2_300; ballastKiB >= 0; ballastKiB -= 115) {
    const ballast = join(home, "ballast");
    rmSync(ballast, { force: true });
    try {
      writeFileSync(ballast, Buffer.alloc(ballastKiB * 1024));
    } catch {
      // As much as there is room for.
    }
    const outcome = await attempt();
    const left = readdirSync(join(home, "backups")).sort();
    for (const name of left) rmSync(join(home, "backups", name), { recursive: true });
    results.push({ ballastKiB, outcome, left });
  }
  await store.close();
  process.stdout.write(JSON.stringify(results));
}

await main(process.argv[2] ?? "");
