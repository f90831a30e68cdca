import { healthy, journal, minute, now } from "../machine.ts";
import { certificate, gib, type Scenario } from "./scenario.ts";

const { identity, clock, network, memory } = healthy;

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

const failedUnit = {
  unit: "systemd-networkd-wait-online.service",
  description: "",
  active: "failed",
  sub: "failed",
  pid: null,
  since: now - 12 * minute,
  restarts: 0,
} as const;

export const nodeScenarios: Scenario[] = [
  { name: "a host name of its own", code: "HOSTNAME.OK", outcome: "passed", values: { name: "compute01" } },
  {
    name: "a node called localhost",
    code: "HOSTNAME.LOCALHOST",
    outcome: "failed",
    facts: { identity: { ...identity, hostname: "localhost.localdomain" } },
  },
  {
    name: "a host name that the next start takes back",
    code: "HOSTNAME.CHANGED",
    outcome: "failed",
    facts: { identity: { ...identity, hostname: "compute-rack12-unit40.dc1.example.com" } },
    files: { "/etc/hostname": "# set by the installer\n\n  host-10-0-0-5.example.com \n" },
    values: { name: "compute-rack12-unit40.dc1.example.com", static: "host-10-0-0-5.example.com" },
  },
  {
    name: "a host name that the certificate does not have",
    code: "HOSTNAME.CERTIFICATE",
    outcome: "failed",
    files: { "/etc/binnacle/tls/node.crt": certificate },
    values: { name: "compute01", issued: "compute-rack11-unit07.dc1.example.com" },
  },
  {
    name: "a host name without an address",
    code: "HOSTNAME.UNRESOLVED",
    outcome: "warning",
    files: {
      "/etc/hosts": "127.0.0.1 localhost\n#10.0.0.5 compute01\n10.0.0.6 compute010 compute01.example.com\n",
      "/etc/nsswitch.conf": "hosts: files dns\n",
    },
    values: { name: "compute01", address: "10.0.0.5" },
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
      free: "200 G",
      delete: "/var/lib/binnacle/image-cache 40 G, /var/lib/binnacle/backups 3 G",
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
    values: { mount: "/", used: "95 %", delete: "/var/log/journal 4 G" },
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
  { name: "a clock in sync", code: "CLOCK.OK", outcome: "passed", values: { source: "10.0.0.1", offset: "120 us" } },
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
    values: { servers: "2.debian.pool.ntp.org, ntp1.example.com, ntp2.example.com", "servers.more": "1" },
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
  {
    name: "sshd that looks up no names",
    code: "SSH.OK",
    outcome: "passed",
    commands: [[/^sshd -T$/, "port 22\nusedns no\n"]],
    resolver: () => Promise.reject(new Error("timeout")),
  },
  {
    name: "sshd that waits for name servers which say nothing",
    code: "SSH.SLOW",
    outcome: "failed",
    facts: { network: { ...network, nameServers: ["2001:db8:aaaa:bbbb::53", "2001:db8:aaaa:cccc::53", "10.0.0.1"] } },
    commands: [[/^sshd -T$/, "port 22\nusedns yes\n"]],
    // The last one answers a question about this node's address.
    resolver: (server, asked) =>
      server === "10.0.0.1" && asked === "10.0.0.5" ? Promise.resolve() : Promise.reject(new Error("timeout")),
    values: { servers: "2001:db8:aaaa:bbbb::53, 2001:db8:aaaa:cccc::53", limit: "3 s" },
    fix: "ssh-without-names",
  },
  { name: "enough memory", code: "MEMORY.OK", outcome: "passed", values: { available: "44 G", total: "64 G" } },
  {
    name: "hardly any memory left",
    code: "MEMORY.LOW",
    outcome: "failed",
    facts: { memory: { ...memory, availableBytes: 3 * gib, pressure: 0.5 } },
    values: { available: "3 G", share: "4 %", limit: "5 %" },
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
      said: "Timeout occurred while waiting for network connectivity on any of the…",
    },
    fix: "restart-unit:systemd-networkd-wait-online.service",
    since: now - 12 * minute,
  },
  {
    name: "a failed unit whose log says nothing",
    code: "UNIT.FAILED",
    outcome: "failed",
    facts: { services: [...healthy.services, { ...failedUnit, unit: "logrotate.service" }] },
    commands: [
      [/^journalctl .*--unit=logrotate.service/, journal({ message: "" }, { message: " " }, { message: "-" })],
    ],
    values: { unit: "logrotate.service", said: "" },
    fix: "restart-unit:logrotate.service",
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
    name: "a role that is installed",
    code: "ROLE.OK",
    outcome: "passed",
    facts: { identity: { ...identity, roleStatus: { state: "ready", step: null, reason: null, remedy: null } } },
  },
  {
    name: "a role whose installation was cut off",
    code: "ROLE.INSTALLING",
    outcome: "warning",
    facts: {
      identity: { ...identity, roleStatus: { state: "installing", step: "Libvirt", reason: null, remedy: null } },
    },
  },
  {
    name: "a role that failed at a step",
    code: "ROLE.FAILED",
    outcome: "failed",
    facts: {
      identity: {
        ...identity,
        roleStatus: {
          state: "failed",
          step: "Management API answers",
          reason: "The processor can virtualize, but the firmware has switched it off.",
          remedy: "Enable Intel VT-x or AMD SVM in the firmware setup, then power off and on.",
        },
      },
    },
    values: { step: "Management API answers", role: "compute" },
  },
];
