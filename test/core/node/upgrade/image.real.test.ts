import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checksumIn } from "../../../../core/node/upgrade/image.ts";
import { needsPrivateMounts, runWithPrivateMounts } from "../../../support/private-mounts.ts";
import { temporaryFolder } from "../../../support/programs.ts";

const needed = existsSync("/usr/bin/xorriso") ? needsPrivateMounts() : { skip: "xorriso is not installed" };

test("a real ISO is mounted, checked, copied and left again", needed, async (t) => {
  const folder = temporaryFolder();
  t.after(folder.dispose);
  const child = join(import.meta.dirname, "image.real-child.ts");
  const { code, stdout, stderr } = await runWithPrivateMounts(child, [folder.path]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), {
    readOnly: "UPGRADE.READ_ONLY",
    cutShort: "UPGRADE.DAMAGED",
    whole: "done",
    without: "UPGRADE.NOT_INSTALLED",
    mounted: false,
    trial: { version: "1.1.0", left: 3, isRunning: false },
    installed: ["1.1.0", "1.0.0"],
  });
});

const sum = "0123456789abcdef".repeat(4);
for (const [text, expected] of [
  [`${sum}  a.iso\n`, sum],
  [`${sum} *a.iso\n`, sum],
  [`${sum.toUpperCase()}  ./out/a.iso\r\n`, sum],
  [`${sum}\n`, sum],
  [`${"f".repeat(64)}  b.iso\n${sum}  a.iso\n`, sum],
  [`${"f".repeat(64)}\n${sum}\n`, undefined],
  [`${sum}  b.iso\n`, undefined],
  [`${sum.slice(1)}  a.iso\n`, undefined],
  ["", undefined],
] as const)
  test(`the checksum of a.iso in ${JSON.stringify(text.slice(0, 90))} is ${expected === undefined ? "none" : "found"}`, () => {
    assert.equal(checksumIn(text, "a.iso"), expected);
  });
