import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cloudCallNames, cloudCalls } from "../../../core/model/cloud/calls/index.ts";
import { cloudErrors } from "../../../core/model/cloud/error-codes.ts";
import { resources } from "../../../core/model/cloud/resources.ts";
import type { StateMachine } from "../../../core/model/cloud/state-machine.ts";
import { vmStateNames } from "../../../core/model/cloud/vm-states.ts";
import { apiPage, apiPageFile } from "../../../scripts/dev/api-page.ts";
import { root } from "../../support/programs.ts";

const page = apiPage();

test("the kept page of the API's documentation is up to date", () => {
  const file = join(root, apiPageFile);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, page);
  assert.ok(readFileSync(file, "utf8") === page, `${apiPageFile} is out of date: npm run docs:api writes it anew.`);
});

test("the page has every call with its path, arguments and an example, and every error", () => {
  const sections = new Map(page.split("\n#### ").map((text) => [text.slice(0, text.indexOf("\n")), text]));
  for (const name of cloudCallNames) {
    const { method, path, summary, input } = cloudCalls[name];
    const section = sections.get(name) ?? "";
    for (const part of [`\`${method} ${path}\``, summary, "\ncurl "])
      assert.ok(section.includes(part), `${name}: ${part}`);
    for (const field of Object.keys(input.shape)) assert.match(section, new RegExp(`^\\| \`${field}\` \\|`, "m"), name);
  }
  for (const [code, description] of Object.entries(cloudErrors))
    assert.ok(page.includes(`| \`${code}\` | ${description}. |`));
});

test("the page has every state of every resource, and what may follow it", () => {
  const machines: readonly StateMachine[] = Object.values(resources).flatMap(({ machines }) => [...machines]);
  for (const { resource, attribute, states, table } of machines) {
    const [, section = ""] = page.split(`\n### ${resource}: ${attribute}\n`);
    for (const [state, description] of Object.entries(states)) {
      const row = section.split("\n").find((line) => line.includes(`| ${description} |`) && line.includes(state));
      for (const [event, next] of Object.entries(table[state] ?? {})) assert.ok(row?.includes(`${event} → ${next}`));
      assert.ok(row !== undefined, `${resource} ${state}`);
    }
  }
  for (const state of vmStateNames) assert.match(page, new RegExp(`^\\| ${state} \\|`, "m"));
});

test("every row of a table has as many cells as its head, and every link leads to a heading", () => {
  let cells = 0;
  for (const line of page.split("\n")) {
    const count = line.startsWith("| ") ? line.replaceAll("\\|", "").split("|").length : 0;
    if (cells > 0 && count > 0) assert.equal(count, cells, line);
    cells = count;
  }
  const anchors = new Set(
    [...page.matchAll(/^#+ (.+)$/gm)].map(([, text = ""]) => text.toLowerCase().replaceAll(" ", "-")),
  );
  for (const [, anchor = ""] of page.matchAll(/\]\(#([^)]+)\)/g)) assert.ok(anchors.has(anchor), anchor);
});
