import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeError } from "../../../../core/model/error.ts";
import {
  decodeKeyFile,
  formatKeyFile,
  groupsOf,
  keysOf,
  largestKeyFileBytes,
  listOf,
  parseKeyFile,
  valueOf,
  withGroup,
  withList,
  withoutGroup,
  withValue,
} from "../../../../core/node/network/keyfile.ts";
import { Random } from "../../../support/random.ts";
import { nmcliFiles } from "./profile-bed.ts";

const read = (text: string) => parseKeyFile(text, "/etc/x");

const odd = `# first

  [connection] \t
id = a
  # inside
id=b
uuid=1
[ethernet]
mtu =  1400
[connection]
uuid=2
type=ethernet
empty=
name[de]=x`;

test("values are found as GLib finds them: blanks, groups in two parts, the last of equal keys", () => {
  const file = read(odd);
  assert.deepEqual(groupsOf(file), ["connection", "ethernet"]);
  assert.deepEqual(keysOf(file, "connection"), ["id", "uuid", "type", "empty", "name[de]"]);
  assert.equal(valueOf(file, "connection", "id"), "b");
  assert.equal(valueOf(file, "connection", "uuid"), "2");
  assert.equal(valueOf(file, "ethernet", "mtu"), "1400");
  assert.equal(valueOf(file, "connection", "empty"), "");
  assert.equal(valueOf(file, "connection", "other"), undefined);
  assert.equal(valueOf(file, "other", "id"), undefined);
});

test("escapes are read in values and in lists, and wrong ones are no value", () => {
  const values: [raw: string, value: string | undefined, list: string[]][] = [
    ["a", "a", ["a"]],
    ["\\sa\\tb\\nc\\rd\\\\e", " a\tb\nc\rd\\e", [" a\tb\nc\rd\\e"]],
    ["a;b;", "a;b;", ["a", "b"]],
    ["a\\;b;c", undefined, ["a;b", "c"]],
    ["a\\qb", undefined, []],
    ["a\\", undefined, ["a"]],
    [";;", ";;", []],
    ["", "", []],
  ];
  for (const [raw, value, list] of values) {
    const file = read(`[g]\nk=${raw}\n`);
    assert.equal(valueOf(file, "g", "k"), value, raw);
    assert.deepEqual(listOf(file, "g", "k"), list, raw);
  }
});

test("what is written is read back, whatever it is", () => {
  const hostile = ["a", " a ", "\ta", "a\n[connection]\nid=x", "\\s", "a\\", "a;b", "ü\u{1f600}", "", "#", "[x]", "="];
  for (const value of hostile) {
    const file = read(formatKeyFile(withValue(read("[g]\n"), "g", "k", value)));
    assert.equal(valueOf(file, "g", "k"), value);
    assert.deepEqual(groupsOf(file), ["g"]);
    const list = read(formatKeyFile(withList(read("[g]\n"), "g", "k", [value, "z"])));
    assert.equal(listOf(list, "g", "k").at(-1), "z");
  }
  assert.deepEqual(listOf(withList(read(""), "g", "k", ["a;b", "c\\d"]), "g", "k"), ["a;b", "c\\d"]);
});

test("a file that was not changed is the same, byte for byte", () => {
  for (const text of [
    odd,
    "",
    "\n",
    "\n\n",
    "# x",
    "[a]\r\nb=1\r\n\r\n",
    "[a]\nb=1 \t",
    ...Object.values(nmcliFiles()),
  ])
    assert.equal(formatKeyFile(read(text)), text);
});

test("a changed key keeps its place, a new one stands at its group's end, a new group at the file's", () => {
  assert.equal(formatKeyFile(withValue(read(odd), "ethernet", "mtu", 9000)), odd.replace("mtu =  1400", "mtu=9000"));
  assert.equal(formatKeyFile(withValue(read("[a]\nb=1\n\n[c]\n"), "a", "d", "2")), "[a]\nb=1\nd=2\n\n[c]\n");
  assert.equal(formatKeyFile(withValue(read("[a]\nb=1"), "c", "d", "2")), "[a]\nb=1\n\n[c]\nd=2\n");
  assert.equal(formatKeyFile(withValue(read("[a]\nb=1"), "a", "d", "2")), "[a]\nb=1\nd=2\n");
  assert.equal(formatKeyFile(withValue(read("[a]\r\nb=1\r\n"), "c", "d", 2)), "[a]\r\nb=1\r\n\r\n[c]\r\nd=2\r\n");
  assert.equal(formatKeyFile(withValue(read(""), "a", "b", "c")), "[a]\nb=c\n");
  assert.equal(formatKeyFile(withGroup(read("[a]\n\n"), "b")), "[a]\n\n[b]\n");
});

test("a key goes with all its doubles, a group with all its parts", () => {
  assert.deepEqual(keysOf(withValue(read(odd), "connection", "id", null), "connection")[0], "uuid");
  assert.equal(formatKeyFile(withoutGroup(read(odd), "connection")), "# first\n\n[ethernet]\nmtu =  1400\n");
  assert.equal(formatKeyFile(withList(read("[a]\nb=c;\n"), "a", "b", [])), "[a]\n");
});

test("a broken file is told with its name, its line and why", () => {
  const wrong: [text: string | Uint8Array, line: number, why: RegExp][] = [
    ["id=x\n[connection]\n", 1, /does not start with a group/],
    ["[connection]\nhunter2 as it was told\n", 2, /line 2, it is neither/],
    ["[connection]\n\n;comment\n", 3, /neither a key, a group nor a comment/],
    ["[connection\nid=x\n", 1, /neither/],
    ["[]\n", 1, /name of a group/],
    ["[a[b]\n", 1, /name of a group/],
    ["[a]\n=x\n", 2, /neither/],
    ["[a]\nb]=x\n", 2, /name of a key/],
    ["[a]\nb=\0\n", 2, /NUL/],
    ["\ufeff[a]\n", 1, /neither/],
    [new Uint8Array([91, 97, 93, 10, 98, 61, 0xff, 10]), 2, /UTF-8/],
    [new Uint8Array([91, 97, 93, 10, 98, 61, 0xc3]), 2, /UTF-8/],
    [new Uint8Array(largestKeyFileBytes + 1), 1, /longer than/],
  ];
  for (const [text, line, why] of wrong) {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    assert.throws(
      () => decodeKeyFile(bytes, "/etc/x"),
      (error) => {
        assert.ok(error instanceof NodeError);
        assert.equal(error.code, "NET.PROFILE_BROKEN");
        assert.match(error.message, why);
        assert.doesNotMatch(JSON.stringify(error.toBody()), /hunter2/);
        assert.deepEqual([error.values["file"], error.values["line"]], ["/etc/x", line]);
        return true;
      },
    );
  }
});

test("whatever bytes there are, a file is read or told to be broken, and what is read is written back", () => {
  const seed = Number(process.env["BINNACLE_TEST_SEED"] ?? 20260102);
  const random = new Random(seed);
  const parts = ["[a]", "[ab", "k=v", "\n", "\r\n", "=", ";", "\\s", "\\", " ", "#", "]", "[", "é", "\u{1f600}", "\t"];
  for (let round = 0; round < 3000; round += 1) {
    const text = `[a]\n${Array.from({ length: random.below(12) }, () => random.pick(parts)).join("")}`;
    const said = `seed ${seed}, round ${round}: ${JSON.stringify(text)}`;
    try {
      const file = read(text);
      assert.equal(formatKeyFile(file), text, said);
      const set = read(formatKeyFile(withValue(file, "a", "k", "w")));
      assert.equal(valueOf(set, "a", "k"), "w", said);
    } catch (error) {
      assert.ok(error instanceof NodeError && error.code === "NET.PROFILE_BROKEN", `${said}: ${error}`);
    }
  }
});

test("a long line of a hostile file is read in time", () => {
  const long = "\\".repeat(200_000);
  for (const text of [
    `[g]\nk=${long}`,
    `[g]\n${" ".repeat(200_000)}`,
    `[g]\nk=${";".repeat(200_000)}`,
    "[".repeat(200_000),
  ])
    try {
      const file = read(text);
      valueOf(file, "g", "k");
      listOf(file, "g", "k");
    } catch (error) {
      assert.ok(error instanceof NodeError);
    }
});
