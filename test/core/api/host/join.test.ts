import assert from "node:assert/strict";
import { test } from "node:test";
import { cloudBed, hostBed, report } from "./bed.ts";

test("a host that joins is asked over mutual TLS from then on, and what it shows first is told", async (t) => {
  const host = await hostBed(t);
  const cloud = await cloudBed(t, host);
  const first = host.membership.fingerprint;
  const joined = await cloud.add(host, { fingerprint: first });
  assert.deepEqual(joined.report, report);
  assert.deepEqual(await cloud.link.ping(host.host), { bootId: report.bootId, version: "1.2.3", protocol: 1 });
});
