import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { type TestContext, test } from "node:test";
import { NoticeError, noticeOf, noticesText } from "../../../scripts/dev/notices.ts";
import { temporaryFolder } from "../../support/programs.ts";

/** A package's folder: fields of its package.json, and its other files by name. */
function packageOf(t: TestContext, fields: object, files: Record<string, string> = {}): string {
  const folder = temporaryFolder();
  t.after(folder.dispose);
  const manifest = JSON.stringify({ name: "left", version: "1.2.3", ...fields });
  for (const [name, text] of Object.entries({ ...files, "package.json": manifest }))
    fs.writeFileSync(path.join(folder.path, name), text);
  return folder.path;
}

test("a package's notice is the text of its licence, whatever the file is called", (t) => {
  for (const file of ["LICENSE", "license", "LICENCE.md", "LICENSE-MIT", "COPYING.txt"]) {
    const notice = noticeOf(packageOf(t, { license: "MIT" }, { [file]: "\uFEFFMIT\r\nby me\n\n" }));
    assert.deepEqual(notice, { name: "left", version: "1.2.3", licence: "MIT", text: "MIT\nby me" });
  }
});

test("the notices that Apache's licence asks for come with it, and are not taken for it", (t) => {
  const files = { LICENSE: "Apache", NOTICE: "Made by many." };
  assert.equal(noticeOf(packageOf(t, { license: "Apache-2.0" }, files)).text, "Apache\n\nMade by many.");
  const fields = { license: "Apache-2.0", author: "me" };
  assert.throws(() => noticeOf(packageOf(t, fields, { NOTICE: "Made by many." })), NoticeError);
});

test("a notice of MPL-2.0 says where the source is that it asks for", (t) => {
  const { text } = noticeOf(packageOf(t, { license: "MPL-2.0" }, { LICENSE: "MPL" }));
  assert.match(text, /https:\/\/www\.npmjs\.com\/package\/left\/v\/1\.2\.3[\s\S]*\n\nMPL$/);
});

test("for a package that forgot MIT's text it is written with the author's name", (t) => {
  for (const author of ["Ann <ann@example.org>", { name: "Ann", email: "ann@example.org" }]) {
    const { text } = noticeOf(packageOf(t, { license: "MIT", author }));
    assert.match(text, /brings no file[\s\S]*Copyright \(c\) Ann[\s\S]*Permission is hereby granted[\s\S]*WARRANTY/);
  }
});

test("a package without the text has that of another one of its project's same release, and of no other", (t) => {
  const folder = temporaryFolder();
  t.after(folder.dispose);
  const fields = { version: "6.0.0", license: "MIT", repository: "https://example.org/terminal" };
  for (const [name, more, text] of [
    ["bare", {}, undefined],
    ["former", { version: "5.0.0" }, "of another release"],
    ["foreign", { repository: "https://example.org/other" }, "of another project"],
    ["whole", {}, "of the project"],
  ] as const) {
    const own = path.join(folder.path, name);
    fs.mkdirSync(own);
    fs.writeFileSync(path.join(own, "package.json"), JSON.stringify({ name: `@project/${name}`, ...fields, ...more }));
    if (text !== undefined) fs.writeFileSync(path.join(own, "LICENSE"), text);
  }
  const bare = path.join(folder.path, "bare");
  assert.equal(noticeOf(bare).text, "of the project");
  fs.rmSync(path.join(folder.path, "whole"), { recursive: true });
  assert.throws(() => noticeOf(bare), NoticeError);
});

for (const [what, fields, files] of [
  ["has no text of a licence other than MIT", { license: "ISC", author: "me" }, {}],
  ["has neither text nor author", { license: "MIT" }, {}],
  ["has an empty text", { license: "ISC", author: "me" }, { LICENSE: " \n" }],
  ["names no licence", {}, { LICENSE: "?" }],
  ["asks for more than its text", { license: "GPL-3.0-only" }, { LICENSE: "GPL" }],
  ["asks for more in one part", { license: "(MIT AND GPL-3.0-only)" }, { LICENSE: "both" }],
  ["nests alternatives", { license: "GPL-3.0-only AND (ISC OR MIT OR Zlib)" }, { LICENSE: "all" }],
  ["leaves its licence to another place", { license: "SEE LICENSE IN LICENSE.txt" }, { LICENSE: "?" }],
] as const)
  test(`a package that ${what} is refused by name`, (t) => {
    const folder = packageOf(t, fields, files);
    assert.throws(
      () => noticeOf(folder),
      (error) => error instanceof NoticeError && /^left 1\.2\.3 /.test(error.message),
    );
  });

for (const [license, licence] of [
  [{ license: "(MIT OR GPL-3.0-only)" }, "(MIT OR GPL-3.0-only)"],
  [{ license: "MIT AND Zlib" }, "MIT AND Zlib"],
  [{ license: "GPL-3.0-only AND MIT OR ISC" }, "GPL-3.0-only AND MIT OR ISC"],
  [{ license: { type: "BSD-2-Clause", url: "x" } }, "BSD-2-Clause"],
  [{ licenses: [{ type: "MIT" }, { type: "GPL-3.0-only" }] }, "MIT OR GPL-3.0-only"],
] as const)
  test(`${JSON.stringify(license)} may be shipped`, (t) => {
    assert.equal(noticeOf(packageOf(t, license, { LICENSE: "text" })).licence, licence);
  });

test("the notices are one text that does not depend on their order, each version once", () => {
  const one = { name: "one", version: "1.0.0", licence: "MIT", text: "ONE" };
  const two = { ...one, version: "2.0.0", text: "TWO" };
  const scoped = { ...one, name: "@a/b", licence: "ISC", text: "AB" };
  const text = noticesText([two, one, scoped, two]);
  assert.equal(text, noticesText([scoped, one, two]));
  const order = ["  @a/b 1.0.0 (ISC)", "  one 1.0.0 (MIT)", "  one 2.0.0 (MIT)", "\nAB\n", "\nONE\n", "\nTWO\n"];
  const places = order.map((part) => text.indexOf(part));
  assert.ok(
    places.every((place, at) => place > (places[at - 1] ?? 0)),
    text,
  );
  assert.equal(text.split("TWO").length, 2);
});
