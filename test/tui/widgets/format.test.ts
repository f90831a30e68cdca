import assert from "node:assert/strict";
import { test } from "node:test";
import { size } from "../../../core/node/diagnostics/format.ts";
import {
  type Figure,
  formatAge,
  formatBytes,
  formatBytesOf,
  formatDate,
  formatDateTime,
  formatDecimal,
  formatDuration,
  formatPercent,
  formatSpeed,
  formatTemperature,
  formatTime,
} from "../../../tui/widgets/format.ts";

const K = 1024;
const M = K * K;
const G = K * M;

function table(format: (value: Figure) => string, rows: readonly (readonly [Figure, string])[]): void {
  for (const [value, text] of rows) assert.equal(format(value), text, `${format.name}(${value})`);
}

const notKnown = [
  [null, "-"],
  [undefined, "-"],
  [Number.NaN, "-"],
  [Number.POSITIVE_INFINITY, "-"],
  [Number.NEGATIVE_INFINITY, "-"],
] as const;

test("sizes are in binary units and never round up to 1024 of one", () => {
  table(formatBytes, [
    ...notKnown,
    [-1, "-"],
    [0, "0 B"],
    [0.4, "0 B"],
    [1, "1 B"],
    [1023, "1023 B"],
    [1023.6, "1 K"],
    [K, "1 K"],
    [1536, "1.5 K"],
    [10 * K + 512, "10.5 K"],
    [99.96 * K, "100 K"],
    [1023.4 * K, "1023 K"],
    [1023.6 * K, "1 M"],
    [M - 1, "1 M"],
    [M, "1 M"],
    [1023.99 * M, "1 G"],
    [G, "1 G"],
    [25.6 * G, "25.6 G"],
    [62.7 * G, "62.7 G"],
    [88 * G, "88 G"],
    [182.3 * G, "182 G"],
    [1023.97 * G, "1 T"],
    [K * G * 1.25, "1.3 T"],
    [K * K * G, "1 P"],
    [K * M * G, "1 E"],
    [K ** 6 * 1000, "1000 E"],
    [1e300, "-"],
  ]);
});

test("a part of a whole shares its unit, but a small part is not shown as zero", () => {
  assert.deepEqual(formatBytesOf(25.6 * G, 62.7 * G), { part: "25.6", whole: "62.7 G" });
  assert.deepEqual(formatBytesOf(0, 62.7 * G), { part: "0", whole: "62.7 G" });
  assert.deepEqual(formatBytesOf(512 * M, 62.7 * G), { part: "0.5", whole: "62.7 G" });
  assert.deepEqual(formatBytesOf(12 * M, 230 * G), { part: "12 M", whole: "230 G" });
  assert.deepEqual(formatBytesOf(null, 230 * G), { part: "-", whole: "230 G" });
  assert.deepEqual(formatBytesOf(3, Number.NaN), { part: "3 B", whole: "-" });
  assert.deepEqual(formatBytesOf(2 * G, 3 * M), { part: "2 G", whole: "3 M" });
});

test("only what is full is 100 %", () => {
  table(formatPercent, [
    ...notKnown,
    [-0.01, "-"],
    [0, "0 %"],
    [0.004, "0 %"],
    [0.005, "1 %"],
    [0.12, "12 %"],
    [0.414, "41 %"],
    [0.9999, "99 %"],
    [1, "100 %"],
    [1.996, "200 %"],
  ]);
});

test("a link's speed is short, and unknown when the kernel says -1 or 0", () => {
  table(formatSpeed, [
    ...notKnown,
    [-1, "-"],
    [0, "-"],
    [10, "10M"],
    [100, "100M"],
    [1000, "1G"],
    [2500, "2.5G"],
    [10_000, "10G"],
    [20_000, "20G"],
    [25_000, "25G"],
    [100_000, "100G"],
    [999_600, "1T"],
    [1_600_000, "1.6T"],
  ]);
});

test("a duration shows its two largest units, rounded down", () => {
  table(formatDuration, [
    ...notKnown,
    [-1, "-"],
    [0, "0 s"],
    [0.9, "0 s"],
    [59.99, "59 s"],
    [60, "1 m"],
    [61, "1 m 1 s"],
    [3599, "59 m 59 s"],
    [3600, "1 h"],
    [3659, "1 h"],
    [15_120, "4 h 12 m"],
    [86_399, "23 h 59 m"],
    [86_400, "1 d"],
    [86_400 + 59 * 60, "1 d"],
    [100_800, "1 d 4 h"],
    [86_400 * 1234, "1234 d"],
  ]);
});

test("an age forgives two clocks a few seconds, and is a dash for what lies further ahead", () => {
  table(formatAge, [...notKnown, [0, "0 s"], [42_000, "42 s"], [-4999, "0 s"], [-60_000, "-"], [90_000, "1 m 30 s"]]);
});

test("a point in time is local, with leading zeros", () => {
  const at = new Date(2026, 10, 2, 4, 3, 7).getTime();
  assert.equal(formatDateTime(at), "2026-11-02 04:03:07");
  assert.equal(formatDate(at), "2026-11-02");
  assert.equal(formatTime(at), "04:03:07");
  for (const format of [formatDateTime, formatDate, formatTime])
    table(format, [...notKnown, [8.7e15, "-"], [3e14, "-"]]);
});

test("temperatures may be below zero but not below the absolute one", () => {
  table(formatTemperature, [...notKnown, [32, "32 C"], [31.6, "32 C"], [-5, "-5 C"], [-0.2, "0 C"], [-300, "-"]]);
});

test("a decimal has as many places as were asked for and no negative zero", () => {
  table(formatDecimal, [...notKnown, [0.12, "0.12"], [0.2, "0.20"], [12, "12.00"], [-0.001, "0.00"]]);
  assert.equal(formatDecimal(1.25, 1), "1.3");
});

test("the diagnostics write sizes as the screens do", () => {
  for (let bytes = 1; bytes < 1024 ** 6; bytes *= 1.37) assert.equal(size(bytes), formatBytes(bytes));
  for (const bytes of [0, 1023, 1024, 1023.96 * M, 99.96 * G, 1000 * G]) assert.equal(size(bytes), formatBytes(bytes));
});
