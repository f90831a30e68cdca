import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  effectiveProfiles,
  type ProfileFile,
  profileFolders,
  runFileName,
} from "../../../../core/node/network/profiles.ts";
import { readProfileFiles } from "../../../../core/node/network/read-profiles.ts";
import { fileOf } from "./profile-bed.ts";

const uuid = "11111111-1111-4111-8111-111111111111";
const text = (id: string, more = "") => `[connection]\nid=${id}\nuuid=${uuid}\ntype=ethernet\n${more}`;
const name = "a.nmconnection";
const idsOf = (files: ProfileFile[]) => effectiveProfiles(files).profiles.map(({ id }) => id);

function tombstone(place: "run" | "etc" | "lib", target = "/dev/null"): ProfileFile {
  const common = { place, name: `${uuid}.nmmeta`, path: `/${place}/${uuid}.nmmeta` };
  return { ...common, kind: "link", target, uid: 0 };
}

test("of profiles with one UUID that of /run is in force, then that of /etc; it tells which it hides", () => {
  const files = (["lib", "etc", "run"] as const).map((place) => fileOf(name, text(place), { place }));
  const [first, ...more] = effectiveProfiles(files).profiles;
  assert.deepEqual([first?.id, first?.hidden, more], ["run", [`/etc/${name}`, `/lib/${name}`], []]);
  assert.deepEqual(idsOf(files.slice(0, 2)), ["etc"]);
});

test("in one folder the newest of a UUID is in force, and of equally old ones the last by name", () => {
  const [old, young] = [fileOf("b", text("old")), { ...fileOf("a", text("young")), mtimeMs: 5 }];
  assert.deepEqual(idsOf([old, young]), ["young"]);
  assert.deepEqual(idsOf([fileOf("a", text("a")), fileOf("b", text("b"))]), ["b"]);
});

test("a tombstone hides the profile in its own folder and in those below, not in one above", () => {
  const [run, etc, lib] = (["run", "etc", "lib"] as const).map((place) => fileOf(name, text(place), { place }));
  assert.ok(run && etc && lib);
  assert.deepEqual(idsOf([tombstone("run"), etc, lib]), []);
  assert.deepEqual(idsOf([tombstone("run"), run]), []);
  assert.deepEqual(idsOf([tombstone("etc"), lib]), []);
  assert.deepEqual(idsOf([tombstone("etc"), run]), ["run"]);
  assert.deepEqual(idsOf([tombstone("lib"), lib]), ["lib"]);
  assert.deepEqual(idsOf([tombstone("run", "/etc/passwd"), etc]), ["etc"]);
});

test("a tombstone may be a file, when it says of which profile", () => {
  const meta = (own: string, path: string) => `[nmmeta]\nuuid=${own}\nloaded-path=${path}\n`;
  const stone = (content: string) => fileOf(`${uuid}.nmmeta`, content, { place: "run" });
  const etc = fileOf(name, text("etc"));
  assert.deepEqual(idsOf([stone(meta(uuid, "/dev/null")), etc]), []);
  assert.deepEqual(idsOf([stone(meta(uuid, "/etc/x")), etc]), ["etc"]);
  assert.deepEqual(idsOf([stone(meta(uuid.replace("1", "2"), "/dev/null")), etc]), ["etc"]);
});

test("files that NetworkManager ignores are ignored, by their names", () => {
  const own = (file: string, place: "run" | "etc") => idsOf([fileOf(file, text("x"), { place })]).length === 1;
  for (const file of [name, "a", "a.conf", "a.swp", "a b"]) assert.ok(own(file, "etc"), file);
  for (const file of [".a", `.${name}`, "a~", `${name}~`, "a.Ab3def", "a.pem", "a.DER"])
    assert.ok(!own(file, "etc"), file);
  assert.ok(own(name, "run"));
  for (const file of ["a", ".nmconnection", `${name}~`, `.${name}`]) assert.ok(!own(file, "run"), file);
  assert.deepEqual([runFileName("a"), runFileName(name)], [name, name]);
});

test("a file that is open to others or not root's is refused, and told; one broken file hides no other", () => {
  const files = [
    fileOf("open", text("x"), { mode: 0o100644 }),
    fileOf("foreign", text("x"), { uid: 1000 }),
    fileOf("broken", "[connection]\nnonsense\n"),
    fileOf("good", text("good")),
    {
      place: "etc" as const,
      name: "dead",
      path: "/etc/dead",
      kind: "unreadable" as const,
      why: "it can't be read (EIO)",
    },
  ];
  const { profiles, problems } = effectiveProfiles(files);
  assert.deepEqual(
    profiles.map(({ id }) => id),
    ["good"],
  );
  assert.deepEqual(
    problems.map(({ message }) => message),
    [
      "NetworkManager does not use the profile /etc/open: others than root may open it (mode 0644).",
      "NetworkManager does not use the profile /etc/foreign: it belongs to user 1000, not to root.",
      "/etc/broken can't be read as a profile: line 2, it is neither a key, a group nor a comment.",
      "NetworkManager does not use the profile /etc/dead: it can't be read (EIO).",
    ],
  );
});

test("what NetworkManager made up by itself is no configuration", () => {
  const generated = text("Wired connection 1", "\n[.nmmeta]\nnm-generated=true\n");
  assert.deepEqual(idsOf([fileOf(name, generated, { place: "run" })]), []);
  assert.deepEqual(idsOf([fileOf(name, text("x", "\n[.nmmeta]\nexternal=true\n"), { place: "run" })]), []);
  // Changed for the time being with nmcli: that is in force.
  const temporary = text("x", `\n[.nmmeta]\nshadowed-storage=/etc/${name}\n`);
  assert.deepEqual(idsOf([fileOf(name, temporary, { place: "run" })]), ["x"]);
});

test("a profile without id, UUID or type has those that NetworkManager derives", () => {
  // The UUIDs are those that NetworkManager 1.52 told for files of these names; it does not guess between two types.
  const { profiles } = effectiveProfiles([
    fileOf("noend", "[connection]\ntype=bond\n"),
    fileOf("dns", "[ethernet]\n"),
    fileOf("two.nmconnection", "[connection]\nuuid=A1\n[ethernet]\n[vlan]\n"),
  ]);
  assert.deepEqual(profiles.map(({ id, type, uuid: own }) => [id, type, own.slice(0, 13)]).toSorted(), [
    ["dns", "802-3-ethernet", "c9a3431f-fd22"],
    ["noend", "bond", "2d91140f-5582"],
    ["two", "", "a1"],
  ]);
});

test("the folders are read with what decides on each file", {
  skip: process.getuid?.() !== 0 && "needs root",
}, async () => {
  const base = mkdtempSync(join(tmpdir(), "binnacle-profiles-"));
  try {
    const folders = { run: join(base, profileFolders.run), etc: join(base, profileFolders.etc) };
    for (const folder of [folders.run, join(folders.etc, "folder.d")]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folders.etc, name), text("etc"), { mode: 0o600 });
    writeFileSync(join(folders.etc, "open"), text("x"));
    chmodSync(join(folders.etc, "open"), 0o644);
    symlinkSync("/nowhere", join(folders.etc, "dangling"));
    symlinkSync("/dev/zero", join(folders.etc, "device"));
    assert.deepEqual(idsOf(await readProfileFiles(base)), ["etc"]);
    symlinkSync("/dev/null", join(folders.run, `${uuid}.nmmeta`));
    const files = await readProfileFiles(base);
    assert.deepEqual(
      files.map((file) => [file.place, file.name, file.kind]),
      [
        ["run", `${uuid}.nmmeta`, "link"],
        ["etc", name, "file"],
        ["etc", "device", "unreadable"],
        ["etc", "open", "file"],
      ],
    );
    assert.deepEqual(idsOf(files), []);
  } finally {
    rmSync(base, { recursive: true });
  }
});
