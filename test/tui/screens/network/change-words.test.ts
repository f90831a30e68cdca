import assert from "node:assert/strict";
import { it } from "node:test";
import type { NetworkChange } from "../../../../core/model/network/transaction.ts";
import { english } from "../../../../tui/i18n/catalogue.ts";
import { changeLines } from "../../../../tui/screens/network/change-words.ts";
import { displayWidth } from "../../../../tui/terminal/width.ts";

const t = english();
const change = (link: string, what: NetworkChange["what"], before: string | null, after: string | null) => ({
  link,
  what,
  key: "",
  before,
  after,
});

/** What stands on the screen, lead and text. */
const shown = (changes: NetworkChange[], room: number) =>
  changeLines(t, changes, room).map(({ lead = "", leadWidth = 0, text }) => `${lead.padEnd(leadWidth)}${text}`);

it("old stands beside new as far as there is room, and a long value does not move the others apart", () => {
  const changes = [
    change("eno1", "mtu", "1500", "9000"),
    change("eno1", "address6", "2001:db8:1234:5678:9abc:def0:1234:9999/64", "fd00::5/64"),
    change("eno1", "route", null, "10.8.0.0/16 via 10.0.0.1"),
  ];
  assert.deepEqual(shown(changes, 56), [
    "                    NOW    NEW",
    "eno1 MTU            1500   9000",
    "eno1 IPv6 address",
    "  2001:db8:1234:5678:9abc:def0:1234:9999/64",
    "  -> fd00::5/64",
    "eno1 route          -      10.8.0.0/16 via 10.0.0.1",
  ]);
});

it("no line is wider than the room, and no label is cut, with the longest names", () => {
  const long = "enp129s0f0np0.4000";
  const changes = [
    change(long, "nameServers", "10.0.0.2, 10.0.0.3", null),
    change(long, "address6", null, "2001:db8:1234:5678:9abc:def0:1234:9999/64"),
    change("eno1", "mtu", null, "9000"),
  ];
  for (const room of [56, 76, 120]) {
    const lines = shown(changes, room);
    for (const line of lines) assert.ok(displayWidth(line) <= room, line);
    assert.ok(lines.some((line) => line.startsWith(`${long} name servers`)));
  }
});

it("where nothing has room beside there is no heading for it", () => {
  const whole = "2001:db8:1234:5678:9abc:def0:1234:9999/64";
  assert.deepEqual(shown([change("eno1", "address6", whole, "2001:db8::1/64")], 56), [
    "eno1 IPv6 address",
    `  ${whole}`,
    "  -> 2001:db8::1/64",
  ]);
});
