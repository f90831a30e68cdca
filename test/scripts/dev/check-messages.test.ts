import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { checkMessages } from "../../../scripts/dev/check-messages.ts";
import { makeProject } from "./project.ts";

type Catalogue = Record<string, string>;

/** What the check says of two catalogues and some files: `rule file:line text`, without the group's name. */
async function check(
  test: TestContext,
  en: Catalogue,
  zh: Catalogue,
  files: Record<string, string>,
): Promise<string[]> {
  const catalogue = (name: string, texts: Catalogue) =>
    `export const ${name} = {\n${Object.entries(texts)
      .map(([key, text]) => `  ${JSON.stringify(key)}: ${JSON.stringify(text)},\n`)
      .join("")}} as const;\n`;
  const root = makeProject(test, {
    "tui/i18n/en.ts": catalogue("en", en),
    "tui/i18n/zh.ts": catalogue("zh", zh),
    ...files,
  });
  const findings = await checkMessages(root);
  return findings.map((f) => `${f.rule.replace("messages/", "")} ${f.file}:${f.line} ${f.text}`);
}

const used = { "tui/app.ts": 't("home.title");\n' };

describe("the check of messages", () => {
  it("finds a key that Chinese lacks, and says where English has it", async (test) => {
    const found = await check(
      test,
      { "home.title": "Home", "home.more": "More" },
      { "home.title": "首页" },
      {
        "tui/app.ts": 't("home.title"); t("home.more");\n',
      },
    );
    assert.deepEqual(found, ['missing tui/i18n/en.ts:3 tui/i18n/zh.ts has no "home.more".']);
  });

  it("finds a key that only Chinese has", async (test) => {
    const found = await check(test, { "home.title": "Home" }, { "home.title": "首页", "home.old": "旧" }, used);
    assert.deepEqual(found, ['missing tui/i18n/zh.ts:3 tui/i18n/en.ts has no "home.old".']);
  });

  it("looks through the installer's own catalogues too", async (test) => {
    const found = await check(
      test,
      { "home.title": "Home" },
      { "home.title": "首页" },
      {
        ...used,
        "tui/i18n/installer.ts": 'export const installerEn = {\n  "install.name": "Installation",\n};\n',
        "tui/i18n/installer-zh.ts": 'export const installerZh = {\n  "install.name": "Installation",\n};\n',
      },
    );
    assert.deepEqual(found, [
      'untranslated tui/i18n/installer-zh.ts:2 "install.name" is "Installation" in both languages.',
      'unused tui/i18n/installer-zh.ts:2 Nothing in tui/ shows "install.name".',
    ]);
  });

  it("looks at a key that both programs have in the catalogues of each", async (test) => {
    const found = await check(
      test,
      { "home.title": "At least {least}" },
      { "home.title": "" },
      {
        "tui/app.ts": 't("home.title", { least: 8 });\n',
        "tui/i18n/installer.ts": 'export const installerEn = { "home.title": "Home" };\n',
        "tui/i18n/installer-zh.ts": 'export const installerZh = { "home.title": "首页" };\n',
      },
    );
    assert.deepEqual(found.map((text) => text.split(" ")[0]).sort(), ["empty", "placeholders"]);
  });

  it("finds places that differ between the languages", async (test) => {
    const found = await check(
      test,
      { "home.title": "{count} of {total}" },
      { "home.title": "{count}，{all}" },
      {
        "tui/app.ts": 't("home.title", { count: 1, total: 2 });\n',
      },
    );
    assert.deepEqual(found, [
      'placeholders tui/i18n/en.ts:2 "home.title" fills in {count}, {total} in English and {all}, {count} in Chinese.',
    ]);
  });

  it("finds a call that does not give what the text needs", async (test) => {
    const files = { "tui/app.ts": '\nview.t("home.title", { count });\nt("home.title");\nt("home.title", values);\n' };
    const found = await check(
      test,
      { "home.title": "{count} of {total}" },
      { "home.title": "{count}，{total}" },
      files,
    );
    assert.deepEqual(found, [
      'placeholders tui/app.ts:2 The text of "home.title" needs {total}, which this call does not give.',
      'placeholders tui/app.ts:3 The text of "home.title" needs {count}, {total}, which this call does not give.',
    ]);
  });

  it("finds empty texts and texts that nobody translated, but not names and figures", async (test) => {
    const en = { a: "", b: "Same", c: "CPU", d: "{share} %" };
    const found = await check(test, en, { ...en, a: "空" }, { "tui/app.ts": '["a", "b", "c", t("d", { share })];\n' });
    assert.deepEqual(found, [
      'empty tui/i18n/en.ts:2 "a" has no text.',
      'untranslated tui/i18n/en.ts:3 "b" is "Same" in both languages.',
    ]);
  });

  it("finds keys that nothing shows; a key made at run time stands for all that begin so", async (test) => {
    const en = { "missing.denied": "no", "missing.late.detail": "late", "home.title": "Home", "home.old": "Old" };
    const zh = { "missing.denied": "不", "missing.late.detail": "晚", "home.title": "首页", "home.old": "旧" };
    const found = await check(test, en, zh, {
      "tui/app.ts": 'const title = "home.title"; t(`missing.${code}`);\n// home.old\n',
    });
    assert.deepEqual(found, ['unused tui/i18n/en.ts:5 Nothing in tui/ shows "home.old".']);
  });

  const hardCoded: [name: string, line: string, text: string][] = [
    ["a sentence", 'canvas.text(0, 0, "no answer yet");', '"no answer yet"'],
    ["a word with a capital", 'canvas.text(0, 0, "Memory");', '"Memory"'],
    ["a word of another language", 'canvas.text(0, 0, "内存");', '"内存"'],
    ["a word between values", "canvas.text(0, 0, `${n} disks of ${m}`);", '" disks of "'],
    ["a default value", 'export const f = (title = "Free space") => title;', '"Free space"'],
    ["a value of an object", 'export const o = { title: "Free space" };', '"Free space"'],
  ];
  for (const [name, line, text] of hardCoded) {
    it(`finds ${name} that stands in a screen`, async (test) => {
      const files = { ...used, "tui/screens/x.ts": `\n${line}\n` };
      const found = await check(test, { "home.title": "Home" }, { "home.title": "首页" }, files);
      assert.deepEqual(found, [`hard-coded tui/screens/x.ts:2 ${text} is text for a person.`]);
    });
  }

  it("leaves alone what no person reads, and everything outside of screens and widgets", async (test) => {
    const found = await check(
      test,
      { "home.title": "Home" },
      { "home.title": "首页" },
      {
        ...used,
        "tui/log.ts": 'log("This is for the log");\n',
        "tui/widgets/x.ts": [
          'import x from "./Some Module.ts";',
          'export type State = "Running" | "Not Running";',
          'export const same = state === "Running" || "Stopped" !== state;',
          'switch (state) { case "Paused": break; }',
          'export const table = { "Not Running": 1, Enabled: 2 };',
          'table["Not Running"];',
          "t(`Some Key ${x}`); control.view().t('Another Key'); t.find('Third Key');",
          'export const keys = ["Enter", "Esc", "F2", "Ctrl+Alt+F11", "Up Down j k", "Page Up"];',
          'export const style = "heading", separator = " -> ", unit = `${n} %`, address = `${ip}/${prefix}`;',
          "// This is a comment",
        ].join("\n"),
      },
    );
    assert.deepEqual(found, []);
  });
});
