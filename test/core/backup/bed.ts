import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { BackupOptions } from "../../../core/backup/make.ts";
import { pkiFiles } from "../../../core/manager/pki-files.ts";
import { Authority } from "../../../core/pki/authority.ts";
import { SqliteStore } from "../../../core/store/sqlite.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

export const madeAt = Date.UTC(2026, 10, 21, 14, 3, 7);

/** A store with a few records, an authority and settings in a folder of their own. */
export async function backupBed(t: TestContext) {
  const temporary = temporaryFolder();
  undoAfter(t, temporary.dispose);
  const place = (...names: string[]) => join(temporary.path, ...names);
  const file = place("store.db");
  const store = await SqliteStore.open({ file, indexes: {} });
  undoAfter(t, () => store.close());
  for (const name of ["a", "b", "c"])
    await store.transact([{ do: "put", kind: "Zone", key: name, value: { uuid: name, name } }]);
  await Authority.open({ ...pkiFiles(), folder: place("tls"), now: Date.now });
  writeFileSync(place("manager.conf"), "api.port=8443\n");
  const options: BackupOptions = {
    folder: place("backups"),
    store: { type: "sqlite", sizeBytes: async () => 1024, copyTo: (to) => store.backup(to) },
    configurationFile: place("manager.conf"),
    tlsFolder: place("tls"),
    hostname: "mgmt01",
    version: "1.2.3",
    now: madeAt,
  };
  return {
    folder: temporary.path,
    place,
    store,
    options,
    inBackups: () => readdirSync(place("backups")).sort(),
    /** An empty folder to unpack into. */
    empty(name: string): string {
      mkdirSync(place(name), { mode: 0o700 });
      return place(name);
    },
  };
}
