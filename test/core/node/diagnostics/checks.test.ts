import assert from "node:assert/strict";
import { test } from "node:test";
import type { Finding, Language } from "../../../../core/model/records.ts";
import { checks } from "../../../../core/node/diagnostics/checks.ts";
import { runDiagnostics, unableCode } from "../../../../core/node/diagnostics/diagnose.ts";
import { loadDiagnosisTexts } from "../../../../tui/i18n/catalogue.ts";
import { diagnosisEn } from "../../../../tui/i18n/diagnosis.ts";
import { diagnosisZh } from "../../../../tui/i18n/diagnosis-zh.ts";
import { wrap } from "../../../../tui/terminal/width.ts";
import { healthy, inet, machineIn } from "./machine.ts";
import { type Scenario, scenarios } from "./scenarios/index.ts";

/** A dialogue at 80 columns has a margin of two on each side. */
const width = 76;
const maxLines = 5;
/** As the screen appends it where it is known. */
const sinceText = "  since 2026-11-21 13:58:07";
const languages: Language[] = ["en", "zh"];
const catalogues = { en: diagnosisEn, zh: diagnosisZh } as const;

for (const scenario of scenarios)
  test(`${scenario.name}: ${scenario.code}`, async () => {
    const finding = await find(scenario);
    assert.equal(finding.outcome, scenario.outcome);
    assert.equal(finding.fix, scenario.fix ?? null);
    if (scenario.since !== undefined) assert.equal(finding.since, scenario.since);
    for (const [name, value] of Object.entries(scenario.values ?? {})) assert.equal(finding.values[name], value, name);
  });

for (const language of languages)
  test(`every finding fits in ${maxLines} lines of ${width} columns, with all its values, in ${language}`, async () => {
    for (const scenario of scenarios) {
      const lines = await sentences(await find(scenario), language);
      assert(lines.length <= maxLines, `${scenario.name} (${scenario.code}):\n${lines.join("\n")}`);
      assert.doesNotMatch(lines.join("\n"), /\{\w+\}/, scenario.code);
    }
  });

test("every code has a scenario here", () => {
  const shown = new Set(scenarios.map(({ code }) => code));
  const all = checks.flatMap(({ codes }) => codes);
  assert.deepEqual(
    all.filter((code) => !shown.has(code)),
    [],
  );
  assert.equal(new Set(all).size, all.length, "a code belongs to one check");
});

test("every code that a check can answer has its sentences in both languages, and no sentence is left over", async () => {
  const expected = checks.flatMap((check) => [
    `diagnosis.${unableCode(check)}.what`,
    ...check.codes.flatMap((code) =>
      (code.endsWith(".OK") ? ["what"] : ["what", "why", "remedy"]).map((part) => `diagnosis.${code}.${part}`),
    ),
  ]);
  for (const [language, catalogue] of Object.entries(catalogues)) {
    const there = Object.keys(catalogue).filter((key) => /^diagnosis\.[A-Z]/.test(key));
    assert.deepEqual(there.toSorted(), expected.toSorted(), language);
  }
});

test("the two languages name the same values", () => {
  const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
  const english = Object.entries(catalogues.en);
  const chinese = new Map<string, string>(Object.entries(catalogues.zh));
  assert(english.length > 200);
  for (const [key, text] of english) assert.deepEqual(places(chinese.get(key) ?? ""), places(text), key);
});

const filled: [key: string, values: Record<string, string>, en: string, zh: string][] = [
  [
    "diagnosis.UNIT.FAILED.what",
    { unit: "logrotate.service", said: "" },
    "logrotate.service failed",
    "logrotate.service 失败",
  ],
  [
    "diagnosis.UNIT.FAILED.what",
    { unit: "x.service", said: "[core] {unit} is gone" },
    "x.service failed: [core] {unit} is gone",
    "x.service 失败：[core] {unit} is gone",
  ],
  [
    "diagnosis.MGMT.OK.what",
    { link: "br_bond0", address: "10.0.0.5", "address.more": "1" },
    "The management network is on br_bond0: 10.0.0.5 and 1 more.",
    "管理网络位于 br_bond0：10.0.0.5 及另外 1 个。",
  ],
  [
    "diagnosis.LIBVIRT.LOCKED.what",
    { name: "db", holder: "" },
    "A call to the virtual machine db hangs.",
    "对虚拟机 db 的调用挂起。",
  ],
];
for (const [key, values, en, zh] of filled)
  test(`values are filled in as a person says it: ${en}`, async () => {
    const said = async (language: Language) => (await loadDiagnosisTexts(language))(key, values);
    assert.deepEqual([await said("en"), await said("zh")], [en, zh]);
  });

test("the management address says how many there are beside, as a value of its own", async () => {
  const [eno1] = healthy.network.links;
  assert(eno1);
  const links = [{ ...eno1, addresses: [inet("10.0.0.5"), inet("10.0.0.6"), inet("10.0.0.7")] }];
  const { findings } = await runDiagnostics(machineIn({ facts: { network: { ...healthy.network, links } } }));
  const { values } = findings.find(({ code }) => code === "MGMT.OK") ?? {};
  assert.deepEqual(values, { link: "eno1", address: "10.0.0.5", "address.more": "2", route: "eno1" });
});

async function find(scenario: Scenario): Promise<Finding> {
  const check = checks.find(({ codes }) => codes.includes(scenario.code));
  assert(check, scenario.code);
  const { findings } = await runDiagnostics({ ...machineIn(scenario), checks: [check] });
  const finding = findings.find(({ code }) => code === scenario.code);
  assert(finding, `found ${JSON.stringify(findings)}`);
  assert(finding.id === check.id || finding.id.startsWith(`${check.id}:`));
  return finding;
}

async function sentences(finding: Finding, language: Language): Promise<string[]> {
  const find = await loadDiagnosisTexts(language);
  const part = (name: string) => find(`diagnosis.${finding.code}.${name}`, finding.values) ?? "";
  const what = `${part("what")}${finding.since === null ? "" : sinceText}`;
  return [what, part("why"), part("remedy")].filter((text) => text !== "").flatMap((text) => wrap(text, width));
}
