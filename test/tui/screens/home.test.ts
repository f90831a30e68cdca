import assert from "node:assert/strict";
import { test } from "node:test";
import { drawMore } from "../../../tui/screens/home/panels.ts";
import { homeScreen } from "../../../tui/screens/home.ts";
import { displayWidth } from "../../../tui/terminal/width.ts";
import { lines as drawnLines } from "../widgets/support.ts";
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

test("a panel that hides lines names the key that shows them, where it has room for it", async () => {
  for (const [language, words, short] of [
    ["en", /\d more: Enter/, /\d more(?!:)/],
    ["zh", /还有 \d 项：Enter/, /还有 \d 项(?!：)/],
  ] as const) {
    const { control, lines } = await bed({ ...(await recordedFacts("storage-failing")), language });
    const wide = lines(homeScreen(control)).join("\n");
    assert.match(wide, words);
    assert.doesNotMatch(wide, short);
    const t = control.view().t;
    for (let width = 1; width < 20; width++) {
      const [line = ""] = drawnLines(width, 1, (canvas) => drawMore(canvas, t, "Enter", 3));
      const long = t("panel.moreAt", { count: 3, key: "Enter" });
      const expected = displayWidth(long) <= width ? long : t("panel.more", { count: 3 });
      assert.equal(line, displayWidth(expected) <= width ? expected : line, `${width}`);
      assert.ok(displayWidth(line) <= width);
    }
  }
});

test("a q that comes alone leaves; within other text that came with it, as in a paste, it does not", async () => {
  const made = await bed(await recordedFacts("laptop-vm"));
  let left = 0;
  const screen = homeScreen({ ...made.control, quit: () => left++ });
  screen.key({ name: "char", text: "q", inBurst: true });
  assert.equal(left, 0);
  screen.key({ name: "char", text: "q" });
  assert.equal(left, 1);
});
