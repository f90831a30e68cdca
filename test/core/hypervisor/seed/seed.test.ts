import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { isoImage } from "../../../../core/hypervisor/seed/iso-image.ts";
import { machineSeed, seedImage } from "../../../../core/hypervisor/seed/seed.ts";
import { mostUserDataBytes } from "../../../../core/model/cloud/guest-data.ts";
import { runCommand } from "../../../../core/node/command.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { publicKey } from "../../../support/public-key.ts";
import { undoAfter } from "../../../support/undo.ts";

/* That a kernel mounts it and xorriso takes it for what it is, tests with real guests show. */

const seed = { instanceId: "iid-1", hostName: "web-1.example.org", sshPublicKeys: [publicKey("anna@office")] };

type Found = { name: string; content: Buffer };

/** What stands in the root directory of the tree whose volume descriptor is in this sector. */
function filesOf(image: Buffer, descriptor: number): Found[] {
  const isJoliet = descriptor === 17;
  const root = image.subarray(descriptor * 2048 + 156);
  assert.equal(image.toString("latin1", descriptor * 2048 + 1, descriptor * 2048 + 6), "CD001");
  assert.equal(image.readUInt32LE(descriptor * 2048 + 80) * 2048, image.length);
  const [start, length] = [root.readUInt32LE(2) * 2048, root.readUInt32LE(10)];
  const found: Found[] = [];
  for (let at = start; at < start + length && image[at] !== 0; at += image[at] ?? 0) {
    const record = image.subarray(at, at + (image[at] ?? 0));
    for (const offset of [2, 10]) assert.equal(record.readUInt32LE(offset), record.readUInt32BE(offset + 4));
    const id = Buffer.from(record.subarray(33, 33 + (record[32] ?? 0)));
    if (id.length === 1) continue;
    const name = isJoliet ? id.swap16().toString("utf16le") : id.toString("latin1");
    const from = record.readUInt32LE(2) * 2048;
    assert.ok(from >= 25 * 2048, "it lies behind the directories");
    found.push({ name, content: image.subarray(from, from + record.readUInt32LE(10)) });
  }
  return found;
}

test("blkid finds the label that cloud-init looks for, with names in lower case, also on a disk without user data", async (t) => {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  for (const more of [{}, { userData: Buffer.alloc(mostUserDataBytes, "x").toString("base64") }]) {
    const file = join(folder.path, "seed");
    writeFileSync(file, seedImage({ ...seed, ...more }));
    const { stdout } = await runCommand("blkid", ["-p", "-o", "export", file], { timeoutMs: 60_000 });
    for (const line of ["LABEL=cidata", "TYPE=iso9660", "VERSION=Joliet Extension"])
      assert.ok(
        stdout.split("\n").some((each) => each.replaceAll("\\", "") === line),
        `${line} is not in ${stdout}`,
      );
  }
});

test("both trees have the same two files, whatever their size, in order and whole", () => {
  for (const size of [0, 1, 2047, 2048, 2049, mostUserDataBytes]) {
    const content = Buffer.from(Array.from({ length: size }, (_, n) => n % 251));
    const image = seedImage({ ...seed, ...(size === 0 ? {} : { userData: content.toString("base64") }) });
    assert.equal(image.length % 2048, 0);
    const [plain, joliet] = [filesOf(image, 16), filesOf(image, 17)];
    assert.deepEqual(
      plain.map(({ name }) => name),
      ["META-DATA.;1", "USER-DATA.;1"],
    );
    assert.deepEqual(
      joliet.map(({ name }) => name),
      ["meta-data", "user-data"],
    );
    for (const [, user] of [plain, joliet]) assert.ok(user?.content.equals(content), `${size} bytes`);
    for (const [meta] of [plain, joliet])
      assert.deepEqual(parse(meta?.content.toString() ?? ""), {
        "instance-id": "iid-1",
        "local-hostname": "web-1.example.org",
        "public-keys": seed.sshPublicKeys,
      });
  }
  assert.ok(seedImage(seed).equals(seedImage(seed)), "the same for the same seed");
  assert.throws(() => isoImage("a label; too long", []));
  assert.throws(() => isoImage("cidata", [{ name: "../x", content: Buffer.alloc(0) }]));
});

test("a seed that would be read as something else is refused, and what stands in the comment of a key stays there", () => {
  const refused: object[] = [
    { instanceId: "iid-1\nhostname: x" },
    { instanceId: "" },
    { hostName: "web\nruncmd" },
    { sshPublicKeys: [`${publicKey("x")}\nssh-rsa AAAA`] },
    { userData: "not base64" },
    { more: 1 },
  ];
  for (const more of refused) assert.ok(!machineSeed.safeParse({ ...seed, ...more }).success, JSON.stringify(more));
  const key = publicKey(`"]}, # é: {{ runcmd: [*x] }} \\`);
  const good = machineSeed.parse({ ...seed, sshPublicKeys: [key] });
  const [meta] = filesOf(seedImage(good), 17);
  assert.deepEqual(parse(meta?.content.toString() ?? "")["public-keys"], [key]);
});
