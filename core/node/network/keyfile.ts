import { NodeError } from "../../model/error.ts";

/*
 * NetworkManager's key files, read as GLib's GKeyFile reads them and written back without a change in what was not
 * touched: comments, order, blanks, other groups. Source: GLib's gkeyfile.c, nm-settings-keyfile(5).
 */

type Line = { readonly text: string; readonly end: string } & (
  | { readonly kind: "other" }
  | { readonly kind: "group"; readonly group: string }
  | { readonly kind: "key"; readonly group: string; readonly key: string; readonly raw: string }
);

/** Values are never changed in place: each `with…` gives a new one. */
export type KeyFile = { readonly lines: readonly Line[] };

/** Far above any profile; a hostile file must not hold the agent up. */
export const largestKeyFileBytes = 1024 * 1024;

/** @throws NET.PROFILE_BROKEN with `file` and `line` in its values. */
export function decodeKeyFile(bytes: Uint8Array, path: string): KeyFile {
  if (bytes.length > largestKeyFileBytes) throw broken(path, 1, `it is longer than ${largestKeyFileBytes} bytes`);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return parseKeyFile(decoder.decode(bytes), path);
  } catch (error) {
    if (error instanceof NodeError) throw error;
    throw broken(path, firstBadLine(bytes, decoder), "it is not UTF-8 text");
  }
}

function firstBadLine(bytes: Uint8Array, decoder: InstanceType<typeof TextDecoder>): number {
  let [line, start] = [1, 0];
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, start)) {
    try {
      decoder.decode(bytes.subarray(start, at));
    } catch {
      break;
    }
    line += 1;
    start = at + 1;
  }
  return line;
}

/** @throws NET.PROFILE_BROKEN with `file` and `line` in its values. `path` is for that only. */
export function parseKeyFile(text: string, path: string): KeyFile {
  let group: string | undefined;
  const lines = splitLines(text).map(({ body, end }, index): Line => {
    const fail = (why: string) => broken(path, index + 1, why);
    const plain = { text: body, end };
    if (body.includes("\0")) throw fail("it holds a NUL byte");
    const start = body.replace(/^[ \t\f\r]+/, "");
    if (start === "" || start.startsWith("#")) return { ...plain, kind: "other" };
    const header = /^\[([^\]]*)\][ \t]*$/.exec(start)?.[1];
    if (header !== undefined) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a group's name has none.
      if (!/^[^[\]\x00-\x1f\x7f]+$/.test(header)) throw fail(`“[${header}]” is not the name of a group`);
      group = header;
      return { ...plain, kind: "group", group };
    }
    const at = start.indexOf("=");
    // What it says is not repeated: it may be a password that has lost its key.
    if (start.startsWith("[") || at < 1) throw fail("it is neither a key, a group nor a comment");
    if (group === undefined) throw fail("it does not start with a group");
    const key = start.slice(0, at).replace(/[ \t\f\r]+$/, "");
    if (!/^[^[\]]+(\[[\w.@-]*\])?$/.test(key)) throw fail("it does not begin with the name of a key");
    return { ...plain, kind: "key", group, key, raw: start.slice(at + 1).replace(/^[ \t\f\r]+/, "") };
  });
  return { lines };
}

function splitLines(text: string): { body: string; end: string }[] {
  const all = [...text.matchAll(/([^\n]*?)(\r?\n|$)/gy)].map(([, body = "", end = ""]) => ({ body, end }));
  // The match behind the last line is empty.
  return all.at(-1)?.body === "" && all.at(-1)?.end === "" ? all.slice(0, -1) : all;
}

function broken(path: string, line: number, why: string): NodeError {
  return new NodeError("NET.PROFILE_BROKEN", `${path} can't be read as a profile: line ${line}, ${why}.`, {
    remedy: `Correct ${path}, or move it out of the folder; NetworkManager may not use it as it is.`,
    values: { file: path, line, why },
  });
}

export function formatKeyFile({ lines }: KeyFile): string {
  return lines.map(({ text, end }) => text + end).join("");
}

export function hasGroup({ lines }: KeyFile, group: string): boolean {
  return lines.some((line) => line.kind === "group" && line.group === group);
}

/** Names of the groups, each once, in the order of the file. */
export function groupsOf({ lines }: KeyFile): string[] {
  return [...new Set(lines.flatMap((line) => (line.kind === "group" ? [line.group] : [])))];
}

/** Names of a group's keys, each once, in the order of the file. Groups of the same name are one. */
export function keysOf({ lines }: KeyFile, group: string): string[] {
  return [...new Set(lines.flatMap((line) => (line.kind === "key" && line.group === group ? [line.key] : [])))];
}

function rawOf({ lines }: KeyFile, group: string, key: string): string | undefined {
  const found = lines.findLast((line) => line.kind === "key" && line.group === group && line.key === key);
  return found?.kind === "key" ? found.raw : undefined;
}

/** A value without its escapes; undefined when there is none, or none that GLib would take. The last of several. */
export function valueOf(file: KeyFile, group: string, key: string): string | undefined {
  const raw = rawOf(file, group, key);
  return raw === undefined ? undefined : unescaped(raw, false);
}

/** The parts of a value between `;`, without empty ones. */
export function listOf(file: KeyFile, group: string, key: string): string[] {
  const parts = rawOf(file, group, key)?.match(/(\\.|[^;\\])+/g) ?? [];
  return parts.flatMap((part) => unescaped(part, true) ?? []).filter((part) => part !== "");
}

const escapes: Readonly<Record<string, string>> = { s: " ", n: "\n", t: "\t", r: "\r", "\\": "\\" };

function unescaped(raw: string, isList: boolean): string | undefined {
  const known = (mark: string) => (isList && mark === ";" ? ";" : escapes[mark]);
  const marks = [...raw.matchAll(/\\(.?)/g)].map(([, mark = ""]) => known(mark));
  if (marks.includes(undefined)) return;
  return raw.replace(/\\(.)/g, (_, mark: string) => known(mark) ?? "");
}

function escaped(value: string): string {
  const text = value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\t", "\\t").replaceAll("\r", "\\r");
  return text.replace(/^ +/, (blanks) => "\\s".repeat(blanks.length)).replaceAll("\0", "");
}

/** The file with a value set in its place, or at the end of the group; null: without the key. */
export function withValue(file: KeyFile, group: string, key: string, value: string | number | null): KeyFile {
  return value === null ? withoutKey(file, group, key) : withRaw(file, group, key, escaped(String(value)));
}

/** The same for a list; an empty one takes the key away. */
export function withList(file: KeyFile, group: string, key: string, values: readonly string[]): KeyFile {
  if (values.length === 0) return withoutKey(file, group, key);
  return withRaw(file, group, key, values.map((value) => `${escaped(value).replaceAll(";", "\\;")};`).join(""));
}

function withRaw(file: KeyFile, group: string, key: string, raw: string): KeyFile {
  // What a person typed may end up here as the name of an option: it must stay one key.
  if (!/^[A-Za-z\d][\w.-]*$/.test(key))
    throw new NodeError("NET.PROFILE_KEY", `“${key.slice(0, 60)}” can't be an option's name in a profile.`, {
      values: { key: key.slice(0, 60), group },
    });
  const { lines } = file;
  const line = (end: string): Line => ({ kind: "key", group, key, raw, text: `${key}=${raw}`, end });
  const at = lines.findLastIndex((each) => each.kind === "key" && each.group === group && each.key === key);
  const there = lines[at];
  if (there !== undefined) return { lines: lines.with(at, line(there.end)) };
  const whole = hasGroup(file, group) ? file : withGroup(file, group);
  const last = whole.lines.findLastIndex((each) => each.kind !== "other" && each.group === group);
  const head = whole.lines.slice(0, last + 1);
  return { lines: [...ended(head), line(lineEnd(file)), ...whole.lines.slice(last + 1)] };
}

/** The file with a group at its end, when it has none of the name. */
export function withGroup(file: KeyFile, group: string): KeyFile {
  if (hasGroup(file, group)) return file;
  const end = lineEnd(file);
  const last = file.lines.at(-1);
  const gap: Line[] = last === undefined || last.text.trim() === "" ? [] : [{ kind: "other", text: "", end }];
  return { lines: [...ended(file.lines), ...gap, { kind: "group", group, text: `[${group}]`, end }] };
}

/** The last line of a file may lack its end. */
function ended(lines: readonly Line[]): Line[] {
  return lines.map((line) => (line.end === "" ? { ...line, end: "\n" } : line));
}

function lineEnd({ lines }: KeyFile): string {
  return lines[0]?.end === "\r\n" ? "\r\n" : "\n";
}

function withoutKey({ lines }: KeyFile, group: string, key: string): KeyFile {
  return { lines: lines.filter((line) => !(line.kind === "key" && line.group === group && line.key === key)) };
}

/** The file without a group and all that is in it, its comments too. */
export function withoutGroup({ lines }: KeyFile, group: string): KeyFile {
  let inside = false;
  return {
    lines: lines.filter((line) => {
      if (line.kind === "group") inside = line.group === group;
      return !inside;
    }),
  };
}
