import assert from "node:assert/strict";
import { test } from "node:test";
import { runDiagnostics } from "../../../../core/node/diagnostics/diagnose.ts";
import { hostnameCheck } from "../../../../core/node/diagnostics/names.ts";
import { healthy, machineIn, type Situation } from "./machine.ts";
import { certificate } from "./scenarios/scenario.ts";

const { identity } = healthy;

const cases: [what: string, situation: Situation, expected: string[]][] = [
  ["names that differ in case alone are the same", { files: { "/etc/hostname": "Compute01\n" } }, ["HOSTNAME.OK"]],
  ["an empty /etc/hostname names nothing", { files: { "/etc/hostname": "\n# x\n" } }, ["HOSTNAME.OK"]],
  [
    "a name with its domain is another one, for certificates hold it as it is",
    { files: { "/etc/hostname": "compute01.example.com\n" } },
    ["HOSTNAME.CHANGED"],
  ],
  ["an /etc/hosts that can't be read proves nothing", { denied: "/etc/hosts" }, ["HOSTNAME.OK"]],
  ["a name in another case has its address", { files: { "/etc/hosts": "::1 COMPUTE01" } }, ["HOSTNAME.OK"]],
  ["an address of the same text is no name", { files: { "/etc/hosts": "compute01 x" } }, ["HOSTNAME.UNRESOLVED"]],
  [
    "systemd's module knows the machine's own name",
    { files: { "/etc/hosts": "", "/etc/nsswitch.conf": "passwd: files\nhosts:  files myhostname dns\n" } },
    ["HOSTNAME.OK"],
  ],
  [
    "a module that is commented out knows nothing",
    { files: { "/etc/hosts": "", "/etc/nsswitch.conf": "#hosts: files myhostname\nhosts: dns\n" } },
    ["HOSTNAME.UNRESOLVED"],
  ],
  [
    "both faults are told",
    { files: { "/etc/hosts": "", "/etc/hostname": "x\n" } },
    ["HOSTNAME.CHANGED", "HOSTNAME.UNRESOLVED"],
  ],
  [
    "a machine that is no node migrates nothing",
    { files: { "/etc/hosts": "" }, facts: { identity: { ...identity, role: "none" } } },
    ["HOSTNAME.OK"],
  ],
];
for (const [what, situation, expected] of cases)
  test(`host name: ${what}`, async () => {
    const { findings } = await runDiagnostics({ ...machineIn(situation), checks: [hostnameCheck] });
    assert.deepEqual(
      findings.map(({ code }) => code),
      expected,
    );
  });

test("host name: the certificate's own name is not at odds with it, in whatever case", async () => {
  const situation: Situation = {
    files: {
      "/etc/binnacle/tls/node.crt": certificate,
      "/etc/hostname": "",
      "/etc/hosts": "::1 COMPUTE-rack11-unit07.dc1.example.com",
    },
    facts: { identity: { ...identity, hostname: "COMPUTE-rack11-unit07.dc1.example.com" } },
  };
  const { findings } = await runDiagnostics({ ...machineIn(situation), checks: [hostnameCheck] });
  assert.deepEqual(
    findings.map(({ code }) => code),
    ["HOSTNAME.OK"],
  );
});

test("host name: a certificate that is damaged makes the check unable, never passed", async () => {
  const situation: Situation = { files: { "/etc/binnacle/tls/node.crt": "-----BEGIN CERTIFICATE-----\nAA\n" } };
  const { findings } = await runDiagnostics({ ...machineIn(situation), checks: [hostnameCheck] });
  assert.deepEqual(
    findings.map(({ outcome }) => outcome),
    ["unable"],
  );
});

test("without a management address the remedy gives the one of machines without a lasting address", async () => {
  const situation: Situation = { files: { "/etc/hosts": "" }, facts: { network: { missing: "timeout" } } };
  const { findings } = await runDiagnostics({ ...machineIn(situation), checks: [hostnameCheck] });
  assert.equal(findings[0]?.values["address"], "127.0.1.1");
});
