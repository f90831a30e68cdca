import assert from "node:assert/strict";
import { test } from "node:test";
import { type Finding, finding } from "../../../../core/model/records.ts";
import { type Check, defineCheck } from "../../../../core/node/diagnostics/check.ts";
import { checks } from "../../../../core/node/diagnostics/checks.ts";
import { runDiagnostics } from "../../../../core/node/diagnostics/diagnose.ts";
import { FactMissing } from "../../../../core/node/facts/source.ts";
import { realMachine } from "../../../../core/node/machine.ts";
import { factsOf, healthy, machineIn, noFacts, now, type Situation } from "./machine.ts";

test("a healthy compute node passes everything that applies to it", async () => {
  const { at, findings } = await diagnose({});
  assert.equal(at, now);
  assert.deepEqual(
    findings.map(({ id, outcome }) => `${id} ${outcome}`),
    [
      "virtualization",
      "disks",
      "hostname",
      "filesystems",
      "clock",
      "dns",
      "memory",
      "units",
      "management-link",
      "duplicate-address",
      "path-mtu",
      "libvirt",
      "guests",
      "ports",
    ].map((id) => `${id} passed`),
  );
});

test("on a machine that tells nothing no check passes, and each says why it could not run", async () => {
  const { findings } = await diagnose({ facts: noFacts("denied") });
  assert(findings.length >= 8);
  for (const { id, outcome, unable, code } of findings) {
    assert.equal(outcome, "unable", id);
    assert.match(code, /\.UNABLE$/);
    assert.equal(unable?.code, "denied", id);
  }
});

test("an old value of a fact proves nothing: its check is unable", async () => {
  const { facts, ...rest } = machineIn({});
  const stale = { state: "stale", at: now - 1, value: healthy.memory, why: { code: "timeout", detail: "x" } } as const;
  const { findings } = await runDiagnostics({ ...rest, facts: { ...facts, memory: stale } });
  const memory = findings.find(({ id }) => id === "memory");
  assert.deepEqual([memory?.outcome, memory?.unable], ["unable", { code: "timeout", detail: "x" }]);
});

test("what does not apply to a role is not listed", async () => {
  const ids = async (role: "management" | "storage" | "expert" | "none") => {
    const situation: Situation = {
      facts: { identity: { ...healthy.identity, role }, virtualMachines: { missing: "notInstalled" } },
    };
    return (await diagnose(situation)).findings.map(({ id }) => id);
  };
  const none = await ids("none");
  for (const id of [
    "libvirt",
    "guests",
    "ocfs2",
    "manager",
    "ports",
    "management-link",
    "bonds",
    "raid",
    "fans",
    "iommu",
  ])
    assert(!none.includes(id), id);
  assert((await ids("storage")).includes("ocfs2"));
  const management = await ids("management");
  assert(management.includes("manager") && management.includes("ports"));
  assert(!management.includes("virtualization"));
  assert(!(await ids("expert")).includes("virtualization"));
});

const unables: [what: string, id: string, situation: Situation, code: string][] = [
  ["a machine without arping", "duplicate-address", { commands: [[/^arping/, { code: 127 }]] }, "unsupported"],
  [
    "another program called arping",
    "duplicate-address",
    { commands: [[/^arping/, "arping 2.23, by Thomas Habets"]] },
    "unsupported",
  ],
  [
    "no right to send ARP probes",
    "duplicate-address",
    { commands: [[/^arping -D/, { code: 2, stderr: "arping: socket: Operation not permitted" }]] },
    "denied",
  ],
  ["a BMC without ipmitool", "power-supply", { dirs: { "/sys/class/ipmi": ["ipmi0"] } }, "notInstalled"],
  [
    "disks whose health nobody can read",
    "disks",
    { facts: { disks: healthy.disks.map((disk) => ({ ...disk, health: "unknown", healthWhy: "smartctl" })) } },
    "notInstalled",
  ],
  [
    "a port whose holder can't be seen",
    "ports:7070",
    { files: { "/proc/net/tcp": "0: 00000000:1B9E 00000000:0000 0A 0:0 0:0 0 0 0 99 1\n" } },
    "denied",
  ],
  [
    "systemd that does not tell what is starting",
    "units",
    { commands: [[/^systemctl list-units/, { code: 1, stderr: "Access denied" }]] },
    "denied",
  ],
  ["a socket table that can't be read", "ports", { files: { "/proc/net/tcp": "" }, denied: "/proc/net/tcp" }, "denied"],
  ["LACP that only root may see", "bonds:bond0", { facts: { network: bonded() } }, "denied"],
  ["a machine where nothing may be sent", "dns", {}, "unsupported"],
];
for (const [what, id, situation, code] of unables)
  test(`${what} makes ${id} unable`, async () => {
    const machine = machineIn(situation);
    const { findings } = await runDiagnostics({ ...machine, resolver: id === "dns" ? null : machine.resolver });
    const found = findings.find((one) => one.id === id);
    assert.deepEqual([found?.outcome, found?.unable?.code], ["unable", code]);
  });

const passes: [what: string, id: string, situation: Situation][] = [
  [
    "an address that a switch sends back to us",
    "duplicate-address",
    { commands: [[/^arping -[Db]/, { code: 1, stdout: "Unicast reply from 10.0.0.5 [52:54:00:00:00:01]  1ms" }]] },
  ],
  ["a process that was killed days ago", "memory", { files: { "/proc/vmstat": "oom_kill 7\n" } }],
  [
    "a unit that restarted often and has run for long",
    "units",
    { facts: { services: healthy.services.map((one) => ({ ...one, restarts: 40 })) } },
  ],
  [
    "a virtual machine that somebody paused",
    "guests",
    {
      facts: { virtualMachines: { ...healthy.virtualMachines, list: [paused()] } },
      commands: [[/^virsh/, "paused (user)\n"]],
    },
  ],
  [
    "a RAID level without redundancy",
    "raid",
    {
      files: {
        "/proc/mdstat":
          "Personalities : [raid0]\nmd0 : active raid0 sdb1[1] sda1[0]\n      1000 blocks super 1.2 512k chunks\n\nunused devices: <none>\n",
      },
    },
  ],
  [
    "an array that is only being checked",
    "raid",
    {
      files: {
        "/proc/mdstat":
          "md0 : active (auto-read-only) raid1 sdb1[1] sda1[0]\n      1000 blocks super 1.2 [2/2] [UU]\n      [>....]  check =  5.0% (1/2) finish=3.1min speed=1K/sec\n",
      },
    },
  ],
  ["our own program on its port", "ports", ownPort()],
  ["the installed image, read-only and full by design", "filesystems", image()],
];
for (const [what, id, situation] of passes)
  test(`${what} is not a fault`, async () => {
    const { findings } = await diagnose(situation);
    const found = findings.filter((one) => one.id === id || one.id.startsWith(`${id}:`));
    assert.deepEqual(
      found.map(({ outcome }) => outcome),
      ["passed"],
      JSON.stringify(found),
    );
  });

test("failed findings come first, then warnings, those that could not run, and the passed ones", async () => {
  const { findings } = await diagnose({
    facts: {
      identity: { ...healthy.identity, hostname: "localhost" },
      clock: { ...healthy.clock, inSync: false },
      disks: { missing: "timeout" },
    },
  });
  const order = findings.map(({ outcome }) => outcome);
  const expected = ["failed", "warning", "unable", "passed"];
  assert.deepEqual(
    order,
    order.toSorted((a, b) => expected.indexOf(a) - expected.indexOf(b)),
  );
  assert.deepEqual([...new Set(order)], expected);
});

test("values from outside are cut and can't steer a terminal", async () => {
  const [disk] = healthy.disks;
  assert(disk);
  const { findings } = await diagnose({
    facts: { disks: [{ ...disk, health: "failing", model: "\x1b[2JEvil", healthWhy: "x".repeat(5000) }] },
  });
  const values = findings.find(({ code }) => code === "DISK.FAILING")?.values;
  assert.equal(values?.["model"], "Evil");
  assert.equal(values?.["why"]?.length, 110);
});

test("a check that hangs, one that throws and one that crashes leave the others alone", async () => {
  const signals: AbortSignal[] = [];
  const odd: Check[] = [
    defineCheck({
      ...template("hangs"),
      run: ({ signal }) => {
        signals.push(signal);
        return new Promise(() => {});
      },
    }),
    defineCheck({ ...template("throws"), run: () => Promise.reject(new FactMissing("absent", "/proc/x")) }),
    defineCheck({
      ...template("crashes"),
      run: () => {
        throw new TypeError("x is not a function");
      },
    }),
    defineCheck({ ...template("works"), run: async () => [{ outcome: "passed", code: "ODD.OK" }] }),
  ];
  const { findings } = await runDiagnostics({ ...machineIn({}), checks: odd, timeoutMs: 20 });
  assert.deepEqual(
    findings.map(({ id, outcome, unable }) => [id, outcome, unable?.code]),
    [
      ["hangs", "unable", "timeout"],
      ["throws", "unable", "absent"],
      ["crashes", "unable", "failed"],
      ["works", "passed", undefined],
    ],
  );
  assert.equal(signals[0]?.aborted, true);
});

test("ids are unique and every finding is of the contract's form, on this machine too", async () => {
  const real = await runDiagnostics({ machine: realMachine(), facts: factsOf(noFacts("pending")), resolver: null });
  const fixed = await diagnose({ facts: { identity: { ...healthy.identity, role: "management" } } });
  for (const { findings } of [real, fixed]) {
    assert(findings.length > 0);
    const parsed: Finding[] = findings.map((one) => finding.parse(one));
    assert.equal(new Set(parsed.map(({ id }) => id)).size, parsed.length);
  }
});

test("each check's codes begin with its name, and its id is its own", () => {
  assert.equal(new Set(checks.map(({ id }) => id)).size, checks.length);
  assert.equal(new Set(checks.map(({ name }) => name)).size, checks.length);
  for (const { name, codes } of checks) for (const code of codes) assert(code.startsWith(`${name}.`), code);
});

function diagnose(situation: Situation) {
  return runDiagnostics(machineIn(situation));
}

function template(id: string) {
  return { id, area: "node", name: "ODD", codes: ["ODD.OK"] } as const;
}

function bonded() {
  const [eno1] = healthy.network.links;
  assert(eno1);
  const leg = { link: "eno1", up: true, active: true, failures: 0, partnerMac: null };
  const bond = { ...eno1, name: "bond0", kind: "bond", bond: { mode: "802.3ad", legs: [leg] } } as const;
  return { ...healthy.network, links: [eno1, { ...bond, management: false, bond: { ...bond.bond, legs: [leg] } }] };
}

function paused() {
  return { uuid: "0b1f2c3d-0000-4000-8000-000000000001", name: "a", cpus: 1, memoryBytes: 1, state: "paused" } as const;
}

function ownPort(): Situation {
  return {
    files: {
      "/proc/net/tcp": "0: 00000000:1B9E 00000000:0000 0A 0:0 0:0 0 0 0 99 1\n",
      "/proc/5/comm": "node\n",
      "/proc/5/cgroup": "0::/system.slice/binnacle-agent.service\n",
    },
    dirs: { "/proc": ["5"] },
    links: { "/proc/5/fd/7": "socket:[99]" },
  };
}

function image(): Situation {
  const [first, , logs] = healthy.filesystems;
  assert(first && logs);
  return { facts: { filesystems: [{ ...first, type: "squashfs", freeBytes: 0, readOnly: true }, logs] } };
}
