import assert from "node:assert/strict";
import * as fs from "node:fs";
import { test } from "node:test";
import { hashProblem } from "../../../core/model/installation/crypt-hash.ts";
import type { Draft } from "../../../core/model/installation/draft.ts";
import { draft as draftSchema, installRoles } from "../../../core/model/installation/draft.ts";
import type { Hardware } from "../../../core/model/installation/hardware.ts";
import { draftFromAnswers } from "../../../iso/answers/draft.ts";
import { type AnswerProblem, describeProblems } from "../../../iso/answers/problem.ts";
import { readAnswers } from "../../../iso/answers/read.ts";
import { summarize } from "../../../iso/answers/summary.ts";
import { answerFile, answerFiles, golden, machine, machineOf } from "./fixtures.ts";

/*
 * Each answer file in test/fixtures/answers has beside it what is said of it.
 * UPDATE_GOLDEN=1 node --test test/iso/answers/answers.test.ts keeps it anew; read what it changed.
 */

function carryOut(
  bytes: Uint8Array,
  hardware: Hardware | null,
): { problems: AnswerProblem[]; draft: Draft | null; summary: string[] } {
  const { read, problems } = readAnswers(bytes);
  if (read === null) return { problems, draft: null, summary: [] };
  const result = draftFromAnswers(read, hardware);
  return { ...result, summary: summarize(read.answers, result.draft) };
}

for (const name of answerFiles("wrong")) {
  test(`a wrong answer file is refused with its place and what is allowed: ${name}`, () => {
    const bytes = fs.readFileSync(answerFile("wrong", name));
    const { problems } = carryOut(bytes, machineOf(bytes));
    const text = `${describeProblems(`${name}.yaml`, problems).join("\n")}\n`;
    assert.equal(text, golden("wrong", name, text));
    assert.ok(
      problems.some(({ severity }) => severity === "error"),
      "nothing is refused",
    );
    const lines = bytes.toString("utf8").split("\n");
    for (const { line, column } of problems) {
      assert.ok(line >= 1 && line <= lines.length && column >= 1, `${line}:${column} is not in the file`);
    }
  });
}

for (const name of answerFiles("right")) {
  test(`a right answer file leads to a draft that can be installed: ${name}`, () => {
    const bytes = fs.readFileSync(answerFile("right", name));
    const { problems, draft, summary } = carryOut(bytes, machineOf(bytes));
    const lines = [...summary, ...describeProblems(`${name}.yaml`, problems), JSON.stringify(draft, null, 2)];
    const text = `${lines.join("\n")}\n`;
    assert.equal(text, golden("right", name, text));
    assert.deepEqual(
      problems.filter(({ severity }) => severity === "error"),
      [],
    );
    draftSchema.parse(draft);
  });
}

test("there is a right answer file for each role", () => {
  const roles = answerFiles("right").map(
    (name) => carryOut(fs.readFileSync(answerFile("right", name)), null).draft?.role,
  );
  for (const role of installRoles) assert.ok(roles.includes(role), role);
});

test("no problem ever shows a password", () => {
  for (const name of answerFiles("wrong")) {
    const bytes = fs.readFileSync(answerFile("wrong", name));
    const said = JSON.stringify(carryOut(bytes, machineOf(bytes)).problems);
    assert.ok(!/Sesame|4711|X3DX6M94/.test(said), `${name}: ${said}`);
  }
});

test("no problem holds anything that a terminal would obey", () => {
  for (const name of answerFiles("wrong")) {
    const bytes = fs.readFileSync(answerFile("wrong", name));
    for (const line of describeProblems(name, carryOut(bytes, machineOf(bytes)).problems)) {
      assert.match(line, /^[^\p{Cc}\p{Cf}]*$/u);
    }
  }
});

test("a file of more than 1 MiB is not read", () => {
  const { read, problems } = readAnswers(Buffer.alloc(1024 ** 2 + 1, "# \n"));
  assert.equal(read, null);
  assert.match(problems[0]?.description ?? "", /1048577 bytes/);
});

const right = fs.readFileSync(answerFile("right", "anchor"), "utf8");
const hostile: [what: string, text: string][] = [
  ["brackets nested a hundred thousand times", "[".repeat(100_000)],
  ["braces nested a hundred thousand times", "{a: ".repeat(100_000)],
  ["lists nested in one line", "- ".repeat(50_000)],
  ["a hundred thousand unknown keys", Array.from({ length: 100_000 }, (_, i) => `k${i}: 1\n`).join("")],
  ["a key given again and again", "role: x\n".repeat(50_000)],
  ["a key of half a megabyte", `${"k".repeat(500_000)}: 1\n`],
  ["an alias of itself", right.replace("disk: {", "disk: &d {").replace("first-empty", "*d")],
  ["a pattern full of stars", right.replace("first-empty", `{model: "${"*a".repeat(20_000)}b"}`)],
];
for (const [what, text] of hostile) {
  test(`a hostile file is refused, and soon: ${what}`, () => {
    const bytes = Buffer.from(text);
    const { problems } = carryOut(bytes, machine("server"));
    assert.ok(problems.some(({ severity }) => severity === "error"));
    assert.ok(problems.length <= 200, `${problems.length} problems`);
  });
}

test("a file that is cut or changed anywhere never throws and never shows its hashes", () => {
  const full = fs.readFileSync(answerFile("right", "management-full"), "utf8");
  const hardware = machine("server");
  for (let at = 0; at < full.length; at += 23) {
    for (const inserted of ["", "\t", ":", "*", "&", "!", "'", "]", "\n", "\0", "- ", "{"]) {
      const text = inserted === "" ? full.slice(0, at) : full.slice(0, at) + inserted + full.slice(at);
      const { problems } = carryOut(Buffer.from(text), hardware);
      for (const { description, remedy } of problems)
        assert.ok(!/j9T|F5Jx5f|X3DX6/.test(description + remedy), description);
    }
  }
});

test("hashes of the methods of crypt(3) that are still good are taken, others are not", () => {
  const tail = (length: number) => "aB3./zZ9".repeat(12).slice(0, length);
  const good = [
    `$y$j9T$${tail(22)}$${tail(43)}`,
    `$gy$j9T$${tail(22)}$${tail(43)}`,
    `$7$CU..../....${tail(20)}$${tail(43)}`,
    `$2b$12$${tail(53)}`,
    `$2y$12$${tail(53)}`,
    `$6$${tail(16)}$${tail(86)}`,
    `$6$rounds=500000$${tail(8)}$${tail(86)}`,
    `$5$${tail(16)}$${tail(43)}`,
  ];
  for (const hash of good) assert.equal(hashProblem(hash), undefined, hash);
  for (const hash of good) assert.equal(hashProblem(hash.slice(0, -1)), "malformed", hash);
  for (const hash of good) assert.notEqual(hashProblem(`${hash}:0:0\n`), undefined, hash);
  for (const hash of [`$1$${tail(8)}$${tail(22)}`, "$sha1$40000$x$y", `$2a$12$${tail(53)}`]) {
    assert.equal(hashProblem(hash), "weak");
  }
  for (const plain of ["", "!", "*", "x", "secret", "ab1234567890."]) assert.equal(hashProblem(plain), "no-hash");
});
