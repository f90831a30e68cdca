import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { projectRoot } from "../../../../scripts/dev/source.ts";

const page = readFileSync(join(projectRoot, "tui/screens/network/README.md"), "utf8");
const golden = join(projectRoot, "test/fixtures/golden/bonded-server");

describe("the technicians' page", () => {
  const frames = [...page.matchAll(/^```text\n([\s\S]*?)\n```$/gm)].map((found) => found[1] ?? "");

  it("shows pages as the console draws them", () => {
    const drawn = readdirSync(golden)
      .filter((name) => name.startsWith("network-"))
      .map((name) => readFileSync(join(golden, name), "utf8").trimEnd());
    assert.ok(frames.length >= 5);
    for (const frame of frames) assert.ok(drawn.includes(frame), `nothing draws:\n${frame}`);
  });
});
