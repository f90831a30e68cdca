import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressKind,
  formatAddress,
  formatNetwork,
  hostnameProblem,
  isInterfaceName,
  isVlanId,
  parseAddress,
  prefixOfNetmask,
  roleInNetwork,
} from "../../../core/model/address.ts";

const parsed = (text: string) => {
  const address = parseAddress(text);
  assert.ok(address, `${text} is an address`);
  return address;
};

test("addresses are written in one form, that of RFC 5952", () => {
  const forms: [given: string, written: string][] = [
    ["192.168.1.10", "192.168.1.10"],
    ["0.0.0.0", "0.0.0.0"],
    ["::", "::"],
    ["::1", "::1"],
    ["FD00:0:0:1:0:0:0:1", "fd00:0:0:1::1"],
    ["2001:db8::1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["fe80::", "fe80::"],
    ["10:0:0:0:0:0:0:10", "10::10"],
    ["::ffff:10.0.0.1", "::ffff:a00:1"],
  ];
  for (const [given, written] of forms) assert.equal(formatAddress(parsed(given)), written);
});

test("what is no address is not taken for one", () => {
  const wrong = "|1.2.3|1.2.3.4.5|256.1.1.1|010.0.0.1|1.2.3.4 |a.b.c.d|:|:::|1::2::3|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9";
  const more = "12345::|fe80::1%eth0|1:2:3:4:5:6:7::8:9|::1.2.3|1.2.3.4::|g::|-1.2.3.4|0x1.2.3.4";
  for (const text of [...wrong.split("|"), ...more.split("|")]) assert.equal(parseAddress(text), undefined, text);
});

test("a netmask is a row of ones", () => {
  assert.equal(prefixOfNetmask("255.255.255.0"), 24);
  assert.equal(prefixOfNetmask("255.255.255.255"), 32);
  assert.equal(prefixOfNetmask("0.0.0.0"), 0);
  for (const wrong of ["255.0.255.0", "24", "255.255.255", "0.0.0.255"])
    assert.equal(prefixOfNetmask(wrong), undefined);
});

test("an address is judged by what it is for", () => {
  const kinds = { "10.0.0.1": "host", "0.1.2.3": "this-network", "127.9.9.9": "loopback", "169.254.1.1": "link-local" };
  const more = { "239.1.1.1": "multicast", "255.255.255.255": "reserved", "fd00::1": "host", "::": "this-network" };
  const six = { "::1": "loopback", "fe80::1": "link-local", "ff02::1": "multicast", "::ffff:10.0.0.1": "reserved" };
  for (const [text, kind] of Object.entries({ ...kinds, ...more, ...six }))
    assert.equal(addressKind(parsed(text)), kind);
});

test("a network's own and its broadcast address are told, except where two machines share it alone", () => {
  assert.equal(roleInNetwork(parsed("10.0.0.0"), 24), "network");
  assert.equal(roleInNetwork(parsed("10.0.0.255"), 24), "broadcast");
  assert.equal(roleInNetwork(parsed("10.0.0.255"), 23), "host");
  assert.equal(roleInNetwork(parsed("10.0.0.0"), 31), "host");
  assert.equal(roleInNetwork(parsed("fd00::"), 64), "network");
  assert.equal(roleInNetwork(parsed("fd00::ffff:ffff:ffff:ffff"), 64), "host");
  assert.equal(formatNetwork(parsed("10.0.77.5"), 20), "10.0.64.0/20");
});

test("a host name follows RFC 1123 and is not localhost", () => {
  for (const name of ["a", "node-1", "Node1.example.com", "3com", `${"a".repeat(63)}`]) {
    assert.equal(hostnameProblem(name), undefined, name);
  }
  const wrong = {
    "": "empty",
    a_b: "character",
    "a b": "character",
    "-a": "hyphen",
    "a-.b": "hyphen",
    "a..b": "label-length",
  };
  const more = { "10.0.0.1": "number", "42": "number", localhost: "localhost", "LocalHost.localdomain": "localhost" };
  const long = { ["a".repeat(64)]: "label-length", [`${"a".repeat(32)}.${"b".repeat(32)}`]: "too-long" };
  for (const [name, why] of Object.entries({ ...wrong, ...more, ...long }))
    assert.equal(hostnameProblem(name), why, name);
});

test("VLANs have the ids 1 to 4094, interfaces at most 15 characters", () => {
  assert.deepEqual([0, 1, 4094, 4095, 1.5].map(isVlanId), [false, true, true, false, false]);
  assert.ok(isInterfaceName("abcdefghijklmno") && !isInterfaceName("abcdefghijklmnop") && !isInterfaceName("a/b"));
});
