import assert from "node:assert/strict";
import { test } from "node:test";
import { runDiagnostics } from "../../../../core/node/diagnostics/diagnose.ts";
import { looksUpNames, sshCheck } from "../../../../core/node/diagnostics/sshd.ts";
import { healthy, machineIn, type Situation } from "./machine.ts";

const silent = () => Promise.reject(new Error("timeout"));
/** As an ordinary user, or without host keys. */
const untold: Situation["commands"] = [[/^sshd -T$/, { code: 1, stderr: "sshd: no hostkeys available -- exiting." }]];
const main = "/etc/ssh/sshd_config";
const include = "Include /etc/ssh/sshd_config.d/*.conf\n";

const files: [what: string, files: Record<string, string>, expected: boolean][] = [
  ["no file", {}, false],
  ["a file that says nothing of it", { [main]: "Port 22\n#UseDNS yes\n" }, false],
  ["a file that wants it", { [main]: "Port 22\n  usedns=yes\n" }, true],
  ["a value in quotes", { [main]: 'UseDNS "yes"\n' }, true],
  ["two values, of which the first counts", { [main]: "UseDNS no\nUseDNS yes\n" }, false],
  ["a value in a Match block, where it does not count", { [main]: "Match User x\nUseDNS yes\n" }, false],
  [
    "an included file before the main one's value",
    { [main]: `${include}UseDNS no\n`, "/etc/ssh/sshd_config.d/50-names.conf": "UseDNS yes\n" },
    true,
  ],
  [
    "included files in their order",
    {
      [main]: include,
      "/etc/ssh/sshd_config.d/00-a.conf": "UseDNS no\n",
      "/etc/ssh/sshd_config.d/50-b.conf": "UseDNS yes\n",
    },
    false,
  ],
  [
    "a file that the pattern does not fit",
    { [main]: include, "/etc/ssh/sshd_config.d/50-b.conf.bak": "UseDNS yes\n" },
    false,
  ],
  [
    "a file included by its name alone, its Match block left aside",
    { [main]: "Include more\nUseDNS yes\n", "/etc/ssh/more": "Match all\n" },
    true,
  ],
  ["a file that includes itself", { [main]: `Include ${main}\nUseDNS yes\n` }, true],
];
for (const [what, there, expected] of files)
  test(`where sshd does not tell its settings, its files do: ${what}`, async () => {
    const { machine } = machineIn({ commands: untold, files: there });
    assert.equal(await looksUpNames(machine), expected);
  });

test("a node without sshd has no such check", async () => {
  assert.deepEqual(await outcomes({ resolver: silent }), []);
});

const yes: Situation["commands"] = [[/^sshd -T$/, "usedns yes\n"]];
const passes: [what: string, situation: Situation][] = [
  ["name servers that answer", {}],
  [
    "a silent one behind one that answers",
    { resolver: (server) => (server === "10.0.0.2" ? silent() : Promise.resolve()) },
  ],
];
for (const [what, situation] of passes)
  test(`sshd that looks up names is no fault with ${what}`, async () => {
    assert.deepEqual(await outcomes({ ...situation, commands: yes }), ["passed"]);
  });

test("where nothing may be sent, whether look-ups are answered is not known", async () => {
  const { machine, facts } = machineIn({ commands: yes });
  const { findings } = await runDiagnostics({ machine, facts, resolver: null, checks: [sshCheck] });
  assert.deepEqual(
    findings.map(({ unable }) => unable?.code),
    ["unsupported"],
  );
});

test("without any name server nothing has to be sent to know that no login waits", async () => {
  const { machine, facts } = machineIn({ commands: yes, facts: withServers([]) });
  const { findings } = await runDiagnostics({ machine, facts, resolver: null, checks: [sshCheck] });
  assert.deepEqual(
    findings.map(({ outcome }) => outcome),
    ["passed"],
  );
});

async function outcomes(situation: Situation) {
  const { findings } = await runDiagnostics({ ...machineIn(situation), checks: [sshCheck] });
  return findings.map(({ outcome }) => outcome);
}

function withServers(nameServers: string[]) {
  return { network: { ...healthy.network, nameServers } };
}
