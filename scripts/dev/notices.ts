import * as fs from "node:fs";
import * as path from "node:path";
import * as z from "zod";

/** A package that is shipped, whole or within a bundle, with what its licence asks to be shipped with it. */
export type Notice = {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly text: string;
};

/** A package that may not be shipped as it is; the message is for the person who builds. */
export class NoticeError extends Error {}

/** Licences whose only condition on a shipped program is that their text comes with it, by SPDX's names. */
const allowed: ReadonlySet<string> = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MIT-0",
  // Its source comes from where the notice says.
  "MPL-2.0",
  "Python-2.0",
  "Unlicense",
  "Zlib",
]);

/** What of a package's own folder is shipped with it: its licence, and the notices that Apache-2.0 asks for. */
export const noticeFile = /^(licen[cs]e|copying|notice)([.-].*)?$/i;

const named = z.union([z.string(), z.object({ name: z.string() }).transform(({ name }) => name)]);
const licenceType = z.union([z.string(), z.object({ type: z.string() }).transform(({ type }) => type)]);
const repository = z.union([z.string(), z.object({ url: z.string() }).transform(({ url }) => url)]);
const manifest = z.object({
  name: z.string(),
  version: z.string(),
  license: licenceType.optional(),
  /** As packages said it before SPDX's expressions: any of them. */
  licenses: z.array(licenceType).optional(),
  author: named.optional(),
  repository: repository.optional(),
});

/**
 * The notice of the package in a folder.
 * @throws NoticeError when its licence is not on the list of those that may be shipped, or its text can't be told.
 */
export function noticeOf(folder: string): Notice {
  const { name, version, license, licenses, author } = manifestIn(folder);
  const licence = license ?? licenses?.join(" OR ") ?? "";
  if (licence === "") throw new NoticeError(`${name} ${version} names no licence in its package.json.`);
  if (!mayBeShipped(licence))
    throw new NoticeError(
      `${name} ${version} has the licence ${licence}, which is none of ${[...allowed].join(", ")}. ` +
        "Do without the package; or, when a person has read the licence, add it to the list.",
    );
  const texts = textsIn(folder) ?? textsOfProject(folder);
  if (texts !== undefined)
    return { name, version, licence, text: [...sourceOf(name, version, licence), ...texts].join("\n\n") };
  if (licence !== "MIT" || author === undefined)
    throw new NoticeError(
      `${name} ${version} brings no text of its licence, ${licence}, and none can be written for it: that takes the ` +
        "licence MIT and an author in its package.json.",
    );
  return { name, version, licence, text: mitText(author) };
}

function manifestIn(folder: string): z.infer<typeof manifest> {
  return manifest.parse(JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8")));
}

/** The licence that a folder has, with its notices; undefined without a licence. */
function textsIn(folder: string): string[] | undefined {
  const files = fs
    .readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && noticeFile.test(entry.name))
    .map((entry) => entry.name)
    .sort();
  const texts = files
    .map((file) => tidy(fs.readFileSync(path.join(folder, file), "utf8")))
    .filter((text) => text !== "");
  return files.some((file) => !/^notice/i.test(file)) && texts.length > 0 ? texts : undefined;
}

/** That of another package that the same project has released with it: same scope, version, licence and repository. */
function textsOfProject(folder: string): string[] | undefined {
  const { name, version, license, repository: source } = manifestIn(folder);
  if (!name.startsWith("@") || source === undefined || license === undefined) return undefined;
  const scope = path.dirname(folder);
  for (const sibling of fs.readdirSync(scope).sort()) {
    const other = path.join(scope, sibling);
    if (!fs.existsSync(path.join(other, "package.json"))) continue;
    const its = manifestIn(other);
    if (its.version !== version || its.license !== license || its.repository !== source) continue;
    const texts = textsIn(other);
    if (texts !== undefined) return texts;
  }
  return undefined;
}

/** One text with all notices, sorted; the same packages give the same bytes. */
export function noticesText(notices: readonly Notice[]): string {
  const byName = new Map(notices.map((notice) => [`${notice.name} ${notice.version}`, notice]));
  const sorted = [...byName].sort(([a], [b]) => (a < b ? -1 : 1));
  const list = sorted.map(([title, { licence }]) => `  ${title} (${licence})`);
  const texts = sorted.map(([title, { licence, text }]) => `${ruler}\n${title} (${licence})\n${ruler}\n\n${text}\n`);
  return [
    `Binnacle is shipped with these packages, each under its own licence:\n\n${list.join("\n")}\n`,
    ...texts,
  ].join("\n");
}

const ruler = "=".repeat(80);

/** One on the list, or alternatives of which one is; all when they are joined by AND. What is nested is for a person. */
function mayBeShipped(expression: string): boolean {
  const [, inside = expression] = /^\(([^()]*)\)$/.exec(expression) ?? [];
  if (/[()]/.test(inside)) return false;
  // AND binds more tightly. Source: SPDX specification, annex "SPDX license expressions".
  return inside.split(" OR ").some((alternative) => alternative.split(" AND ").every((id) => allowed.has(id)));
}

/** What MPL-2.0 asks for of who ships a program: how to get its source. Source: the licence, 3.2. */
function sourceOf(name: string, version: string, licence: string): string[] {
  if (!licence.includes("MPL-2.0")) return [];
  return [
    `Its source is unchanged: https://www.npmjs.com/package/${name}/v/${version}, or npm pack ${name}@${version}.`,
  ];
}

function tidy(text: string): string {
  return text
    .replace(/^\uFEFF/, "")
    .replaceAll(/\r\n?/g, "\n")
    .trim();
}

/** For a package that says MIT and who wrote it, but forgot the text. Source: https://spdx.org/licenses/MIT.html */
function mitText(author: string): string {
  return `The package brings no file with its licence; its package.json names MIT, and the author.

Copyright (c) ${author}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
}
