import assert from "node:assert/strict";
import { test } from "node:test";
import { type Address, formatAddress, parseAddress } from "../../../../core/model/address.ts";
import {
  addressCount,
  allocate,
  claim,
  furtherRangeRefusal,
  parseRange,
  type Range,
  type RangeText,
  removeRange,
  sizeOf,
} from "../../../../core/model/cloud/ip-range.ts";
import { l2Types, segmentRefusal } from "../../../../core/model/cloud/network.ts";
import { resources } from "../../../../core/model/cloud/resources.ts";
import { Random } from "../../../support/random.ts";
import { samples } from "./samples.ts";
import { freeze, nextOf, readable, refusalOf } from "./support.ts";

const text: RangeText = { startIp: "10.0.0.10", endIp: "10.0.0.19", prefixLen: 24, gateway: "10.0.0.1" };

function rangeOf(change: Partial<RangeText> = {}): Range {
  const parsed = parseRange({ ...text, ...change });
  assert.ok("range" in parsed, "It was refused.");
  return freeze(parsed.range);
}

function address(given: string): Address {
  const parsed = parseAddress(given);
  assert.ok(parsed !== undefined);
  return parsed;
}

test("a range has as many addresses as from its first to its last", () => {
  assert.equal(sizeOf(rangeOf()), 10n);
  assert.equal(sizeOf(rangeOf({ endIp: "10.0.0.10" })), 1n);
  const point = { startIp: "10.0.0.10", endIp: "10.0.0.10", gateway: null };
  assert.equal(sizeOf(rangeOf({ ...point, prefixLen: 32 })), 1n);
  assert.equal(sizeOf(rangeOf({ ...point, prefixLen: 1 })), 1n);
  const most = { startIp: "fd00::1", endIp: "fd00::100:0", prefixLen: 64, gateway: null };
  assert.equal(sizeOf(rangeOf(most)), 2n ** 24n);
  const six = { startIp: "fd00::10", endIp: "fd00::1f", prefixLen: 64, gateway: "fd00::1" };
  assert.equal(sizeOf(rangeOf(six)), 16n);
});

test("a wrong range is refused at the field that is wrong, and all of them are told", () => {
  const wrong: [Partial<RangeText>, string[]][] = [
    [{ startIp: "x\u001b", endIp: "", gateway: "y" }, ["startIp", "endIp", "gateway"]],
    [{ endIp: "10.0.1.9" }, ["endIp"]],
    [{ endIp: "10.0.0.9" }, ["endIp"]],
    [{ endIp: "fd00::1" }, ["endIp"]],
    [{ prefixLen: 0 }, ["prefixLen"]],
    [{ prefixLen: 33 }, ["prefixLen"]],
    [{ prefixLen: 1.5 }, ["prefixLen"]],
    [{ startIp: "10.0.0.0", gateway: null }, ["startIp"]],
    [{ endIp: "10.0.0.255" }, ["endIp"]],
    [{ startIp: "10.0.0.0", endIp: "10.0.0.255", gateway: "10.0.0.7" }, ["startIp", "endIp", "gateway"]],
    [{ gateway: "10.0.1.1" }, ["gateway"]],
    [{ gateway: "10.0.0.10" }, ["gateway"]],
    [{ gateway: "10.0.0.19" }, ["gateway"]],
    [{ gateway: "fd00::1" }, ["gateway"]],
    [{ endIp: "x" }, ["endIp"]],
    [{ gateway: "" }, ["gateway"]],
    [{ startIp: "127.0.0.2", endIp: "127.0.0.9", gateway: null }, ["startIp", "endIp"]],
    [{ startIp: "fd00::1", endIp: "fd00::ffff:ffff", prefixLen: 64, gateway: null }, ["endIp"]],
    [{ startIp: "fd00::1", endIp: "fd00::100:1", prefixLen: 64, gateway: null }, ["endIp"]],
  ];
  for (const [change, fields] of wrong) {
    const parsed = parseRange({ ...text, ...change });
    assert.ok("refusals" in parsed, JSON.stringify(change));
    assert.deepEqual(
      parsed.refusals.map((each) => readable(each).where),
      fields,
      JSON.stringify(change),
    );
    assert.ok(parsed.refusals.every(({ code }) => code === "NETWORK.1001"));
  }
});

test("a further range must not overlap, nor hold the other's gateway", () => {
  const first = rangeOf();
  const further = (change: Partial<RangeText>) => furtherRangeRefusal(rangeOf(change), [first])?.code;
  assert.equal(further({ startIp: "10.0.0.20", endIp: "10.0.0.29" }), undefined);
  for (const [startIp, endIp] of [
    ["10.0.0.19", "10.0.0.29"],
    ["10.0.0.5", "10.0.0.10"],
    ["10.0.0.5", "10.0.0.50"],
    ["10.0.0.12", "10.0.0.13"],
  ] as const)
    assert.equal(further({ startIp, endIp }), "NETWORK.1002");
  assert.equal(further({ startIp: "10.0.0.1", endIp: "10.0.0.5", gateway: null }), "NETWORK.1001");
  assert.equal(further({ startIp: "fd00::10", endIp: "fd00::1f", prefixLen: 64, gateway: null }), "NETWORK.1001");
});

test("a range in use can't be removed, and says by whom", () => {
  assert.ok(removeRange(rangeOf(), [address("10.0.0.9"), address("10.0.0.20")]).done);
  const refusal = refusalOf(removeRange(rangeOf(), [address("10.0.0.12")]));
  assert.deepEqual([refusal.code, refusal.details], ["NETWORK.1003", "10.0.0.12 is in use."]);
});

test("addresses are given one after the other, from anywhere, until none is left", () => {
  for (let seed = 0; seed < 50; seed++) {
    const random = new Random(seed);
    const ranges = [rangeOf({ startIp: "10.0.0.40", endIp: "10.0.0.44" }), rangeOf()];
    const used: Address[] = [];
    for (let i = 0; i < 15; i++) {
      const from = random.chance(50) ? address(`10.0.0.${random.below(256)}`) : undefined;
      used.push(nextOf(allocate(ranges, used, from)));
      assert.equal(addressCount(ranges, used).free, BigInt(14 - i), `seed ${seed}`);
    }
    assert.equal(new Set(used.map(formatAddress)).size, 15);
    assert.equal(refusalOf(allocate(ranges, used)).code, "NETWORK.1004");
  }
  assert.equal(formatAddress(nextOf(allocate([rangeOf()], [address("10.0.0.10")]))), "10.0.0.11");
  assert.equal(refusalOf(allocate([], [])).details, "It has no address range.");
  const full = rangeOf({ endIp: "10.0.0.10" });
  assert.equal(refusalOf(allocate([full], [address("10.0.0.10")])).details, "All of its 1 addresses are in use.");
});

test("an address that somebody asks for must be in a range and free", () => {
  const ranges = [rangeOf()];
  assert.equal(formatAddress(nextOf(claim(ranges, [address("10.0.0.12")], "10.0.0.10"))), "10.0.0.10");
  for (const given of ["10.0.0.9", "10.0.0.11", "fd00::1", "10.0.0.012", "", "x\n"])
    assert.equal(refusalOf(claim(ranges, [address("10.0.0.11")], given)).code, "NETWORK.1005");
});

test("a network's id fits its type, in a call and in a record", () => {
  const good = { NoVlan: [null], Vlan: [1, 4094], Vxlan: [1, 16_777_215] } as const;
  for (const type of l2Types)
    for (const id of [null, 0, 1, 4094, 4095, 16_777_215, 16_777_216, -1, 1.5, Number.NaN]) {
      const refusal = segmentRefusal(type, id);
      const fits: readonly (number | null)[] = type === "Vxlan" ? [...good.Vxlan, 4094, 4095] : good[type];
      assert.equal(refusal === undefined, fits.includes(id), `${type} ${id}`);
      if (refusal !== undefined) {
        assert.equal(readable(refusal).code, "NETWORK.1006");
        assert.deepEqual(refusal.values, id === null ? { type } : { type, id });
      }
      const parsed = resources.L2Network.schema.safeParse({ ...samples.L2Network, type, vlan: id });
      assert.equal(parsed.success, refusal === undefined, `${type} ${id}`);
    }
});

test("a record of a range is consistent in itself", () => {
  const parse = (change: Record<string, unknown>) =>
    resources.IpRange.schema.safeParse({ ...samples.IpRange, ...change }).success;
  const six = { startIp: "fd00::10", endIp: "fd00::1f", prefixLen: 64, gateway: null, netmask: null };
  assert.ok(parse({}) && parse({ gateway: null }) && parse(six));
  for (const wrong of [{ netmask: "255.255.0.0" }, { netmask: null }, { endIp: "10.0.0.9" }, { gateway: "10.0.0.50" }])
    assert.equal(parse(wrong), false, JSON.stringify(wrong));
  assert.equal(parse({ ...six, netmask: "255.255.255.0" }), false);
});
