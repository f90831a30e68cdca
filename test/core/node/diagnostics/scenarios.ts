import type { Link } from "../../../../core/model/facts.ts";
import type { Finding } from "../../../../core/model/records.ts";
import { healthy, inet, journal, link, minute, now, type Situation } from "./machine.ts";

/** A machine in which a check finds what `code` names, with longest realistic names: its sentences must still fit. */
export type Scenario = {
  name: string;
  code: string;
  outcome: Finding["outcome"];
  values?: Record<string, string>;
  fix?: string;
  since?: number;
} & Situation;

const gib = 1024 ** 3;
const { identity, clock, network, memory, virtualMachines } = healthy;
const disk = firstOf(healthy.disks);
const management = { ...identity, hostname: "mgmt01", role: "management" } as const;
const storage = { ...identity, hostname: "storage01", role: "storage" } as const;

function root(usedShare: number) {
  return [
    {
      purpose: "data",
      mount: "/var/lib/binnacle",
      device: "/dev/mapper/vg0-data",
      type: "ext4",
      sizeBytes: 1000 * gib,
      freeBytes: Math.round((1 - usedShare) * 1000 * gib),
      readOnly: false,
    },
    {
      purpose: "logs",
      mount: "/",
      device: "/dev/sda2",
      type: "ext4",
      sizeBytes: 20 * gib,
      freeBytes: 19 * gib,
      readOnly: false,
    },
  ] as const;
}
const filling = (share: number) => ({ facts: { filesystems: [...root(share)] } });

type Legs = NonNullable<Link["bond"]>["legs"];
function bonded(mode: string, legs: Partial<Legs[number]>[], speeds: number[] = []) {
  const names = legs.map((_, i) => `enp129s0f${i}np${i}`);
  const all = legs.map((leg, i) => ({
    link: names[i] ?? "",
    up: true,
    active: true,
    failures: 0,
    partnerMac: "00:1c:73:aa:bb:cc",
    ...leg,
  }));
  return {
    facts: {
      network: {
        ...network,
        links: [
          link("bond0", { kind: "bond", bond: { mode, legs: all }, management: true, addresses: [inet("10.0.0.5")] }),
          ...all.map(({ link: name, up }, i) =>
            link(name, { master: "bond0", carrier: up, speedMbps: up ? (speeds[i] ?? 10_000) : null }),
          ),
        ],
      },
    },
    files: { "/proc/net/bonding/bond0": "Bonding Mode: x\ndetails partner lacp pdu:\n    system priority: 1\n" },
  };
}

const managementLink = (links: Link[], gateways = network.gateways) => ({
  facts: { network: { ...network, links, gateways } },
});

const mdstat = (body: string) => ({
  files: { "/proc/mdstat": `Personalities : [raid1] [raid6]\n${body}\nunused devices: <none>\n` },
});
const bmc = { "/sys/class/ipmi": ["ipmi0"] };

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

/** A line of /proc/net/tcp with a socket that listens. */
const listening = (port: number, inode: number) =>
  `   0: 00000000:${port.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0000 100 0 0 10 0\n`;
const tomcat = {
  facts: { identity: management },
  files: {
    "/proc/net/tcp6": listening(8080, 4711),
    "/proc/812/comm": "java\n",
    "/proc/812/cgroup": "0::/system.slice/tomcat10.service\n",
  },
  dirs: { "/proc": ["1", "812"] },
  links: { "/proc/812/fd/3": "/dev/null", "/proc/812/fd/44": "socket:[4711]" },
};

const failedUnit = {
  unit: "systemd-networkd-wait-online.service",
  description: "",
  active: "failed",
  sub: "failed",
  pid: null,
  since: now - 12 * minute,
  restarts: 0,
} as const;

export const scenarios: Scenario[] = [
  { name: "virtualization works", code: "KVM.OK", outcome: "passed", values: { flag: "vmx" } },
  {
    name: "a CPU without virtualization",
    code: "KVM.NO_FLAGS",
    outcome: "failed",
    files: { "/proc/cpuinfo": "model name\t: Intel(R) Atom(TM) CPU D525   @ 1.80GHz\nflags\t\t: fpu sse\n" },
    dirs: { "/sys/class/misc": [] },
    values: { flag: "-", cpu: "Intel(R) Atom(TM) CPU D525   @ 1.80GHz" },
  },
  {
    name: "virtualization switched off in the firmware",
    code: "KVM.NO_DEVICE",
    outcome: "failed",
    dirs: { "/sys/class/misc": [] },
  },
  {
    name: "another architecture without the device",
    code: "KVM.NO_DEVICE",
    outcome: "failed",
    files: { "/proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd\n" },
    dirs: { "/sys/class/misc": [] },
  },
  {
    name: "a virtual machine without nested virtualization",
    code: "KVM.NESTED_OFF",
    outcome: "failed",
    facts: { identity: { ...identity, virtualization: "microsoft" } },
    dirs: { "/sys/class/misc": [] },
  },

  {
    name: "pass-through is wanted and the IOMMU is on",
    code: "IOMMU.OK",
    outcome: "passed",
    files: { "/proc/cmdline": "quiet intel_iommu=on" },
    dirs: { "/sys/kernel/iommu_groups": ["0", "1"] },
    values: { groups: "2" },
  },
  {
    name: "pass-through is wanted and the IOMMU is off",
    code: "IOMMU.OFF",
    outcome: "failed",
    files: { "/proc/cmdline": "quiet intel_iommu=on iommu=pt" },
    dirs: { "/sys/kernel/iommu_groups": [] },
    values: { wanted: "intel_iommu=on" },
  },
  {
    name: "a device is bound to vfio-pci and the IOMMU is off",
    code: "IOMMU.OFF",
    outcome: "failed",
    dirs: { "/sys/bus/pci/drivers/vfio-pci": ["0000:3b:00.0", "bind", "new_id"] },
    values: { wanted: "0000:3b:00.0" },
  },

  { name: "healthy disks", code: "DISK.OK", outcome: "passed", values: { count: "1" } },
  {
    name: "a failing disk",
    code: "DISK.FAILING",
    outcome: "failed",
    facts: {
      disks: [
        {
          ...disk,
          name: "nvme10n1",
          model: "Dell Ent NVMe P5600 MU U.2 1.6TB",
          health: "failing",
          healthWhy: "spare space used up, reliability degraded",
        },
      ],
    },
    values: { disk: "nvme10n1", serial: "S45PNA0M123456", why: "spare space used up, reliability degraded" },
  },
  {
    name: "a worn disk",
    code: "DISK.WORN",
    outcome: "warning",
    facts: { disks: [{ ...disk, wear: 0.97 }] },
    values: { wear: "97 %", limit: "90 %" },
  },

  {
    name: "complete arrays",
    code: "RAID.OK",
    outcome: "passed",
    ...mdstat(
      "md0 : active raid1 sdb1[1] sda1[0]\n      1953381376 blocks super 1.2 [2/2] [UU]\n      bitmap: 0/8 pages [0KB], 65536KB chunk\n",
    ),
    values: { count: "1" },
  },
  {
    name: "a degraded array names the serial number of the failed disk",
    code: "RAID.DEGRADED",
    outcome: "failed",
    ...mdstat("md127 : active raid1 sdb1[1] sda1[0](F)\n      1953381376 blocks super 1.2 [2/1] [U_]\n"),
    values: { array: "md127", level: "raid1", working: "1", total: "2", failed: "sda1 (S45PNA0M123456)" },
  },
  {
    name: "an array that is being rebuilt",
    code: "RAID.REBUILDING",
    outcome: "warning",
    ...mdstat(
      "md0 : active raid6 sdd1[4] sdc1[2] sdb1[1] sda1[0]\n      292945152 blocks level 6, 64k chunk, algorithm 2 [4/3] [UUU_]\n      [==>..................]  recovery = 12.6% (37043392/292945152) finish=127.5min speed=33440K/sec\n",
    ),
    values: { array: "md0", progress: "12.6%, 127.5min" },
  },
  {
    name: "an array that was not started",
    code: "RAID.INACTIVE",
    outcome: "failed",
    ...mdstat("md0 : inactive sdc1[2](S)\n      976630472 blocks super 1.2\n"),
    values: { array: "md0" },
  },

  {
    name: "two power supplies",
    code: "POWER.OK",
    outcome: "passed",
    dirs: bmc,
    commands: [
      [
        /^ipmitool sdr type Power Supply$/,
        "PS1 Status       | C8h | ok  | 10.1 | Presence detected\nPS2 Status       | C9h | ok  | 10.2 | Presence detected\n",
      ],
    ],
    values: { count: "2" },
  },
  {
    name: "a power supply without power",
    code: "POWER.SUPPLY_LOST",
    outcome: "failed",
    dirs: bmc,
    commands: [
      [
        /^ipmitool sdr type Power Supply$/,
        "PS1 Status       | C8h | ok  | 10.1 | Presence detected\nPS2 Status       | C9h | ok  | 10.2 | Presence detected, Power Supply AC lost\n",
      ],
    ],
    values: { sensor: "PS2 Status", state: "Presence detected, Power Supply AC lost" },
  },
  {
    name: "power supplies without redundancy",
    code: "POWER.REDUNDANCY_LOST",
    outcome: "warning",
    dirs: bmc,
    commands: [[/^ipmitool sdr type Power Supply$/, "PS Redundancy    | 77h | ok  |  7.1 | Redundancy Lost\n"]],
  },
  {
    name: "fans by the management controller",
    code: "FAN.OK",
    outcome: "passed",
    dirs: bmc,
    commands: [
      [
        /^ipmitool sdr type Fan$/,
        "Fan1 RPM         | 30h | ok  |  7.1 | 5880 RPM\nFan2 RPM         | 31h | ns  |  7.1 | No Reading\n",
      ],
    ],
    values: { count: "1" },
  },
  {
    name: "fans by the kernel",
    code: "FAN.OK",
    outcome: "passed",
    files: {
      "/sys/class/hwmon/hwmon2/fan1_input": "1480\n",
      "/sys/class/hwmon/hwmon2/name": "nct6775\n",
      "/sys/class/hwmon/hwmon2/fan1_alarm": "0\n",
    },
    dirs: { "/sys/class/hwmon": ["hwmon2"] },
    values: { count: "1" },
  },
  {
    name: "a fan that stands",
    code: "FAN.LOST",
    outcome: "failed",
    dirs: bmc,
    commands: [
      [
        /^ipmitool sdr type Fan$/,
        "FAN1             | 41h | ok  | 29.1 | 5880 RPM\nFAN2             | 42h | nr  | 29.2 | 0 RPM\nFANA             | 43h | cr  | 29.3 | 300 RPM\n",
      ],
    ],
    values: { fans: "FAN2 0 RPM, FANA 300 RPM" },
  },

  { name: "a host name of its own", code: "HOSTNAME.OK", outcome: "passed", values: { name: "compute01" } },
  {
    name: "a node called localhost",
    code: "HOSTNAME.LOCALHOST",
    outcome: "failed",
    facts: { identity: { ...identity, hostname: "localhost.localdomain" } },
  },

  {
    name: "room on the file systems",
    code: "FS.OK",
    outcome: "passed",
    values: { mount: "/var/log", used: "40 %", limit: "80 %" },
  },
  {
    name: "a file system that fills",
    code: "FS.FILLING",
    outcome: "warning",
    ...filling(0.8),
    commands: [
      [
        /^du /,
        {
          code: 1,
          stdout: `${3 * gib}\t/var/lib/binnacle/backups\n${40 * gib}\t/var/lib/binnacle/image-cache\n`,
          stderr: "du: cannot access",
        },
      ],
    ],
    values: {
      used: "80 %",
      limit: "80 %",
      free: "200 GiB",
      delete: "/var/lib/binnacle/image-cache 40 GiB, /var/lib/binnacle/backups 3.0 GiB",
    },
  },
  {
    name: "a full file system with a large journal",
    code: "FS.FULL",
    outcome: "failed",
    facts: {
      filesystems: [
        {
          purpose: "install",
          mount: "/",
          device: "/dev/sda2",
          type: "ext4",
          sizeBytes: 20 * gib,
          freeBytes: gib * 0.9,
          readOnly: false,
        },
        {
          purpose: "logs",
          mount: "/",
          device: "/dev/sda2",
          type: "ext4",
          sizeBytes: 20 * gib,
          freeBytes: gib * 0.9,
          readOnly: false,
        },
      ],
    },
    commands: [
      [
        /^du --summarize --block-size=1 --one-file-system -- \/var\/log\/journal \/var\/log /,
        `${4 * gib}\t/var/log/journal\n1000\t/var/log\n`,
      ],
    ],
    values: { mount: "/", used: "95 %", delete: "/var/log/journal 4.0 GiB" },
    fix: "vacuum-journal",
  },
  {
    name: "a full file system without anything that may be deleted",
    code: "FS.FULL_ELSEWHERE",
    outcome: "failed",
    ...filling(0.99),
    commands: [[/^du /, "4096\t/var/lib/binnacle/backups\n"]],
  },
  {
    name: "a file system that became read-only",
    code: "FS.READ_ONLY",
    outcome: "failed",
    facts: { filesystems: root(0.5).map((one) => ({ ...one, readOnly: one.purpose === "data" })) },
    values: { mount: "/var/lib/binnacle", device: "/dev/mapper/vg0-data" },
  },

  { name: "a clock in sync", code: "CLOCK.OK", outcome: "passed", values: { source: "10.0.0.1", offset: "120 µs" } },
  { name: "no time daemon", code: "CLOCK.NO_DAEMON", outcome: "failed", facts: { clock: { missing: "notRunning" } } },
  {
    name: "no time server",
    code: "CLOCK.NO_SERVER",
    outcome: "failed",
    facts: { clock: { ...clock, inSync: false, source: null, offsetSeconds: null, servers: [] } },
  },
  {
    name: "time servers that do not answer",
    code: "CLOCK.NO_ANSWER",
    outcome: "failed",
    facts: {
      clock: {
        ...clock,
        inSync: false,
        source: null,
        offsetSeconds: null,
        servers: ["2.debian.pool.ntp.org", "ntp1.example.com", "ntp2.example.com", "ntp3"],
      },
    },
    values: { servers: "2.debian.pool.ntp.org, ntp1.example.com, ntp2.example.com +1" },
  },
  {
    name: "a clock that is not in sync yet",
    code: "CLOCK.NOT_IN_SYNC",
    outcome: "warning",
    facts: { clock: { ...clock, inSync: false } },
  },
  {
    name: "a clock that is off by more than a second",
    code: "CLOCK.OFF",
    outcome: "failed",
    facts: { clock: { ...clock, source: "2.debian.pool.ntp.org", offsetSeconds: -192.4 } },
    values: { offset: "3 min", limit: "1 s" },
    fix: "step-clock",
  },

  { name: "name servers that answer", code: "DNS.OK", outcome: "passed", values: { servers: "10.0.0.1, 10.0.0.2" } },
  {
    name: "no name server",
    code: "DNS.NO_SERVER",
    outcome: "warning",
    facts: { network: { ...network, nameServers: [] } },
  },
  {
    name: "no name server answers",
    code: "DNS.SILENT",
    outcome: "failed",
    facts: { network: { ...network, nameServers: ["2001:db8:aaaa:bbbb::53", "2001:db8:aaaa:cccc::53", "10.0.0.1"] } },
    resolver: () => Promise.reject(new Error("timeout")),
  },
  {
    name: "one name server does not answer",
    code: "DNS.SOME_SILENT",
    outcome: "warning",
    resolver: (server) => (server === "10.0.0.1" ? Promise.reject(new Error("timeout")) : Promise.resolve()),
    values: { silent: "10.0.0.1", limit: "3 s" },
  },

  { name: "enough memory", code: "MEMORY.OK", outcome: "passed", values: { available: "44 GiB", total: "64 GiB" } },
  {
    name: "hardly any memory left",
    code: "MEMORY.LOW",
    outcome: "failed",
    facts: { memory: { ...memory, availableBytes: 3 * gib, pressure: 0.5 } },
    values: { available: "3.0 GiB", share: "4 %", limit: "5 %" },
  },
  {
    name: "tasks that wait for memory",
    code: "MEMORY.PRESSURE",
    outcome: "warning",
    facts: { memory: { ...memory, pressure: 0.37 } },
    values: { pressure: "37 %", pressureLimit: "10 %" },
  },
  {
    name: "processes killed for lack of memory",
    code: "MEMORY.OOM",
    outcome: "failed",
    files: { "/proc/vmstat": "oom_kill 3\n" },
    commands: [
      [
        /^journalctl .*--grep=Killed process .*SYSLOG_IDENTIFIER=kernel/,
        journal(
          {
            message: "Out of memory: Killed process 4711 (qemu-system-x86) total-vm:8388608kB, anon-rss:1kB",
            minutesAgo: 5,
          },
          { message: "Memory cgroup out of memory: Killed process 12 (x (y) total-vm:8kB", minutesAgo: 65 },
        ),
      ],
    ],
    values: { count: "2", process: "qemu-system-x86" },
    since: now - 5 * minute,
  },
  {
    name: "processes killed, and no journal that says which",
    code: "MEMORY.OOM_EARLIER",
    outcome: "warning",
    files: { "/proc/vmstat": "oom_kill 3\n" },
    commands: [[/^journalctl/, { code: 0, stderr: "No journal files were found." }]],
    values: { count: "3" },
    since: healthy.time.bootAt,
  },

  { name: "no failed unit", code: "UNIT.OK", outcome: "passed", values: { count: "1" } },
  {
    name: "a failed unit, with the last words of its log",
    code: "UNIT.FAILED",
    outcome: "failed",
    facts: { services: [...healthy.services, failedUnit] },
    commands: [
      [
        /^journalctl .*--unit=systemd-networkd-wait-online.service/,
        journal(
          { message: "systemd-networkd-wait-online.service: Failed with result 'exit-code'.", priority: 4 },
          { message: "Failed to start systemd-networkd-wait-online.service - Wait for Network.", priority: 3 },
          { message: "a later line of less weight", priority: 6 },
          {
            message:
              "Timeout occurred while waiting for network connectivity on any of the interfaces eno1 and eno2, giving up now.",
            priority: 3,
          },
        ),
      ],
    ],
    values: {
      unit: "systemd-networkd-wait-online.service",
      said: "Timeout occurred while waiting for network connectivity on any of the interfaces eno1 and eno2, giv…",
    },
    fix: "restart-unit:systemd-networkd-wait-online.service",
    since: now - 12 * minute,
  },
  {
    name: "a unit that is started again and again",
    code: "UNIT.LOOPING",
    outcome: "failed",
    commands: [
      [
        /^systemctl list-units --type=service --state=activating/,
        '[{"unit":"binnacle-console@ttyS0.service","load":"loaded"}]',
      ],
      [
        /^systemctl show .* binnacle-console@ttyS0.service$/,
        `Id=binnacle-console@ttyS0.service\nLoadState=loaded\nActiveState=activating\nSubState=auto-restart\nMainPID=0\nStateChangeTimestamp=@${(now - minute) / 1000}\nNRestarts=117\nDescription=x\n`,
      ],
      [
        /^journalctl .*--unit=binnacle-console@ttyS0/,
        journal({ message: "Error: Cannot find module '/usr/lib/binnacle/tui.mjs'", priority: 6 }),
      ],
    ],
    values: { restarts: "117", said: "Error: Cannot find module '/usr/lib/binnacle/tui.mjs'" },
    fix: "restart-unit:binnacle-console@ttyS0.service",
  },

  {
    name: "a bond whose legs all work",
    code: "BOND.OK",
    outcome: "passed",
    ...bonded("802.3ad", [{}, {}]),
    values: { bonds: "bond0" },
  },
  { name: "a bond without legs", code: "BOND.NO_LEGS", outcome: "failed", ...bonded("active-backup", []) },
  {
    name: "a bond that is down",
    code: "BOND.DOWN",
    outcome: "failed",
    ...bonded("active-backup", [{ up: false }, { up: false }]),
  },
  {
    name: "a leg without carrier, with the switch port that it had",
    code: "BOND.LEG_DOWN",
    outcome: "failed",
    ...bonded("active-backup", [{}, { up: false }]),
    facts: {
      ...bonded("active-backup", [{}, { up: false }]).facts,
      neighbours: [
        { link: "enp129s0f1np1", system: "leaf-switch-12.dc1.example.com", port: "TenGigabitEthernet1/0/48" },
      ],
    },
    values: {
      bond: "bond0",
      leg: "enp129s0f1np1",
      working: "1/2",
      port: "leaf-switch-12.dc1.example.com TenGigabitEthernet1/0/48",
    },
  },
  {
    name: "a switch that does not speak LACP",
    code: "BOND.NO_PARTNER",
    outcome: "failed",
    ...bonded("802.3ad", [{ partnerMac: null }, { partnerMac: null }]),
    values: { bond: "bond0", legs: "enp129s0f0np0, enp129s0f1np1" },
  },
  {
    name: "legs that end in two switches",
    code: "BOND.PARTNERS_DIFFER",
    outcome: "failed",
    ...bonded("802.3ad", [{}, { partnerMac: "00:1c:73:dd:ee:ff" }]),
    values: { bond: "bond0", legs: "enp129s0f0np0 00:1c:73:aa:bb:cc, enp129s0f1np1 00:1c:73:dd:ee:ff" },
  },
  {
    name: "legs of different speeds",
    code: "BOND.SPEEDS_DIFFER",
    outcome: "warning",
    ...bonded("balance-rr", [{}, {}], [25_000, 1000]),
    values: { bond: "bond0", legs: "enp129s0f0np0 25G, enp129s0f1np1 1G" },
  },

  {
    name: "management on the default route's link",
    code: "MGMT.OK",
    outcome: "passed",
    values: { link: "eno1", address: "10.0.0.5" },
  },
  {
    name: "a management interface that was renamed",
    code: "MGMT.LINK_MISSING",
    outcome: "failed",
    ...managementLink([link("enp2s0"), link("lo", { kind: "loopback" })]),
    files: { "/etc/binnacle/node.json": '{"role":"compute","managementLink":"eth0"}' },
    values: { link: "eth0", there: "enp2s0" },
  },
  {
    name: "a management interface without carrier",
    code: "MGMT.NO_CARRIER",
    outcome: "failed",
    ...managementLink([link("eno1", { management: true, carrier: false })]),
  },
  {
    name: "a management interface without address",
    code: "MGMT.NO_ADDRESS",
    outcome: "failed",
    ...managementLink([link("eno1", { management: true, addresses: [{ ...inet("169.254.1.1"), scope: "link" }] })]),
  },
  {
    name: "the default route on another interface",
    code: "MGMT.OTHER_ROUTE",
    outcome: "warning",
    ...managementLink(
      [
        link("br_bond0.1234", {
          management: true,
          addresses: [{ ...inet("2001:db8:aaaa:bbbb:1111:2222:3333:4444"), family: "inet6" }],
        }),
      ],
      [{ link: "enp129s0f1np1", address: "10.9.0.1", family: "inet" }],
    ),
    values: { link: "br_bond0.1234", route: "enp129s0f1np1" },
  },

  {
    name: "an address that nobody else has",
    code: "ADDRESS.OK",
    outcome: "passed",
    values: { address: "10.0.0.5", link: "eno1" },
  },
  {
    name: "an address that another machine has",
    code: "ADDRESS.DUPLICATE",
    outcome: "failed",
    commands: [
      [
        /^arping -D -c 2 -w 3 -I eno1 10\.0\.0\.5$/,
        {
          code: 1,
          stdout:
            "ARPING 10.0.0.5 from 0.0.0.0 eno1\nUnicast reply from 10.0.0.5 [52:54:00:AA:BB:CC]  0.712ms\nSent 1 probes (1 broadcast(s))\n",
        },
      ],
    ],
    values: { address: "10.0.0.5", link: "eno1", mac: "52:54:00:aa:bb:cc" },
  },

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

  {
    name: "the manager runs",
    code: "MANAGER.OK",
    outcome: "passed",
    facts: { identity: management },
    values: { pid: "1412" },
  },
  {
    name: "no manager is installed",
    code: "MANAGER.ABSENT",
    outcome: "failed",
    facts: { identity: management, management: { missing: "notInstalled" } },
  },
  {
    name: "a stopped manager",
    code: "MANAGER.STOPPED",
    outcome: "failed",
    facts: { identity: management, management: { ...healthy.management, service: "stopped", pid: null } },
    commands: [
      [
        /^journalctl .*--priority=3 --unit=binnacle-manager.service/,
        journal({ message: "The store /var/lib/binnacle/store.sqlite can't be opened: disk I/O error", priority: 3 }),
      ],
    ],
    fix: "restart-unit:binnacle-manager.service",
    values: { said: "The store /var/lib/binnacle/store.sqlite can't be opened: disk I/O error" },
  },
  {
    name: "a manager that is neither started nor stopped",
    code: "MANAGER.UNKNOWN",
    outcome: "warning",
    facts: { identity: management, management: { ...healthy.management, service: "unknown" } },
  },

  {
    name: "free ports",
    code: "PORT.OK",
    outcome: "passed",
    facts: { identity: management },
    values: { ports: "8080, 5000, 4900, 7070" },
  },
  {
    name: "the manager's port in other hands",
    code: "PORT.TAKEN",
    outcome: "failed",
    ...tomcat,
    values: { port: "8080", use: "manager", process: "java", pid: "812", unit: "tomcat10.service" },
  },
];

function machine(state: "paused" | "crashed") {
  const name = "a-database-of-the-accounting-department";
  return { uuid: "0b1f2c3d-0000-4000-8000-000000000001", name, cpus: 4, memoryBytes: gib, state };
}

function firstOf<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined) throw new Error("an empty list");
  return first;
}
