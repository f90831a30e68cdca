import assert from "node:assert/strict";
import { test } from "node:test";
import { drawDetails } from "../../../tui/screens/item-details.ts";
import { lines } from "../widgets/support.ts";

const details = [
  { label: "State", value: "UP" },
  { label: "Speed", value: "10G full duplex" },
  { label: "Addresses", value: "10.0.0.5/24,  2001:db8:0:1::5/64,  fe80::b226:28ff:feaa:1/64 link-local and more" },
  { label: "MTU", value: "1500 B" },
];

function shown(width: number, height: number): string[] {
  return lines(width, height, (canvas) => drawDetails(canvas, details, (count) => `${count} more`));
}

test("short details stand side by side, a long one has lines of its own", () => {
  assert.deepEqual(shown(70, 5), [
    "State      UP                       Speed      10G full duplex",
    "Addresses  10.0.0.5/24,  2001:db8:0:1::5/64,",
    "           fe80::b226:28ff:feaa:1/64 link-local and more",
    "MTU        1500 B",
    "",
  ]);
});

test("a narrow room has one below the other, a wide one three in a line", () => {
  assert.deepEqual(shown(69, 6).slice(0, 2), ["State      UP", "Speed      10G full duplex"]);
  const wide = [...details.slice(0, 2), { label: "MTU", value: "1500 B" }];
  assert.deepEqual(
    lines(110, 2, (canvas) => drawDetails(canvas, wide, String)).map((line) => line.replace(/ {2,}/g, "  ")),
    ["State  UP  Speed  10G full duplex  MTU  1500 B", ""],
  );
});

test("lines without room are counted in the last one", () => {
  assert.deepEqual(shown(70, 3).at(-1), "2 more");
  assert.deepEqual(shown(70, 1), ["4 more"]);
  assert.deepEqual(shown(70, 4).at(-1), "MTU        1500 B");
});
