import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { makeBackup } from "../../../core/backup/make.ts";
import { unpackBackup } from "../../../core/backup/read.ts";
import { NodeError } from "../../../core/model/error.ts";
import { recordsOfCopy } from "../../../core/store/sqlite/records.ts";
import { backupBed, madeAt } from "./bed.ts";

const name = "mgmt01-store-20261121-140307.tar.gz";

test("a backup is one file of root's alone, with the store, the settings, the authority and what they are", async (t) => {
  const bed = await backupBed(t);
  const { backup } = await makeBackup(bed.options);
  assert.equal(backup.file, bed.place("backups", name));
  assert.deepEqual(bed.inBackups(), [name, `${name}.sha256`]);
  assert.equal(statSync(backup.file).mode & 0o777, 0o600);
  assert.equal(statSync(bed.place("backups")).mode & 0o777, 0o700);
  assert.equal(createHash("sha256").update(readFileSync(backup.file)).digest("hex"), backup.sha256);
  const { manifest, files } = await unpackBackup(backup.file, bed.empty("out"));
  assert.equal(manifest.madeAt, madeAt);
  assert.deepEqual(manifest.store, { type: "sqlite", schema: 1, records: { Zone: 3 } });
  assert.match(manifest.cloud?.name ?? "", /^Binnacle cloud /);
  for (const [member, source] of [
    ["manager.conf", "manager.conf"],
    ["ca.key", "tls/ca.key"],
    ["ca.crt", "tls/ca.crt"],
  ] as const)
    assert.equal(readFileSync(files[member] ?? "", "utf8"), readFileSync(bed.place(source), "utf8"));
  assert.deepEqual(
    [...recordsOfCopy(files["store.db"] ?? "")].map(({ key }) => key),
    ["a", "b", "c"],
  );
});

test("a second backup of the same second has a name of its own", async (t) => {
  const bed = await backupBed(t);
  await makeBackup(bed.options);
  const { backup } = await makeBackup(bed.options);
  assert.equal(backup.name, "mgmt01-store-20261121-140307-2");
});

describe("the amount that is kept", () => {
  test("leaves the newest ones, and files that are no backups", async (t) => {
    const bed = await backupBed(t);
    for (let hour = 0; hour < 3; hour++) await makeBackup({ ...bed.options, now: madeAt + hour * 3_600_000 });
    writeFileSync(bed.place("backups", "notes.tar.gz"), "");
    const { removed, backup } = await makeBackup({ ...bed.options, now: madeAt + 9 * 3_600_000, keepAmount: 2 });
    assert.deepEqual(removed, ["mgmt01-store-20261121-150307.tar.gz", name]);
    assert.deepEqual(
      bed.inBackups().filter((file) => file.endsWith(".gz")),
      ["mgmt01-store-20261121-160307.tar.gz", `${backup.name}.tar.gz`, "notes.tar.gz"],
    );
  });

  test("never deletes the one that was made just now, though a clock that was ahead has left names of the future", async (t) => {
    const bed = await backupBed(t);
    for (let year = 1; year <= 3; year++) await makeBackup({ ...bed.options, now: madeAt + year * 366 * 86_400_000 });
    const { removed, backup } = await makeBackup({ ...bed.options, keepAmount: 2 });
    assert.equal(removed.length, 2);
    const left = bed.inBackups().filter((file) => file.endsWith(".gz"));
    assert.deepEqual([left.length, left.includes(`${backup.name}.tar.gz`)], [2, true]);
  });

  test("deletes nothing when the new backup fails, and leaves nothing half of it", async (t) => {
    const bed = await backupBed(t);
    await makeBackup(bed.options);
    const before = bed.inBackups();
    const copyTo = async (to: string) => {
      await bed.store.backup(to);
      writeFileSync(to, Buffer.alloc(512, 0x5a), { flag: "r+" });
    };
    const failing = { ...bed.options, keepAmount: 1, store: { ...bed.options.store, copyTo } };
    await assert.rejects(makeBackup(failing), { code: "STORE.DAMAGED" });
    assert.deepEqual(bed.inBackups(), before);
  });
});

test("what a killed backup left is no backup and goes with the next one; that of a maker who lives stays", async (t) => {
  const bed = await backupBed(t);
  mkdirSync(bed.place("backups"), { mode: 0o700 });
  const dead = execFileSync("sh", ["-c", "echo $$"], { encoding: "utf8" }).trim();
  for (const pid of [dead, String(process.ppid)]) {
    mkdirSync(bed.place("backups", `.${name}.${pid}.unfinished`));
    writeFileSync(bed.place("backups", `.${name}.${pid}.unfinished`, "packed"), "half");
  }
  await makeBackup({ ...bed.options, now: Date.now() });
  const left = bed.inBackups().filter((file) => file.startsWith("."));
  assert.deepEqual(left, [`.${name}.${process.ppid}.unfinished`]);
});

test("one that is called off, while it is copied or packed, leaves nothing", async (t) => {
  for (const at of ["Copying", "Packing"]) {
    const bed = await backupBed(t);
    const calledOff = new AbortController();
    const reason = new NodeError("TEST.STOPPED", "Stopped.");
    const log = (line: string) => {
      if (line.startsWith(at)) calledOff.abort(reason);
    };
    await assert.rejects(makeBackup({ ...bed.options, signal: calledOff.signal, log }), reason);
    assert.deepEqual(bed.inBackups(), []);
  }
});

test("too little room is said before anything is written", async (t) => {
  const bed = await backupBed(t);
  await assert.rejects(makeBackup({ ...bed.options, freeBytes: async () => 1024 }), { code: "BACKUP.NO_SPACE" });
  assert.deepEqual(bed.inBackups(), []);
});

test("a folder that can't be one is said", async (t) => {
  const bed = await backupBed(t);
  writeFileSync(bed.place("backups"), "a file");
  await assert.rejects(makeBackup(bed.options), { code: "BACKUP.FAILED" });
});

describe("what is no good backup is refused", () => {
  /** Packs a folder of members anew, after somebody has had their hands in it. */
  function repack(folder: string, into: string): void {
    execFileSync("tar", ["-czf", into, "-C", folder, "--", "binnacle-backup"]);
  }

  async function changed(
    bed: Awaited<ReturnType<typeof backupBed>>,
    change: (member: (file: string) => string) => void,
  ): Promise<string> {
    const { backup } = await makeBackup(bed.options);
    execFileSync("tar", ["-xzf", backup.file, "-C", bed.empty("in")]);
    change((file) => bed.place("in", "binnacle-backup", file));
    repack(bed.place("in"), bed.place("changed.tar.gz"));
    return bed.place("changed.tar.gz");
  }

  function edit(file: string, change: (manifest: Record<string, unknown>) => object): void {
    const manifest: Record<string, unknown> = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify(change(manifest)));
  }

  /** The manifest tells the truth about the store that somebody has changed. */
  function reseal(member: (file: string) => string): void {
    const bytes = readFileSync(member("store.db"));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    edit(member("manifest.json"), ({ members, ...rest }) => ({
      ...rest,
      members: { ...Object(members), "store.db": { sizeBytes: bytes.length, sha256 } },
    }));
  }

  const cases: [title: string, code: string, change: (member: (file: string) => string) => void][] = [
    [
      "of another product",
      "BACKUP.OTHER_PRODUCT",
      (member) => edit(member("manifest.json"), (manifest) => ({ ...manifest, product: "Sextant" })),
    ],
    [
      "in a later form",
      "BACKUP.NEWER",
      (member) => edit(member("manifest.json"), (manifest) => ({ ...manifest, format: 2 })),
    ],
    [
      "of a later schema",
      "BACKUP.NEWER",
      (member) => {
        const db = new DatabaseSync(member("store.db"));
        db.exec("PRAGMA journal_mode = DELETE; PRAGMA user_version = 99");
        db.close();
        reseal(member);
      },
    ],
    [
      "with a database of somebody else",
      "BACKUP.DAMAGED",
      (member) => {
        const db = new DatabaseSync(member("store.db"));
        db.exec("PRAGMA journal_mode = DELETE; PRAGMA application_id = 7");
        db.close();
        reseal(member);
      },
    ],
    [
      "with fewer records than it says",
      "BACKUP.DAMAGED",
      (member) => {
        const db = new DatabaseSync(member("store.db"));
        db.exec("PRAGMA journal_mode = DELETE; DELETE FROM record WHERE key = 'b'");
        db.close();
        reseal(member);
      },
    ],
    ["with another key than it says", "BACKUP.DAMAGED", (member) => writeFileSync(member("ca.key"), "another")],
    ["without its store", "BACKUP.DAMAGED", (member) => renameSync(member("store.db"), member("other.db"))],
    ["without a manifest", "BACKUP.NOT_ONE", (member) => renameSync(member("manifest.json"), member("m.json"))],
    ["with a manifest that is none", "BACKUP.NOT_ONE", (member) => writeFileSync(member("manifest.json"), "[1, 2")],
    [
      "with a manifest that leads elsewhere",
      "BACKUP.NOT_ONE",
      (member) => {
        renameSync(member("manifest.json"), member("m.json"));
        symlinkSync("/etc/passwd", member("manifest.json"));
      },
    ],
    [
      "whose member is far larger than it says",
      "BACKUP.DAMAGED",
      (member) => truncateSync(member("manager.conf"), 50_000_000),
    ],
  ];
  for (const [title, code, change] of cases)
    test(title, async (t) => {
      const bed = await backupBed(t);
      const file = await changed(bed, change);
      await assert.rejects(unpackBackup(file, bed.empty("out")), { code });
    });

  test("cut off at any place, or with a byte changed that means something", async (t) => {
    const bed = await backupBed(t);
    const { backup } = await makeBackup(bed.options);
    const whole = readFileSync(backup.file);
    const content = gunzipSync(whole);
    const good = ["BACKUP.NOT_ONE", "BACKUP.DAMAGED", "BACKUP.OTHER_PRODUCT", "BACKUP.NEWER"];
    const refused = (error: unknown) => error instanceof NodeError && good.includes(error.code);
    for (let i = 0; i < 12; i++) {
      const cut = Math.floor((whole.length * i) / 12);
      writeFileSync(bed.place("cut"), whole.subarray(0, cut));
      await assert.rejects(unpackBackup(bed.place("cut"), bed.empty(`cut-${i}`)), refused, `cut at ${cut}`);
      const bent = Buffer.from(whole);
      const at = 20 + Math.floor(((whole.length - 40) * i) / 12);
      bent[at] = (bent[at] ?? 0) ^ 0x10;
      // Some bits of a packed file are only there to fill a byte: what is unpacked is the same then.
      if (unpacked(bent)?.equals(content) === true) continue;
      writeFileSync(bed.place("bent"), bent);
      await assert.rejects(unpackBackup(bed.place("bent"), bed.empty(`bent-${i}`)), refused, `changed at ${at}`);
    }
  });

  test("a text, nothing, a folder, a pipe, a file that is not there", async (t) => {
    const bed = await backupBed(t);
    writeFileSync(bed.place("text"), "SELECT 1;\n");
    writeFileSync(bed.place("nothing"), "");
    execFileSync("mkfifo", [bed.place("pipe")]);
    for (const [file, code] of [
      ["text", "BACKUP.NOT_ONE"],
      ["nothing", "BACKUP.NOT_ONE"],
      ["tls", "BACKUP.UNREADABLE"],
      ["pipe", "BACKUP.UNREADABLE"],
      ["absent", "BACKUP.UNREADABLE"],
    ] as const)
      await assert.rejects(unpackBackup(bed.place(file), bed.empty(`out-${file}`)), { code }, file);
  });
});

function unpacked(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes);
  } catch {
    return undefined;
  }
}

test("a name that tar or a shell would take for something else is only a name", async (t) => {
  const bed = await backupBed(t);
  const { backup } = await makeBackup(bed.options);
  for (const [i, odd] of ["with blanks and\na new line", "host:file", "-C", "$(touch hit);`touch hit`'\""].entries()) {
    const file = join(bed.folder, odd);
    copyFileSync(backup.file, file);
    const { manifest } = await unpackBackup(file, bed.empty(`out-${i}`));
    assert.equal(manifest.hostname, "mgmt01");
  }
});
