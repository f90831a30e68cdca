import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConsoleProxyProblem, consoleProxyProblem } from "../../../core/model/console-proxy.ts";

const entries: readonly [address: string, port: string, problem: ConsoleProxyProblem | undefined][] = [
  ["", "", "PROXY.EMPTY"],
  ["10.0.0.5", "", undefined],
  ["", "4900", undefined],
  ["10.0.0.5", "1024", undefined],
  ["10.0.0.5", "65535", undefined],
  ["fd00::5", "4900", undefined],
  ["10.0.0.5", "1023", "PROXY.PORT"],
  ["10.0.0.5", "65536", "PROXY.PORT"],
  ["10.0.0.5", "0", "PROXY.PORT"],
  ["10.0.0.5", "-4900", "PROXY.PORT"],
  ["10.0.0.5", "4900.5", "PROXY.PORT"],
  ["10.0.0.5", "4e3", "PROXY.PORT"],
  ["10.0.0.5", "0x1324", "PROXY.PORT"],
  ["10.0.0.5", "04900", "PROXY.PORT"],
  ["10.0.0.5", " 4900", "PROXY.PORT"],
  ["10.0.0.5", "４９００", "PROXY.PORT"],
  ["10.0.0.256", "4900", "PROXY.ADDRESS"],
  ["10.0.0", "4900", "PROXY.ADDRESS"],
  ["10.0.0.05", "4900", "PROXY.ADDRESS"],
  ["proxy.example.org", "4900", "PROXY.ADDRESS"],
  ["10.0.0.5/24", "4900", "PROXY.ADDRESS"],
  ["10.0.0.5:4900", "", "PROXY.ADDRESS"],
  ["fe80::1%eth0", "4900", "PROXY.ADDRESS"],
  [" ", "4900", "PROXY.ADDRESS"],
];

for (const [address, port, problem] of entries)
  test(`address "${address}" and port "${port}" are ${problem ?? "taken"}`, () => {
    assert.equal(consoleProxyProblem(address, port), problem);
  });
