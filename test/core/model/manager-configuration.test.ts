import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NodeError } from "../../../core/model/error.ts";
import {
  type ManagerKey,
  managerKeyNames,
  managerKeys,
  parseManagerConfiguration,
  withManagerSetting,
} from "../../../core/model/manager-configuration.ts";

/** Values that a setting takes. */
const good: Readonly<Record<ManagerKey, readonly string[]>> = {
  "management.ip": ["", "10.0.0.5", "fd00::5"],
  "api.address": ["::", "127.0.0.1"],
  "api.port": ["1", "8080", "65535"],
  "metrics.address": ["::", "127.0.0.1"],
  "metrics.port": ["9100"],
  "tls.folder": ["/etc/binnacle/tls", "/a folder/with=signs #1"],
  "backup.folder": ["/var/backups/binnacle"],
  "store.type": ["sqlite", "etcd"],
  "store.file": ["/var/lib/x.db"],
  "store.etcd.endpoints": ["https://10.0.0.1:2379", "https://a:2379,https://b:2379"],
  "store.etcd.user": ["", "binnacle"],
  "store.etcd.passwordFile": ["", "/etc/secret"],
  "store.etcd.ca": ["", "/etc/ca.crt"],
  "store.etcd.certificate": ["", "/etc/c.crt"],
  "store.etcd.key": ["", "/etc/c.key"],
};
const setting = fc
  .constantFrom(...managerKeyNames)
  .chain((key) => fc.constantFrom(...good[key]).map((value) => ({ key, value })));
const blank = fc.constantFrom("", " ", "\t", "  ");
const remark = fc.string({ unit: "grapheme" }).map((text) => `# ${text.replaceAll("\n", " ")}`);
const remarkOfSetting = setting.map(({ key, value }) => ` # ${key}=${value}`);
const line = fc.oneof(
  blank.map((text) => ({ key: undefined, text })),
  remark.map((text) => ({ key: undefined, text })),
  remarkOfSetting.map((text) => ({ key: undefined, text })),
  fc
    .tuple(setting, blank, blank, blank)
    .map(([{ key, value }, before, around, after]) => ({ key, text: `${before}${key}${around}=${value}${after}` })),
);
/** A file in which no setting stands twice, with the ends of lines of one system or the other. */
const file = fc.tuple(fc.array(line, { maxLength: 20 }), fc.constantFrom("\n", "\r\n")).map(([lines, end]) => {
  const seen = new Set<string>();
  const once = lines.filter(({ key }) => key === undefined || (!seen.has(key) && seen.add(key)));
  return once.map(({ text }) => text).join(end);
});

const endpoints = "store.etcd.endpoints=https://a:2379";
/** Without the check that needs two settings at once. */
const parsed = (text: string) =>
  parseManagerConfiguration(text.includes("store.etcd.endpoints") ? text : `${text}\n${endpoints}`);

test("a changed setting has its new value, every other one its own, and no line is lost or moved", () => {
  fc.assert(
    fc.property(file, setting, (text, { key, value }) => {
      const changed = withManagerSetting(text, key, value);
      if (key !== "store.etcd.endpoints" && !/^\s*store\.etcd\.endpoints/m.test(text)) {
        const withEndpoints = `${endpoints}\n`;
        const [before, after] = [withEndpoints + text, withEndpoints + changed].map(parseManagerConfiguration);
        assert.deepEqual(after, { ...before, [key]: value });
      }
      const isOfKey = (each: string) => each.trim().split("=")[0]?.trim() === key;
      const others = (whole: string) =>
        whole
          .split("\n")
          .filter((each) => !isOfKey(each))
          .join("\n")
          .replace(/\n*$/, "");
      assert.equal(others(changed), others(text));
      assert.equal(changed.split("\n").filter(isOfKey).length, 1);
      assert.equal(withManagerSetting(changed, key, value), changed);
    }),
    { numRuns: 2_000 },
  );
});

test("the presets hold for what a file leaves out, and are themselves good", () => {
  const presets = parseManagerConfiguration("");
  for (const key of managerKeyNames) {
    assert.equal(presets[key], managerKeys[key].default);
    assert.equal(managerKeys[key].problem(presets[key]), undefined, key);
    for (const value of good[key]) assert.equal(parsed(`${key}=${value}`)[key], value);
  }
});

const wrong: readonly [text: string, where: string][] = [
  ["api.port=0", "line 1"],
  ["\n# x\napi.port=65536", "line 3"],
  ["api.port=80a", "line 1"],
  ["api.prt=80", "line 1"],
  ["api.port", "line 1"],
  ["__proto__=1", "line 1"],
  ["api.port=80\nmetrics.port=81\napi.port=80", "line 3"],
  ["api.address=", "line 1"],
  ["api.address=localhost", "line 1"],
  ["store.file=store.db", "line 1"],
  ["store.file=/var/../etc/passwd", "line 1"],
  ["store.type=mysql", "line 1"],
  ["store.type=etcd", "store.etcd.endpoints"],
  ["store.etcd.endpoints=https://root:secret@a:2379", "line 1"],
  ["store.etcd.endpoints=ftp://a", "line 1"],
];

test("what is wrong in a file is told with its line and what to do, and is written by nobody", () => {
  for (const [text, where] of wrong) {
    assert.throws(
      () => parseManagerConfiguration(text),
      (error: NodeError) => {
        assert.deepEqual([error.code, error.values["where"]], ["MANAGER.CONFIGURATION", where], text);
        assert.ok((error.remedy ?? "").length > 0);
        return true;
      },
    );
    const [key = "", ...value] = text.split("=");
    if (where === "line 1" && value.length > 0)
      assert.throws(() => withManagerSetting("", key, value.join("=")), { code: "MANAGER.CONFIGURATION" }, text);
  }
  for (const value of ["/a\nstore.type=etcd", "/a\0", "/a\r\nb"])
    assert.throws(() => withManagerSetting("", "store.file", value), NodeError);
});

test("a value that would be read otherwise than it was given is refused", () => {
  for (const value of ["/a ", "/a\t", "/a\r", " /a"])
    assert.throws(
      () => withManagerSetting("", "store.file", value),
      { code: "MANAGER.CONFIGURATION" },
      JSON.stringify(value),
    );
});
