import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { NodeError } from "../../../core/model/error.ts";
import { noIpv4, noIpv6 } from "../../../core/model/network/configuration.ts";
import type { ProbeResult } from "../../../core/model/network/transaction.ts";
import type { Asked, Replies } from "../../support/answering-agent.ts";
import { type Bed, committed, network, networkBed, plan, runAlone, transaction, willing } from "./bed.ts";

const beds: Bed[] = [];
afterEach(async () => {
  for (const bed of beds.splice(0)) await bed.dispose();
});

async function newBed(replies: Replies = {}): Promise<Bed> {
  const bed = await networkBed({ ...willing, ...replies });
  beds.push(bed);
  return bed;
}

const v4 = (address: string, prefix: number, gateway: string | null) => ({
  ...noIpv4,
  method: "static",
  addresses: [{ address, prefix }],
  gateway,
});
const kept = { routes: [{ to: "10.1.0.0/16", via: "10.0.0.3", metric: null }], nameServers: ["10.0.0.1"] };

/** What each command line asks the agent for. */
const lines: readonly [line: string, ...operations: object[]][] = [
  [
    "zs-network-setting -i eno2 192.168.93.3 255.255.255.0 192.168.93.1",
    { do: "address", link: "eno2", ipv4: v4("192.168.93.3", 24, "192.168.93.1") },
  ],
  ["zs-network-setting -i bond0.10 10.9.0.2 16", { do: "address", link: "bond0.10", ipv4: v4("10.9.0.2", 16, null) }],
  // Routes and name servers stay.
  [
    "zs-network-setting -i eno1 10.0.0.9 24 10.0.0.1",
    { do: "address", link: "eno1", ipv4: { ...v4("10.0.0.9", 24, "10.0.0.1"), ...kept } },
  ],
  [
    "zs-network-setting -i eno2 fd00::2 64 fd00::1",
    {
      do: "address",
      link: "eno2",
      ipv6: { ...noIpv6, method: "static", addresses: [{ address: "fd00::2", prefix: 64 }], gateway: "fd00::1" },
    },
  ],
  [
    "zs-network-setting -b bond0 192.168.93.3 255.255.255.0 192.168.93.1",
    { do: "bridge", link: "br_bond0", port: "bond0" },
    { do: "address", link: "br_bond0", ipv4: v4("192.168.93.3", 24, "192.168.93.1") },
  ],
  [
    "zs-network-setting -b eno1 10.0.0.9 24",
    { do: "bridge", link: "br_eno1", port: "eno1" },
    { do: "address", link: "br_eno1", ipv4: { ...v4("10.0.0.9", 24, null), ...kept } },
  ],
  // A bridge that is there only gets the address.
  ["zs-network-setting -b eno2 10.0.0.9 24", { do: "address", link: "br_eno2", ipv4: v4("10.0.0.9", 24, null) }],
  ["zs-change-nic -c eno2 eth0", { do: "rename", link: "eno2", to: "eth0" }],
  ["zs-vlan -c bond0 10", { do: "vlan", parent: "bond0", id: 10 }],
  // Fifteen characters are not too many.
  ["zs-vlan -c enp65s0f0n 4094", { do: "vlan", parent: "enp65s0f0n", id: 4094 }],
  ["zs-vlan -d bond0 10", { do: "delete", link: "bond0.10", kind: "vlan" }],
  // One that has another name.
  ["zs-vlan -d eno1 7", { do: "delete", link: "office", kind: "vlan" }],
  [
    "zs-bond-lacp -c bond1",
    {
      do: "bond",
      link: "bond1",
      mode: "802.3ad",
      options: { miimon: "100", xmit_hash_policy: "layer2+3" },
      change: false,
    },
  ],
  ["zs-bond-lacp -d bond0", { do: "delete", link: "bond0", kind: "bond" }],
  [
    "zs-bond-ab -c bond1",
    { do: "bond", link: "bond1", mode: "active-backup", options: { miimon: "100" }, change: false },
  ],
  ["zs-bond-ab -d bond0", { do: "delete", link: "bond0", kind: "bond" }],
  ["zs-nic-to-bond -a bond0 p5p1", { do: "attach", bond: "bond0", leg: "p5p1" }],
  ["zs-nic-to-bond -d bond0 p5p1", { do: "detach", bond: "bond0", leg: "p5p1" }],
];

for (const [line, ...operations] of lines)
  test(`${line} is one change of the network, kept when its probes pass`, async () => {
    const bed = await newBed();
    const { code, stdout, stderr } = await bed.run(...line.split(" "));
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(
      stdout,
      /^eno1: IPv4 address: 10\.0\.0\.2\/24 -> 10\.0\.0\.9\/24\neno1: MTU: none -> 9000\nThe new network is kept: its probes passed\.\n/,
    );
    const changes = bodies(bed, "changeNetwork");
    assert.deepEqual(changes, [{ operations, keep: "probes", seconds: 60 }]);
    assert.deepEqual(bodies(bed, "planNetwork"), [{ operations }]);
  });

function bodies(bed: Bed, call: Asked["call"]): unknown[] {
  return bed.agent.asked.filter((each) => each.call === call).map(({ body }) => body);
}

const bondTable = `-----------------------------------------------------------------------------
| Bond Name | SLAVE(s)      | BONDING_OPTS                               |
-----------------------------------------------------------------------------
| bond0     | p5p1          | miimon=100 mode=4 xmit_hash_policy=layer2+3 |
|           | p5p2          |                                             |
-----------------------------------------------------------------------------
`;

test("zs-nic-to-bond prints the table of the bonds at its end, with --json as data", async () => {
  const bed = await newBed();
  assert.ok((await bed.run("zs-nic-to-bond", "-a", "bond0", "p5p2")).stdout.endsWith(`passed.\n${bondTable}`));
  const { code, stdout, stderr } = await bed.run("zs-nic-to-bond", "-a", "bond0", "p5p2", "--json");
  assert.deepEqual([code, stderr], [0, ""]);
  const { transaction: end, bonds, changes, warnings } = JSON.parse(stdout);
  assert.deepEqual([end.phase, changes, warnings], ["committed", plan.changes, []]);
  assert.deepEqual(bonds, [
    { name: "bond0", legs: ["p5p1", "p5p2"], options: { mode: "4", miimon: "100", xmit_hash_policy: "layer2+3" } },
  ]);
});

test("--no-rollback keeps the change whatever happens, --seconds sets the countdown", async () => {
  const bed = await newBed({ networkChange: { ...committed, why: "unattended" } });
  const { code, stdout } = await bed.run("zs-vlan", "-c", "eno1", "10", "--no-rollback", "--seconds", "120", "--yes");
  assert.equal(code, 0);
  assert.match(stdout, /The new network is kept: whatever its probes say\.\n$/);
  assert.deepEqual(bodies(bed, "changeNetwork"), [
    { operations: [{ do: "vlan", parent: "eno1", id: 10 }], keep: "always", seconds: 120 },
  ]);
});

test("what is cut off is not asked about without a terminal", async () => {
  const bed = await newBed({
    planNetwork: { ...plan, cutsOff: [{ what: "managementAddress", detail: "10.0.0.2/24" }] },
  });
  assert.equal((await bed.run("zs-vlan", "-c", "eno1", "10")).code, 0);
  assert.deepEqual(bodies(bed, "changeNetwork"), [
    { operations: [{ do: "vlan", parent: "eno1", id: 10 }], keep: "probes", seconds: 60 },
  ]);
});

test("problems of the plan are told with what to do, and nothing is changed", async () => {
  const problem = { field: "links.eno2.ipv4.gateway", values: { gateway: "10.1.0.1" } };
  const bed = await newBed({
    planNetwork: {
      ...plan,
      problems: [
        {
          ...problem,
          code: "NET.GATEWAY_OUTSIDE",
          severity: "error",
          description: "It is outside.",
          remedy: "Widen it.",
        },
        { ...problem, code: "NET.BOND_ONE_LEG", severity: "warning", description: "One leg.", remedy: "" },
      ],
    },
  });
  const line = ["zs-network-setting", "-i", "eno2", "10.0.0.2", "24", "10.1.0.1"];
  const said = "zs-network-setting: It is outside. Widen it.\nzs-network-setting: warning: One leg.\n";
  assert.deepEqual(await bed.run(...line), { code: 1, stdout: "", stderr: said });
  const { code, stdout } = await bed.run(...line, "--json");
  assert.equal(code, 1);
  assert.equal(JSON.parse(stdout).error.code, "NET.GATEWAY_OUTSIDE");
  assert.equal(JSON.parse(stdout).problems.length, 2);
  assert.deepEqual(bodies(bed, "changeNetwork"), []);
});

for (const [line, name] of [
  ["zs-network-setting -b enp165s0f0np0 10.0.0.2 24", "br_enp165s0f0np0 for the bridge on enp165s0f0np0 has 16"],
  ["zs-vlan -c enp65s0f0np0 4094", "enp65s0f0np0.4094 for VLAN 4094 on enp65s0f0np0 has 17"],
] as const)
  test(`${line}: a name over 15 characters is refused before anything is done`, async () => {
    const bed = await newBed();
    const { code, stdout, stderr } = await bed.run(...line.split(" "));
    assert.deepEqual([code, stdout], [1, ""]);
    assert.equal(
      stderr,
      `${line.split(" ")[0]}: The name ${name} characters; Linux allows 15. ` +
        "Give the interface below it a shorter name first: zs-change-nic -c OLD NEW\n",
    );
    assert.deepEqual(bodies(bed, "planNetwork"), []);
  });

test("what is so already is no failure, and no change", async () => {
  const bed = await newBed({ planNetwork: { ...plan, changes: [] } });
  const { code, stdout, stderr } = await bed.run("zs-nic-to-bond", "-a", "bond0", "p5p1");
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout, `Nothing to change: it is so already.\n${bondTable}`);
  assert.deepEqual(bodies(bed, "changeNetwork"), []);
});

const probe = (outcome: ProbeResult["outcome"], description: string): ProbeResult => {
  return { kind: "carrier", link: "p5p1", outcome, code: "NET.NO_CARRIER", description, values: {} };
};

test("warnings of probes are told, and the change is a success", async () => {
  const probes = [probe("passed", "p5p2 has a carrier."), probe("warning", "p5p1 has no carrier.")];
  const bed = await newBed({ networkChange: { ...committed, probes } });
  const { code, stdout, stderr } = await bed.run("zs-vlan", "-c", "eno1", "10");
  assert.deepEqual([code, stderr], [0, "zs-vlan: warning: p5p1 has no carrier.\n"]);
  assert.match(stdout, /its probes passed\.\n$/);
});

test("a change that was taken back names the probe that failed, says what is in force, and ends with 1", async () => {
  const probes = [probe("passed", "p5p2 has a carrier."), probe("failed", "The gateway 10.0.0.1 does not answer.")];
  const end = transaction({ phase: "rolledBack", why: "probeFailed", probes, endedAt: Date.now() });
  let polls = 0;
  const steps = [transaction({ phase: "probing" }), transaction({ phase: "rollingBack", probes }), end];
  const bed = await newBed({ networkChange: () => steps[polls++] ?? end });
  assert.deepEqual(await bed.run("zs-vlan", "-c", "eno1", "10"), {
    code: 1,
    stdout: "",
    stderr:
      "zs-vlan: The gateway 10.0.0.1 does not answer.\n" +
      "zs-vlan: The change was taken back: a probe failed. The old network is in force again.\n",
  });
});

test("a change that failed without a way back says so", async () => {
  const error = { code: "NET.ROLLBACK_FAILED", description: "NetworkManager does not answer." };
  const bed = await newBed({ networkChange: transaction({ phase: "failed", why: "applyFailed", error }) });
  const { code, stderr } = await bed.run("zs-vlan", "-c", "eno1", "10");
  assert.equal(code, 1);
  assert.match(stderr, /NetworkManager does not answer\.\n.*could not be put in force again\. See: zs-show-network\n$/);
});

test("somebody else's change is named, with how long it takes, before anything is asked", async () => {
  const theirs = transaction({ console: "tty1", phase: "waiting", remainingMs: 43_000 });
  const bed = await newBed({ network: { ...network, transaction: theirs } });
  const { code, stdout, stderr } = await bed.run("zs-vlan", "-c", "eno1", "10");
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /^zs-vlan: The network is being changed: a change by tty1, begun \d+ s ago; it waits to be kept, 43 s left\. Try again/,
  );
  assert.deepEqual(bodies(bed, "planNetwork"), []);
  assert.equal(JSON.parse((await bed.run("zs-vlan", "-c", "eno1", "10", "--json")).stdout).error.code, "NET.BUSY");
});

test("a change that another one overtook is told whose it is", async () => {
  let isBusy = false;
  const theirs = transaction({ console: "pts/3", phase: "probing" });
  const bed = await newBed({
    network: () => ({ ...network, transaction: isBusy ? theirs : null }),
    changeNetwork() {
      isBusy = true;
      return new NodeError("NET.BUSY", "A change is under way.");
    },
  });
  const { code, stderr } = await bed.run("zs-vlan", "-c", "eno1", "10");
  assert.equal(code, 1);
  assert.match(stderr, /a change by pts\/3, begun \d+ s ago; the new network is being probed\./);
});

test("without an agent the command says so and ends with 1", async () => {
  const line = ["zs-vlan", "-c", "eno1", "10", "--socket", "/nonexistent/root.sock"];
  const { code, stdout, stderr } = await runAlone(...line, "--json");
  assert.equal(code, 1);
  assert.equal(JSON.parse(stdout).error.code, "AGENT.ABSENT");
  assert.equal(stderr, "zs-vlan: No agent listens on /nonexistent/root.sock. See: systemctl status binnacle-agent\n");
});

test("an agent that goes away with the order in its hands leaves it uncertain", async () => {
  let bed: Bed | undefined;
  bed = await newBed({
    changeNetwork() {
      void bed?.agent.close();
      return "silence";
    },
  });
  const { code, stderr } = await bed.run("zs-vlan", "-c", "eno1", "10");
  assert.equal(code, 1);
  assert.match(stderr, /Whether the change has begun is not known\. See: zs-show-network\n$/);
});

test("names in the agent's answers do not reach the terminal as commands", async () => {
  const changes = [{ link: "eno1", what: "hostname" as const, key: "", before: "a\u001b[2Jb", after: "c\u0007" }];
  const bed = await newBed({ planNetwork: { ...plan, changes }, networkChange: { ...committed, changes } });
  const { stdout } = await bed.run("zs-vlan", "-c", "eno1", "10");
  assert.match(stdout, /^eno1: host name: a\\u\{1b\}\[2Jb -> c\\u\{7\}\n/);
});

test("Ctrl-C says what becomes of the change", async () => {
  const bed = await newBed({ networkChange: transaction({ phase: "probing" }) });
  const { child, end } = bed.start("zs-vlan", "-c", "eno1", "10");
  await bed.agent.until("networkChange");
  child.kill("SIGINT");
  const { code, stderr } = await end;
  assert.equal(code, 1);
  assert.equal(
    stderr,
    "zs-vlan: The agent goes on with the change: it keeps the new network, or takes it back when a probe fails. " +
      "See: zs-show-network\n",
  );
});
