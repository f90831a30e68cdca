import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkImports } from "../../../scripts/dev/check-imports.ts";
import { makeProject } from "./project.ts";

type Case = { name: string; files: Record<string, string>; finds: [file: string, line: number, text: RegExp][] };

const nodeFile = { "core/node/disks.ts": "export const disks = 1;\n" };

const cases: Case[] = [
  {
    name: "a screen that imports core/node is found",
    files: { ...nodeFile, "tui/screens/home.ts": '\nimport { disks } from "../../core/node/disks.ts";\ndisks;\n' },
    finds: [["tui/screens/home.ts", 2, /Imports core\/node\/disks\.ts/]],
  },
  {
    name: "so is one that imports it when it is opened",
    files: { ...nodeFile, "tui/screens/home.ts": 'export const load = () => import("../../core/node/disks.ts");\n' },
    finds: [["tui/screens/home.ts", 1, /core\/node\/disks\.ts/]],
  },
  {
    name: "one that exports it again, requires it, or only takes a type from it",
    files: {
      ...nodeFile,
      "tui/screens/a.ts": 'export * from "../../core/node/disks.ts";\n',
      "tui/screens/b.ts":
        'import { createRequire } from "node:module";\nconst load = createRequire(import.meta.url);\nload("../../core/node/disks.ts");\n',
      "tui/screens/c.ts": 'export type D = typeof import("../../core/node/disks.ts");\n',
      "tui/screens/d.ts": "import type { disks } from '../../core/node/disks.ts';\n",
    },
    finds: [
      ["tui/screens/a.ts", 1, /core\/node/],
      ["tui/screens/b.ts", 3, /core\/node/],
      ["tui/screens/c.ts", 1, /core\/node/],
      ["tui/screens/d.ts", 1, /core\/node/],
    ],
  },
  {
    name: "a chain of imports that reaches core/node is printed",
    files: {
      ...nodeFile,
      "tui/screens/home.ts": '\nimport "../words.ts";\n',
      "tui/words.ts": 'import "../core/model/words.ts";\n',
      "core/model/words.ts": 'import "../node/disks.ts";\n',
    },
    finds: [
      ["core/model/words.ts", 1, /Imports core\/node\/disks\.ts/],
      ["tui/screens/home.ts", 2, /Reaches tui\/words\.ts -> core\/model\/words\.ts -> core\/node\/disks\.ts/],
      ["tui/words.ts", 1, /Reaches core\/model\/words\.ts -> core\/node\/disks\.ts/],
    ],
  },
  {
    name: "a screen that runs commands, reads files or draws with blessed is found",
    files: {
      "tui/screens/a.ts":
        'import "node:child_process";\nimport "fs/promises";\nimport "blessed";\nimport "@blessed/x";\n',
    },
    finds: [
      ["tui/screens/a.ts", 1, /node:child_process/],
      ["tui/screens/a.ts", 2, /node:fs\/promises/],
      ["tui/screens/a.ts", 3, /the package blessed/],
      ["tui/screens/a.ts", 4, /the package @blessed\/x/],
    ],
  },
  {
    name: "an import whose target is made at run time is found",
    files: { "tui/widgets/a.ts": "export const load = (name: string) => import(name);\n" },
    finds: [["tui/widgets/a.ts", 1, /made at run time/]],
  },
  {
    name: "the terminal may know blessed but nothing of the core",
    files: {
      "core/model/facts.ts": "export const a = 1;\n",
      "tui/terminal/a.ts": 'import "blessed";\nimport "../../core/model/facts.ts";\n',
    },
    finds: [["tui/terminal/a.ts", 2, /core\/model\/facts\.ts/]],
  },
  {
    name: "the core does not know the console, nor scripts the core's insides",
    files: {
      ...nodeFile,
      "tui/state.ts": "export const s = 1;\n",
      "core/node/x.ts": 'import "../../tui/state.ts";\n',
      "scripts/zs-disks.ts": 'import "../core/node/disks.ts";\n',
      "scripts/dev/tool.ts": 'import "../../core/node/disks.ts";\n',
    },
    finds: [
      ["core/node/x.ts", 1, /tui\/state\.ts/],
      ["scripts/zs-disks.ts", 1, /core\/node\/disks\.ts/],
    ],
  },
  {
    name: "the model asks no clock, sets no timer and throws no dice",
    files: {
      "core/model/a.ts": [
        "export const a = Date.now();",
        "export const b = new Date();",
        "export const c = performance.now();",
        "export const d = Math.random();",
        "setTimeout(() => {}, 1);",
        "const { now } = Date; now();",
        'export const e = Math["random"]();',
        'import "node:fs";',
        'import "lodash";',
        "export const f = process.env;",
      ].join("\n"),
    },
    finds: [
      ["core/model/a.ts", 1, /Date\.now/],
      ["core/model/a.ts", 2, /Date itself/],
      ["core/model/a.ts", 3, /performance/],
      ["core/model/a.ts", 4, /Math\.random/],
      ["core/model/a.ts", 5, /setTimeout/],
      ["core/model/a.ts", 6, /Date itself/],
      ["core/model/a.ts", 7, /Math\.random/],
      ["core/model/a.ts", 8, /node:fs/],
      ["core/model/a.ts", 9, /lodash/],
      ["core/model/a.ts", 10, /process/],
    ],
  },
  {
    name: "words in comments and strings, arguments, own names and pure functions are no impurity",
    files: {
      "core/model/a.ts": [
        "// Date.now() and setTimeout",
        'export const text = "Math.random() and new Date()";',
        "export const at = (ms: number) => new Date(ms).toISOString();",
        "export const round = (x: number) => Math.round(x);",
        "export const isDate = (x: unknown) => x instanceof Date;",
        "export type Clock = { performance: number; process: string; at: Date };",
        "export const process = { fetch: 1 };",
        "export const later = (setTimeout: (ms: number) => void) => setTimeout(process.fetch);",
      ].join("\n"),
    },
    finds: [],
  },
  {
    name: "what the table allows is not found, and tests may import anything",
    files: {
      ...nodeFile,
      "core/model/facts.ts": 'import * as z from "zod";\nexport const a = z;\n',
      "core/api/client.ts": 'import "node:http";\nimport "../model/facts.ts";\n',
      "tui/terminal/canvas.ts": "export {};\n",
      "tui/screens/home.ts":
        'import "../../core/api/client.ts";\nimport "../../core/model/facts.ts";\nimport "../terminal/canvas.ts";\nimport "./other.ts";\n',
      "tui/screens/other.ts": "// import '../../core/node/disks.ts';\nexport const text = 'import \"node:fs\"';\n",
      "test/a.test.ts": 'import "../core/node/disks.ts";\nimport "blessed";\n',
    },
    finds: [],
  },
];

describe("the check of imports", () => {
  for (const { name, files, finds } of cases) {
    it(name, (test) => {
      const found = checkImports(makeProject(test, files));
      const expected = [...finds];
      // Several rules may object to one line; each expected one must be there, and nothing else.
      for (const [file, line, text] of expected)
        assert.ok(
          found.some((f) => f.file === file && f.line === line && text.test(f.text)),
          `not found: ${file}:${line} ${text}\n${JSON.stringify(found, null, 1)}`,
        );
      const unexpected = found.filter(
        (f) => !expected.some(([file, line, text]) => f.file === file && f.line === line && text.test(f.text)),
      );
      assert.deepEqual(unexpected, []);
      for (const finding of found) assert.ok(finding.remedy.length > 10 && finding.rule.length > 2);
    });
  }
});
