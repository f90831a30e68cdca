import { healthy, journal, minute, now, timeout } from "../machine.ts";
import { gib, type Scenario } from "./scenario.ts";

const { identity, virtualMachines } = healthy;
const storage = { ...identity, hostname: "storage01", role: "storage" } as const;

const clusterConf =
  "cluster:\n\theartbeat_mode = local\n\tnode_count = 2\n\tname = ocfs2\n\nnode:\n\tnumber = 0\n\tcluster = ocfs2\n\tip_address = 10.1.0.1\n\tname = storage01\n\nnode:\n\tnumber = 1\n\tcluster = ocfs2\n\tname = storage02\n";
const region = "77D95EF51C0149D2823674FCC162CF8B";
const ocfs2 = {
  facts: { identity: storage },
  files: {
    "/etc/ocfs2/cluster.conf": clusterConf,
    "/proc/mounts": "/dev/mapper/lun0 /shared ocfs2 rw,_netdev 0 0\n",
    "/sys/kernel/debug/o2hb/livenodes": "0 1\n",
  },
  dirs: {
    "/sys/kernel/config/cluster/ocfs2/node": ["storage01", "storage02"],
    "/sys/kernel/config/cluster/ocfs2/heartbeat": ["dead_threshold", "mode", region],
  },
};

const nfsSource = "[2001:db8:aaaa:bbbb::53]:/export/primary";
const nfsMount = `61 21 0:52 / /var/lib/binnacle/primary\\040storage rw,relatime shared:30 - nfs4 ${nfsSource} rw,vers=4.2,hard\n`;

export const cloudScenarios: Scenario[] = [
  { name: "libvirt answers", code: "LIBVIRT.OK", outcome: "passed", values: { count: "2" } },
  {
    name: "libvirt is down",
    code: "LIBVIRT.DOWN",
    outcome: "failed",
    facts: { virtualMachines: { missing: "notRunning", detail: "libvirt" } },
    fix: "restart-libvirt",
  },
  {
    name: "libvirt hangs",
    code: "LIBVIRT.HANGS",
    outcome: "failed",
    facts: { virtualMachines: { missing: "timeout", detail: "virsh" } },
    fix: "restart-libvirt",
  },
  {
    name: "libvirt complains about D-Bus",
    code: "LIBVIRT.DBUS",
    outcome: "failed",
    facts: {
      virtualMachines: { missing: "failed", detail: "virsh: error: Activation of org.freedesktop.machine1 timed out" },
    },
    fix: "restart-libvirt",
  },
  {
    name: "libvirt has logged a complaint about D-Bus",
    code: "LIBVIRT.DBUS",
    outcome: "warning",
    commands: [
      [
        /^journalctl .*--grep=ListActivatableNames.*--unit=libvirtd.service/,
        journal({ message: "internal error: ListActivatableNames: Connection is closed", minutesAgo: 3, priority: 3 }),
      ],
    ],
    since: now - 3 * minute,
    fix: "restart-libvirt",
  },
  {
    name: "a virtual machine whose lock another call holds",
    code: "LIBVIRT.LOCKED",
    outcome: "failed",
    facts: { virtualMachines: { ...virtualMachines, list: [machine("running")] } },
    commands: [
      [/^virsh -c qemu:\/\/\/system -r domstats /, timeout],
      [
        /^journalctl .*--grep=Cannot start job .*--unit=libvirtd.service/,
        journal({
          message:
            "Cannot start job (query, none, none) in API remoteDispatchDomainGetBlockInfo for domain a-database-of-the-accounting-department; current job is (modify, none, none) owned by (14711 remoteDispatchDomainMigratePerform3Params, 0 <null>, 0 <null> (flags=0x0)) for (512s, 0s, 0s)",
          minutesAgo: 2,
          priority: 4,
        }),
      ],
    ],
    values: {
      name: "a-database-of-the-accounting-…",
      holder: "remoteDispatchDomainMigratePerform3Params (thread 14711)",
    },
    since: now - 2 * minute - 512_000,
    fix: "restart-libvirt",
  },
  {
    name: "a virtual machine that hangs for a reason that no log tells",
    code: "LIBVIRT.LOCKED",
    outcome: "failed",
    facts: { virtualMachines: { ...virtualMachines, list: [machine("running")] } },
    commands: [[/^virsh -c qemu:\/\/\/system -r domstats /, timeout]],
    values: { holder: "" },
    fix: "restart-libvirt",
  },
  { name: "no virtual machine was stopped by an error", code: "GUEST.OK", outcome: "passed", values: { count: "2" } },
  {
    name: "a virtual machine paused by an I/O error",
    code: "GUEST.IO_ERROR",
    outcome: "failed",
    facts: { virtualMachines: { ...virtualMachines, list: [machine("paused")] } },
    commands: [[/^virsh -c qemu:\/\/\/system -r domstate --reason 0b1/, "paused (I/O error)\n\n"]],
    values: { name: "a-database-of-the-accounting-…", reason: "I/O error" },
  },
  {
    name: "a virtual machine that crashed",
    code: "GUEST.CRASHED",
    outcome: "failed",
    facts: { virtualMachines: { ...virtualMachines, list: [machine("crashed")] } },
  },
  {
    name: "NFS storage that answers",
    code: "NFS.OK",
    outcome: "passed",
    files: { "/proc/self/mountinfo": nfsMount },
    commands: [
      [/^stat --file-system --format=%T -- \/var\/lib\/binnacle\/primary storage$/, "nfs\n"],
      [/^test -w \/var\/lib\/binnacle\/primary storage$/, ""],
    ],
    values: { mounts: "/var/lib/binnacle/primary storage" },
  },
  {
    name: "an NFS server that does not answer",
    code: "NFS.SILENT",
    outcome: "failed",
    files: { "/proc/self/mountinfo": nfsMount },
    commands: [[/^stat /, timeout]],
    values: { mount: "/var/lib/binnacle/primary storage", source: nfsSource, limit: "3 s" },
  },
  {
    name: "an NFS file system that is stale",
    code: "NFS.STALE",
    outcome: "failed",
    files: { "/proc/self/mountinfo": nfsMount },
    commands: [
      [/^stat /, { code: 1, stderr: "stat: cannot read file system information for '/x': Stale file handle\n" }],
    ],
  },
  {
    name: "an NFS file system that became read-only",
    code: "NFS.READ_ONLY",
    outcome: "failed",
    files: { "/proc/self/mountinfo": nfsMount.replace(" rw,vers", " ro,vers") },
    commands: [[/^stat /, "nfs\n"]],
  },
  {
    name: "an NFS file system that root may not write to",
    code: "NFS.DENIED",
    outcome: "warning",
    files: { "/proc/self/mountinfo": nfsMount },
    commands: [
      [/^stat /, "nfs\n"],
      [/^test -w /, { code: 1 }],
    ],
  },
  {
    name: "an NFS file system that was not mounted",
    code: "NFS.NOT_MOUNTED",
    outcome: "failed",
    files: { "/etc/fstab": `${nfsSource} /var/lib/binnacle/primary\\040storage/ nfs4 hard,_netdev 0 0\n` },
    values: { mount: "/var/lib/binnacle/primary storage", source: nfsSource },
  },
  {
    name: "a storage cluster with all its nodes",
    code: "OCFS2.OK",
    outcome: "passed",
    ...ocfs2,
    values: { cluster: "ocfs2", nodes: "storage01, storage02" },
  },
  {
    name: "no configuration of the storage cluster",
    code: "OCFS2.NO_CONFIG",
    outcome: "failed",
    facts: { identity: storage },
  },
  {
    name: "a node that is not in the storage cluster's list",
    code: "OCFS2.NOT_LISTED",
    outcome: "failed",
    ...ocfs2,
    facts: { identity: { ...storage, hostname: "storage-rack12-unit40.dc1.example.com" } },
  },
  { name: "a storage cluster that is offline", code: "OCFS2.OFFLINE", outcome: "failed", ...ocfs2, dirs: {} },
  {
    name: "no OCFS2 volume is mounted",
    code: "OCFS2.NOT_MOUNTED",
    outcome: "warning",
    ...ocfs2,
    files: { ...ocfs2.files, "/proc/mounts": "/dev/sda2 / ext4 rw 0 0\n" },
  },
  {
    name: "a mounted volume without heartbeat",
    code: "OCFS2.NO_HEARTBEAT",
    outcome: "failed",
    ...ocfs2,
    dirs: { ...ocfs2.dirs, "/sys/kernel/config/cluster/ocfs2/heartbeat": ["dead_threshold", "mode"] },
  },
  {
    name: "another storage node lost its heartbeat",
    code: "OCFS2.NODE_LOST",
    outcome: "failed",
    ...ocfs2,
    files: { ...ocfs2.files, "/sys/kernel/debug/o2hb/livenodes": "0\n" },
    values: { lost: "storage02" },
  },
];

function machine(state: "running" | "paused" | "crashed") {
  const name = "a-database-of-the-accounting-department";
  return { uuid: "0b1f2c3d-0000-4000-8000-000000000001", name, cpus: 4, memoryBytes: gib, state };
}
