import assert from "node:assert/strict";
import { test } from "node:test";
import { compareVersions, isNewer, newestFirst } from "../../../core/model/version.ts";

for (const [older, newer] of [
  ["1.0.0", "1.0.1"],
  ["1.9.0", "1.10.0"],
  ["1.0.0", "2"],
  ["1.0", "1.0.0"],
  ["1.0.0~rc1", "1.0.0"],
  ["1.0.0~rc2", "1.0.0~rc10"],
  ["1.0.0~~", "1.0.0~"],
  ["1.0.0~beta", "1.0.0~rc1"],
  ["0.9.9", "1.0.0~rc1"],
  ["1.0.0-rc.1", "1.0.0"],
  ["1.0.0-rc.1", "1.0.0-rc.2"],
  ["1.0.0-rc.9", "1.0.0~rc.10"],
  ["1.0.0", "1.0.0+fix1"],
  ["1.0.0+fix1", "1.0.1"],
  ["1.0.0+fix9", "1.0.0+fix10"],
  ["1.0.0~git20261119", "1.0.0~git20261121"],
  ["1.99999999999999999998", "1.99999999999999999999"],
] as const)
  test(`${newer} is newer than ${older}`, () => {
    assert.equal(isNewer(newer, older), true);
    assert.equal(isNewer(older, newer), false);
    assert.equal(Math.sign(compareVersions(older, newer)), -1);
  });

for (const [a, b] of [
  ["1.0.0", "1.0.0"],
  ["1.01.0", "1.1.0"],
  ["1.0.0-rc1", "1.0.0~rc1"],
] as const)
  test(`${a} is the same version as ${b}`, () => {
    assert.equal(compareVersions(a, b), 0);
    assert.equal(isNewer(a, b), false);
  });

test("versions are sorted with the newest first, whatever their order was", () => {
  assert.deepEqual(newestFirst(["1.0.0", "1.10.0", "1.10.0~rc1", "1.9.0"]), ["1.10.0", "1.10.0~rc1", "1.9.0", "1.0.0"]);
});
