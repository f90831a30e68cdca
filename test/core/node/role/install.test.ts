import assert from "node:assert/strict";
import * as fs from "node:fs";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { InstallRole } from "../../../../core/model/installation/draft.ts";
import { checkRole, installRole } from "../../../../core/node/role/install.ts";
import { rolePlans } from "../../../../core/node/role/plan.ts";
import { isReady, openRoleRecord, roleRecord } from "../../../../core/node/role/record.ts";
import { roleStatusOf } from "../../../../core/node/role/status.ts";
import type { RoleGroup } from "../../../../core/node/role/step.ts";
import { temporaryFolder } from "../../../support/programs.ts";
import { bed, recordIn, type Situation } from "./bed.ts";

const version = "1.2.3";
const signal = new AbortController().signal;

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.dispose());

async function install(role: InstallRole, situation: Situation = {}) {
  const made = bed(situation);
  const { record, file } = await recordIn(folder.path);
  const isReady = await installRole({ ...made, role, version, record, signal });
  return { ...made, isReady, record: record.value, file };
}

const withManager = { "/usr/lib/binnacle": ["manager.js", "console-proxy.js"] };

describe("the lines of a role's installation", () => {
  it("are the reference's on a management node with everything", async () => {
    const { shown, isReady } = await install("management", { dirs: withManager });
    assert.equal(
      shown(),
      `1. Check System:
  Pre-Checking: ... PASS
  Check Virtualization: ... PASS
2. Configure Node:
  Host Identity: ... PASS
  Certificates: ... PASS
3. Install Management Service:
  Store: ... PASS
  Manager: ... PASS
  Console Proxy: ... PASS
4. Check Role:
  Management API answers: ... PASS
`,
    );
    assert.equal(isReady, true);
  });

  it("say plainly what the image doesn't contain, and never call that passed", async () => {
    const { shown, isReady, record } = await install("management");
    assert.match(
      shown(),
      /3\. Install Management Service:\n( {2}[\w ]+: \.\.\. SKIP \(this image contains no manager\)\n){3}/,
    );
    assert.match(
      shown(),
      /4\. Check Role:\n {2}Management API answers: \.\.\. SKIP \(this image contains no manager\)\n$/,
    );
    assert.equal(isReady, true);
    const skipped = record.steps.filter(({ state }) => state === "skip").map(({ title }) => title);
    assert.deepEqual(skipped, ["Store", "Manager", "Console Proxy", "Management API answers"]);
  });

  it("name each step of a storage node, and that it is in no cluster yet", async () => {
    const { shown } = await install("storage");
    assert.equal(
      shown(),
      `1. Check System:
  Pre-Checking: ... PASS
  Check Virtualization: ... PASS
2. Configure Node:
  Host Identity: ... PASS
  Certificates: ... PASS
3. Install Compute Service:
  QEMU: ... PASS
  Libvirt: ... PASS
  Bridge Module: ... PASS
  Agent: ... PASS
4. Install Storage Service:
  OCFS2 Modules: ... PASS
  Cluster Stack: ... PASS
  Cluster Configuration: ... SKIP (this node is in no OCFS2 cluster yet)
5. Check Role:
  Hypervisor answers: ... PASS
  Agent answers: ... PASS
  Cluster stack answers: ... PASS
`,
    );
  });

  it("are few on an expert node", async () => {
    const { shown, ran } = await install("expert");
    assert.equal(
      shown(),
      "1. Check System:\n  Pre-Checking: ... PASS\n2. Configure Node:\n  Host Identity: ... PASS\n3. Check Role:\n  Agent stopped: ... PASS\n",
    );
    assert.ok(!ran.some((line) => /enable|start/.test(line)), ran.join("\n"));
  });

  it("give reason and remedy of a failure within 80 columns, and nothing after it", async () => {
    const { shown, isReady } = await install("compute", { dirs: { "/sys/class/misc": ["rtc"] } });
    assert.equal(
      shown(),
      `1. Check System:
  Pre-Checking: ... PASS
  Check Virtualization: ... FAIL
    Reason: The processor can virtualize, but the firmware has switched it off.
    Remedy: Enable Intel VT-x or AMD SVM in the firmware setup, then power off
            and on.
`,
    );
    assert.equal(isReady, false);
  });
});

describe("a step", () => {
  const failing: [what: string, role: InstallRole, situation: Situation, code: string, step: string][] = [
    [
      "a host called localhost",
      "compute",
      { files: { "/proc/sys/kernel/hostname": "localhost\n" } },
      "ROLE.HOSTNAME",
      "Pre-Checking",
    ],
    ["a full disk", "compute", { commands: [["df ", { stdout: "Avail\n1000000\n" }]] }, "ROLE.SPACE", "Pre-Checking"],
    [
      "a processor that can't virtualize",
      "compute",
      { dirs: { "/sys/class/misc": [] }, files: { "/proc/cpuinfo": "processor : 0\nflags : fpu sse\n" } },
      "ROLE.VIRTUALIZATION",
      "Check Virtualization",
    ],
    [
      "an image without libvirt",
      "compute",
      { commands: [["systemctl show", { stdout: "Id=libvirtd.service\nLoadState=not-found\n" }]] },
      "ROLE.LIBVIRT",
      "Libvirt",
    ],
    [
      "a libvirt that does not start",
      "compute",
      { commands: [["systemctl start libvirtd", { code: 1, stderr: "x\nJob failed.\n" }]] },
      "ROLE.UNIT",
      "Libvirt",
    ],
    [
      "a libvirt that does not answer",
      "compute",
      { commands: [["virsh", { code: 1, stderr: "error: Failed to connect" }]] },
      "ROLE.LIBVIRT",
      "Hypervisor answers",
    ],
    [
      "a kernel without OCFS2",
      "storage",
      { commands: [["modprobe ocfs2", { code: 1, stderr: "modprobe: FATAL: Module ocfs2 not found" }]] },
      "ROLE.MODULE",
      "OCFS2 Modules",
    ],
    [
      "another cluster stack",
      "storage",
      { files: { "/sys/fs/ocfs2/cluster_stack": "pcmk\n" } },
      "ROLE.OCFS2",
      "Cluster stack answers",
    ],
    [
      "a firewall that refuses its rules",
      "compute",
      { world: { ensureIdentity: async () => ["firewall"] }, commands: [["nft", { code: 1, stderr: "syntax error" }]] },
      "ROLE.FIREWALL",
      "Host Identity",
    ],
  ];
  for (const [what, role, situation, code, title] of failing)
    it(`fails on ${what}, with a remedy`, async () => {
      const { isReady, record } = await install(role, situation);
      assert.equal(isReady, false);
      const step = record.steps.find(({ state }) => state === "fail");
      assert.deepEqual([record.state, step?.title, step?.code], ["failed", title, code]);
      assert.ok(step?.why !== null && step?.remedy !== null);
    });

  it("is left out, with the reason, on a compute node that is a virtual machine without KVM", async () => {
    const { shown, isReady } = await install("compute", {
      dirs: { "/sys/class/misc": [] },
      commands: [["systemd-detect-virt", { stdout: "qemu\n" }]],
    });
    assert.match(
      shown(),
      /Check Virtualization: \.\.\. SKIP \(a virtual machine of qemu without nested virtualization\)/,
    );
    assert.equal(isReady, true);
  });

  it("loads KVM where the processor can and the kernel has not", async () => {
    const { ran } = await install("compute", { dirs: { "/sys/class/misc": [] } });
    assert.ok(ran.includes("modprobe kvm_intel"));
  });

  it("loads the firewall again when the role has other rules, and leaves it alone otherwise", async () => {
    const changed = await install("compute", { world: { ensureIdentity: async () => ["firewall", "time-service"] } });
    assert.ok(changed.ran.includes("nft -f /etc/nftables.conf"));
    assert.ok(changed.ran.includes("systemctl try-restart chrony.service"));
    const same = await install("compute");
    assert.ok(!same.ran.some((line) => line.startsWith("nft")));
  });

  it("keeps a storage node's own settings of o2cb, and takes the name of its cluster", async () => {
    const { recorded, ran } = await install("storage", {
      files: {
        "/etc/default/o2cb": "# o2cb\nO2CB_ENABLED=false\nO2CB_HEARTBEAT_THRESHOLD=61",
        "/etc/ocfs2/cluster.conf":
          "cluster:\n\tname = pool\n\nnode:\n\tnumber = 0\n\tcluster = pool\n\tname = node01\n",
      },
    });
    assert.equal(
      recorded.files["/etc/default/o2cb"],
      "# o2cb\nO2CB_ENABLED=true\nO2CB_HEARTBEAT_THRESHOLD=61\nO2CB_STACK=o2cb\nO2CB_BOOTCLUSTER=pool\n",
    );
    assert.ok(ran.includes("systemctl enable --now o2cb.service"));
  });

  it("has the modules of OCFS2 loaded at each boot, also while there is no cluster", async () => {
    const { recorded, ran } = await install("storage");
    assert.equal(recorded.files["/etc/modules-load.d/50-binnacle-storage.conf"], "ocfs2\nocfs2_stack_o2cb\n");
    assert.ok(ran.includes("modprobe ocfs2_stack_o2cb"));
  });

  it("that does not end in time fails, and says so", async () => {
    const hanging: RoleGroup[] = [
      { title: "A", steps: [{ id: "a", title: "Hangs", timeoutMs: 1, run: () => new Promise(() => undefined) }] },
    ];
    const made = bed();
    const { record } = await recordIn(folder.path);
    assert.equal(await installRole({ ...made, role: "compute", version, record, signal, plan: hanging }), false);
    assert.equal(record.value.steps[0]?.code, "ROLE.TIMEOUT");
  });
});

describe("the record of an installation", () => {
  it("says ready in the last text only, and names each step before it runs", async () => {
    const made = bed();
    const { record, written } = await recordIn(folder.path);
    await installRole({ ...made, role: "compute", version, record, signal });
    const texts = written.map((text) => roleRecord.parse(JSON.parse(text)));
    assert.deepEqual(
      texts.map(({ state }) => state),
      [...texts.slice(1).map(() => "installing"), "ready"],
    );
    const running = texts.flatMap(({ steps }) =>
      steps.filter(({ state }) => state === "running").map(({ title }) => title),
    );
    assert.deepEqual(
      running,
      rolePlans.compute.flatMap(({ steps }) => steps.map(({ title }) => title)),
    );
  });

  it("of one that was cut off in the middle of a step shows it as not ready; the next run ends it", async () => {
    const first = await recordIn(folder.path);
    const reached = Promise.withResolvers<void>();
    const current = Promise.withResolvers<void>();
    const hang = () => {
      reached.resolve();
      return current.promise;
    };
    const cut = bed({ world: { ensureCertificates: hang } });
    const cutOff = installRole({ ...cut, role: "compute", version, record: first.record, signal });
    await reached.promise;
    // What a power cut leaves is what is on the disk by then.
    const left = fs.readFileSync(first.file, "utf8");
    current.resolve();
    await cutOff;
    fs.writeFileSync(first.file, left);
    assert.deepEqual(roleStatusOf(left, "compute", version), {
      state: "installing",
      step: "Certificates",
      reason: null,
      remedy: null,
    });

    const record = await openRoleRecord(first.file);
    assert.equal(isReady(record.value, "compute", version), false);
    const again = bed();
    assert.equal(await installRole({ ...again, role: "compute", version, record, signal }), true);
    assert.equal(record.value.attempts, 2);
    assert.ok(isReady(record.value, "compute", version));
  });

  it("is not ready for another role, nor for another version", async () => {
    const { record, file } = await install("compute");
    assert.ok(isReady(record, "compute", version));
    assert.ok(!isReady(record, "storage", version));
    assert.ok(!isReady(record, "compute", "1.2.4"));
    const text = JSON.stringify(record);
    assert.equal(roleStatusOf(text, "compute", version).state, "ready");
    assert.equal(roleStatusOf(text, "storage", version).state, "installing");
    assert.equal(roleStatusOf(text, "compute", "1.2.4").state, "installing");
    assert.ok(file.endsWith("role.json"));
  });

  it("that is damaged is no ready role", () => {
    for (const text of ["", "{", '{"role":"compute","version":"1.2.3","state":"ready"}', "[]"])
      assert.equal(roleStatusOf(text, "compute", version).state, "installing");
  });
});

describe("the check of an installed role", () => {
  it("runs the last group only, writes nothing while all is well, and tells of what broke", async () => {
    const { record, written } = await recordIn(folder.path);
    await installRole({ ...bed(), role: "compute", version, record, signal });
    const before = written.length;
    const well = bed();
    assert.equal(await checkRole({ ...well, role: "compute", version, record, signal }), undefined);
    assert.deepEqual(well.ran, ["virsh -c qemu:///system version"]);
    assert.equal(written.length, before);

    const broken = bed({ commands: [["virsh", { code: 1, stderr: "error: Connection refused" }]] });
    const failure = await checkRole({ ...broken, role: "compute", version, record, signal });
    assert.equal(failure?.code, "ROLE.LIBVIRT");
    assert.deepEqual(roleStatusOf(written.at(-1) ?? "", "compute", version), {
      state: "failed",
      step: "Hypervisor answers",
      reason: "libvirt does not answer: error: Connection refused",
      remedy: "See: journalctl -b -u libvirtd -u virtqemud",
    });
  });
});

describe("the plans", () => {
  it("call no two steps of a role the same", () => {
    for (const [role, plan] of Object.entries(rolePlans)) {
      const ids = plan.flatMap(({ steps }) => steps.map(({ id }) => id));
      assert.equal(new Set(ids).size, ids.length, role);
    }
  });
});
