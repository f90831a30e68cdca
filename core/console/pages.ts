import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { NodeError } from "../model/error.ts";

export type Page = { body: Buffer; type: string };
/** What the proxy serves, by the path. */
export type Pages = ReadonlyMap<string, Page>;

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
};

/**
 * The pages that `npm run build` has made, from a folder: a few hundred kilobytes, kept in memory. `vnc.html` is `/vnc`.
 * @throws NodeError CONSOLE.NO_PAGES
 */
export async function readPages(folder: string): Promise<Pages> {
  const pages = new Map<string, Page>();
  const names = await readdir(folder).catch((cause: unknown) => {
    throw noPages(folder, cause);
  });
  for (const name of names) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    pages.set(`/${name.replace(/\.html$/, "")}`, { body: await readFile(join(folder, name)), type });
  }
  if (!pages.has("/vnc") || !pages.has("/serial")) throw noPages(folder);
  return pages;
}

function noPages(folder: string, cause?: unknown): NodeError {
  return new NodeError("CONSOLE.NO_PAGES", `The pages of the console proxy are not in ${folder}.`, {
    remedy: "Install the release again; in a working copy: npm run build.",
    ...(cause === undefined ? {} : { cause }),
  });
}
