import { domainProblem, parseAddress } from "../address.ts";
import { quoted } from "../quote.ts";
import { type Refusal, refusalOf } from "./refusal.ts";
import type { PrimaryStorageType } from "./storage.ts";

/* Where a storage or an image may be. Source: ../shared/spec/cloud.md, "Storage rules". */

/** Not even below these. `/` is forbidden itself, for everything lies under it. */
const forbidden = ["/dev", "/proc", "/sys", "/usr/bin", "/bin"] as const;

function isFolder(path: string): boolean {
  return path.startsWith("/") && path.length <= 1024 && !/[\p{C}\p{Zl}\p{Zp}]/u.test(path);
}

/** The path without what does not count; undefined when `..` or `.` is in it, whose meaning links decide. */
function plain(path: string): string | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.includes("..") || parts.includes(".") ? undefined : `/${parts.join("/")}`;
}

/** Why a storage can't be at a place; undefined when it can. Code: STORAGE.1006. */
export function placeRefusal(type: PrimaryStorageType, url: string): Refusal | undefined {
  if (type === "Ceph")
    return isPool(url) ? undefined : wrong(url, "is not the name of a pool", "Give a name such as vms.");
  if (type === "NFS") return nfsRefusal(url);
  const path = isFolder(url) ? plain(url) : undefined;
  if (path === undefined)
    return wrong(url, "is not a plain absolute path", "Give a folder such as /binnacle_ps, without . and .. in it.");
  const over = path === "/" ? "/" : forbidden.find((each) => path === each || path.startsWith(`${each}/`));
  if (over === undefined) return;
  const why = over === path ? "belongs to the system" : `lies under ${over}, which belongs to the system`;
  return wrong(url, why, "Give a folder of its own, such as /binnacle_ps.");
}

function isPool(url: string): boolean {
  return /^[\w][\w.-]{0,127}$/.test(url);
}

function nfsRefusal(url: string): Refusal | undefined {
  const match = /^(\[[\da-f:]+\]|[^:[\]]+):(\/.*)$/i.exec(url);
  const remedy = "Give the server and its folder, such as 192.168.0.1:/nfs_root.";
  if (match === null) return wrong(url, "is not a server and a folder", remedy);
  const [, host = "", path = ""] = match;
  const server = host.replace(/^\[|\]$/g, "");
  if (parseAddress(server) === undefined && domainProblem(server) !== undefined)
    return wrong(url, `names no server: ${quoted(server)} is neither an address nor a host name`, remedy);
  return isFolder(path) && plain(path) !== undefined ? undefined : wrong(url, "names no plain absolute path", remedy);
}

function wrong(url: string, why: string, remedy: string): Refusal {
  const values = { given: url.slice(0, 256) };
  return refusalOf("STORAGE.1006", { where: "url", details: `${quoted(url)} ${why}.`, remedy, values });
}

/** An address as it may be shown: what follows a `?` often is a key to what stands there. */
export function shownUrl(url: string): string {
  return url.replace(/[?#].*$/su, "?...").replace(credentials, "$1");
}

/** What a browser takes for a user's name and a password, however many slashes are before it. */
const credentials = /^\s*((?!file:)[a-z][a-z\d+.-]*:[/\\]*)[^/\\?#]*@/i;

/** Whether an address has a user's name or password in it: whoever it is given to keeps nothing of it. */
export function hasCredentials(url: string): boolean {
  return credentials.test(url);
}

/** Whether an image is sent by a client, and from nowhere fetched. */
export function isUpload(url: string): boolean {
  return url.startsWith("upload://");
}

/** Whether an image is brought by the cloud itself: its address is its own uuid, which no client knows beforehand. */
export function isOwnUpload({ uuid, url }: { uuid: string; url: string }): boolean {
  return url === `upload://${uuid}`;
}

/** Why an image can't be fetched from an address. Code: STORAGE.1011. */
export function imageUrlRefusal(whole: string): Refusal | undefined {
  const given = shownUrl(whole);
  const refused = (why: string) =>
    refusalOf("STORAGE.1011", {
      where: "url",
      details: `${quoted(given)} ${why}.`,
      remedy: "Give an address that begins with http://, https:// or file:///; or upload://NAME to send it.",
      values: { given: given.slice(0, 256) },
    });
  if (whole.length > 2048 || /[\s\p{C}]/u.test(whole)) return refused("is not one address without spaces");
  if (isUpload(whole))
    return /^upload:\/\/[\w.+-]{1,200}$/.test(whole) ? undefined : refused("names no file as one is named");
  const match = /^(https?:\/\/|file:\/\/\/)(.+)$/.exec(whole);
  if (match === null || !URL.canParse(whole)) return refused("is not an address of a kind that can be fetched");
  const url = new URL(whole);
  // A secret in an address would be shown wherever the image is.
  if (url.username !== "" || url.password !== "") return refused("holds a user name or password");
  if (/(^|\/)(\.|%2e){2}(\/|$)/i.test(match[2] ?? "")) return refused("goes through the folder above");
}
