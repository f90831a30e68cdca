import assert from "node:assert/strict";
import { test } from "node:test";
import { homeScreen } from "../../../tui/screens/home.ts";
import { bed, recordedFacts } from "./support.ts";

test("old figures of CPU and memory stand behind their age, not on top of it", async () => {
  const { facts, now } = await recordedFacts("storage-failing");
  const { control, lines, change } = await bed({ facts, now });
  if (facts.cpu.state !== "value" || facts.memory.state !== "value") throw new Error("the recording has both");
  const old = { state: "stale", at: now - 65_000, why: { code: "timeout", detail: "" } } as const;
  change({ cpu: { ...facts.cpu, ...old }, memory: { ...facts.memory, ...old } });
  assert.match(
    lines(homeScreen(control), 100, 37).join("\n"),
    /CPU USAGE {2}1 m 5 s old {3}\d+ % +MEM USAGE {2}1 m 5 s old {3}91 % /,
  );
});

test("an interface without an address says what it belongs to, or that it has none; no bare dash", async () => {
  const { control, lines } = await bed(await recordedFacts("storage-failing"));
  const text = lines(homeScreen(control), 132, 43).join("\n");
  assert.match(text, / {2}eno2 +UP +1G in bond0/);
  assert.match(text, /br_eno3 +UP +1G no address/);
});

test("why a disk's health is not known is said in the language of the console", async () => {
  const { control, lines } = await bed({ ...(await recordedFacts("laptop-vm")), language: "zh" });
  assert.match(lines(homeScreen(control)).join("\n"), /vda +\S +虚拟磁盘/);
});
