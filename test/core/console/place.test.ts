import assert from "node:assert/strict";
import { test } from "node:test";
import { type ProxySurroundings, proxyPlace } from "../../../core/console/place.ts";

const present = ["127.0.0.1", "::1", "fe80::1", "10.0.0.5", "192.0.2.5"];
const usual: ProxySurroundings = { address: "auto", port: 4900, managementIp: "", apiAddress: "::", present };

for (const [what, given, hostname, listenOn] of [
  ["nothing is set", {}, "10.0.0.5", "::"],
  ["a management address is configured", { managementIp: "192.0.2.5" }, "192.0.2.5", "::"],
  ["the API listens on one address", { apiAddress: "192.0.2.5" }, "192.0.2.5", "192.0.2.5"],
  ["the API is this machine's own", { apiAddress: "127.0.0.1" }, "127.0.0.1", "127.0.0.1"],
  ["an address of this machine is set", { address: "10.0.0.5" }, "10.0.0.5", "10.0.0.5"],
  ["an address of a router is set", { address: "203.0.113.9" }, "203.0.113.9", "::"],
  ["there is no network", { present: ["127.0.0.1", "::1"] }, "127.0.0.1", "::"],
] as const)
  test(`when ${what}, browsers are sent to ${hostname} and ${listenOn} is listened on`, () => {
    assert.deepEqual(proxyPlace({ ...usual, ...given }), { hostname, port: 4900, listenOn });
  });
