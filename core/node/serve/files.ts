import { lstat, readdir } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

/** What can be fetched: entries of one folder, and what lies below them. */
export type Share = { root: string; names: readonly string[] };
export type Answered = "file" | "folder" | "nothing";

/**
 * Answers a GET or HEAD for `path`, the part of the URL behind the token, as it came. Nothing outside of the share, no
 * name that begins with a dot and nothing behind a symbolic link is ever given.
 */
export async function answerFile(
  request: IncomingMessage,
  response: ServerResponse,
  share: Share,
  path: string,
): Promise<Answered> {
  const parts = partsOf(path);
  if (parts === undefined) return notFound(response);
  const isFolderUrl = parts.at(-1) === "";
  const names = isFolderUrl ? parts.slice(0, -1) : parts;
  const kind = await kindOf(share, names);
  if (kind === undefined || (kind === "file" && isFolderUrl)) return notFound(response);
  if (kind === "file") return sendFile(request, response, share, names);
  if (isFolderUrl) return listFolder(request, response, share, names);
  // Links of the list are relative: they need the slash.
  response.writeHead(301, { location: `${encodeURIComponent(names.at(-1) ?? "")}/` }).end();
  return "folder";
}

export function notFound(response: ServerResponse): "nothing" {
  response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("Not found.\n");
  return "nothing";
}

/** The names in a path; the last one is empty when the path ends in a slash. Undefined for a path that is none of ours. */
export function partsOf(path: string): string[] | undefined {
  let parts: string[];
  try {
    parts = path.split("/").map(decodeURIComponent);
  } catch {
    return undefined;
  }
  const isGood = (part: string, nth: number) =>
    part === "" ? nth === parts.length - 1 : !part.startsWith(".") && !/[/\\\p{Cc}]/u.test(part);
  return parts.every(isGood) ? parts : undefined;
}

async function kindOf(
  { root, names: shared }: Share,
  names: readonly string[],
): Promise<"file" | "folder" | undefined> {
  const [first] = names;
  if (first === undefined) return "folder";
  if (!shared.includes(first)) return undefined;
  let at = root;
  let kind: "file" | "folder" = "folder";
  for (const name of names) {
    if (kind !== "folder") return undefined;
    at = join(at, name);
    const found = await lstat(at).catch(() => undefined);
    if (found === undefined || !(found.isFile() || found.isDirectory())) return undefined;
    kind = found.isDirectory() ? "folder" : "file";
  }
  return kind;
}

async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  { root }: Share,
  names: readonly string[],
): Promise<Answered> {
  // Loaded when it is first needed, which on most days is never; a bundle has no other name for what CommonJS exports.
  const { default: library } = await import("@fastify/send");
  const url = `/${names.map(encodeURIComponent).join("/")}`;
  const found = await library.send(request, url, { root, index: false, dotfiles: "deny", cacheControl: false });
  if (found.type !== "file") {
    response.writeHead(found.statusCode, found.headers);
    await pipeline(found.stream, response);
    return "nothing";
  }
  response.writeHead(found.statusCode, { ...found.headers, ...typeOf(names.at(-1) ?? "") });
  // Whoever hangs up in the middle is no trouble of ours.
  await pipeline(found.stream, response).catch(() => undefined);
  return "file";
}

/** Logs are text and never anything that a browser would run; archives are saved. */
function typeOf(name: string): Record<string, string> {
  if (name.endsWith(".tar.gz"))
    return {
      "content-type": "application/gzip",
      "content-disposition": `attachment; filename="${name.replace(/[^A-Za-z0-9._-]/g, "_")}"`,
    };
  return { "content-type": "text/plain; charset=utf-8" };
}

async function listFolder(
  request: IncomingMessage,
  response: ServerResponse,
  share: Share,
  names: readonly string[],
): Promise<Answered> {
  const folder = join(share.root, ...names);
  const inside = names.length === 0 ? share.names : await readdir(folder);
  const rows: { name: string; isFolder: boolean; size: number }[] = [];
  for (const name of inside) {
    const found = name.startsWith(".") ? undefined : await lstat(join(folder, name)).catch(() => undefined);
    if (found?.isFile() || found?.isDirectory()) rows.push({ name, isFolder: found.isDirectory(), size: found.size });
  }
  rows.sort((a, b) => Number(b.isFolder) - Number(a.isFolder) || (a.name < b.name ? -1 : 1));
  const body = page(names.length === 0 ? "Binnacle" : names.join("/"), names.length > 0, rows);
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", "content-length": Buffer.byteLength(body) });
  response.end(request.method === "HEAD" ? undefined : body);
  return "folder";
}

function page(title: string, hasParent: boolean, rows: readonly { name: string; isFolder: boolean; size: number }[]) {
  const lines = rows.map(({ name, isFolder, size }) => {
    const slash = isFolder ? "/" : "";
    const link = `<a href="./${encodeURIComponent(name)}${slash}">${escaped(name)}${slash}</a>`;
    return `<tr><td>${link}</td><td align="right">${isFolder ? "" : size.toLocaleString("en")}</td></tr>`;
  });
  return [
    "<!doctype html>",
    `<html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title></head>`,
    `<body><h1>${escaped(title)}</h1><table cellpadding="4">`,
    ...(hasParent ? ['<tr><td><a href="../">../</a></td><td></td></tr>'] : []),
    ...lines,
    "</table></body></html>\n",
  ].join("\n");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign);
}
