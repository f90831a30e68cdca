import { healthy, journal, minute, now, timeout } from "../machine.ts";
import { certificate, type Scenario } from "./scenario.ts";

const { identity } = healthy;
const management = { ...identity, hostname: "mgmt01", role: "management" } as const;
const onManagement = { facts: { identity: management } };

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

const hour = 60 * minute;
const uuid = "0b1f2c3d4e5f4a6b8c7d0e1f2a3b4c5d";
const lostSince = now - 7 * minute;

/** One host that is not connected, with the longest realistic name and address. */
function lostHost(status: "Disconnected" | "Connecting", shown: [string, Scenario["commands"]]) {
  const [name, commands = []] = shown;
  const host = { uuid, name, managementIp: "10.254.250.251", status, state: "Enabled", lastOpDate: lostSince };
  const counts = { ...healthy.hosts, total: 12, enabled: 12, connected: 11 };
  const hosts = { ...counts, [status === "Connecting" ? "connecting" : "disconnected"]: 1 };
  return {
    facts: { identity: management, hosts },
    manager: { QueryHost: { inventories: [host] } },
    commands,
    since: lostSince,
  };
}
const longName = "compute-rack11-unit07.dc1.example.com";
const shows = (pem: string) => ({ stdout: `CONNECTED(00000003)\n---\n${pem}---\n` });
const silent: [RegExp, Partial<{ code: number }>] = [/^ping -n -c 2 .* 10\.254\.250\.251$/, { code: 1 }];

/** What the probe of the store prints. */
const storeProbe = (said: string | null, syncMs: number | null): [RegExp, string] => [
  /--eval [\s\S]*quick_check[\s\S]* \/var\/lib\/binnacle\/manager\/store\.db (read|leave)$/,
  JSON.stringify({ said, syncMs }),
];
const found = (...hoursAgo: number[]): [RegExp, string] => [
  /^find \/var\/lib\/binnacle\/backups /,
  hoursAgo.map((hours) => `${(now - hours * hour) / 1000}.0000000000\n`).join(""),
];

const curl = (code: number): [RegExp, { code: number }] => [
  /^curl .*--cacert \/etc\/binnacle\/tls\/ca\.crt /,
  { code },
];

const sessions = (count: number, limit: number) => ({
  QueryGlobalConfig: { inventories: [{ category: "identity", name: "session.maxConcurrent", value: String(limit) }] },
  QuerySession: { inventories: Array.from({ length: count }, () => ({ userUuid: uuid })) },
});

const endsIn = (days: number) => ({ now: Date.parse("2126-10-28T13:07:50Z") - days * 24 * hour });

export const managementScenarios: Scenario[] = [
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
    values: { ports: "8080, 9100, 5000, 4900, 7070" },
  },
  {
    name: "the manager's port in other hands",
    code: "PORT.TAKEN",
    outcome: "failed",
    ...tomcat,
    values: { port: "8080", use: "manager", process: "java", pid: "812", unit: "tomcat10.service" },
  },
  {
    name: "a manager that is configured wrongly",
    code: "MANAGER.BAD_CONFIGURATION",
    outcome: "failed",
    ...onManagement,
    files: { "/etc/binnacle/manager.conf": "# ports\napi.port=80808080\n" },
  },
  {
    name: "a manager that fails and is started again",
    code: "MANAGER.RESTARTING",
    outcome: "failed",
    facts: {
      identity: management,
      management: { ...healthy.management, service: "stopped", why: "restarting", pid: null },
    },
    commands: [
      [
        /^journalctl .*--priority=3 --unit=binnacle-manager.service/,
        journal({
          message: "The store /var/lib/binnacle/manager/store.db can't be opened: disk I/O error",
          priority: 3,
        }),
      ],
    ],
    values: { said: "The store /var/lib/binnacle/manager/store.db can't be opened: disk I/O error" },
  },
  {
    name: "a manager that hangs",
    code: "MANAGER.SILENT",
    outcome: "failed",
    facts: { identity: management, management: { ...healthy.management, service: "unknown", why: "silent" } },
    values: { pid: "1412" },
  },
  {
    name: "a manager whose API nobody reaches",
    code: "MANAGER.NO_API",
    outcome: "failed",
    ...onManagement,
    files: { "/etc/binnacle/manager.conf": "api.port=18080\n" },
    commands: [curl(7)],
    values: { port: "18080" },
  },
  {
    name: "an API with a certificate of somebody else",
    code: "MANAGER.UNTRUSTED",
    outcome: "failed",
    ...onManagement,
    commands: [curl(60)],
    values: { port: "8080" },
  },
  {
    name: "a store that is well, on a quick disk",
    code: "STORE.OK",
    outcome: "passed",
    ...onManagement,
    commands: [storeProbe("ok", 1.25)],
    values: { store: "/var/lib/binnacle/manager/store.db", sync: "1.3 ms" },
  },
  {
    name: "a store that is gone below a manager that runs",
    code: "STORE.ABSENT",
    outcome: "failed",
    ...onManagement,
    commands: [storeProbe(null, null)],
  },
  {
    name: "a store that a program has open although the manager is stopped",
    code: "STORE.HELD",
    outcome: "failed",
    facts: { identity: management, management: { ...healthy.management, service: "stopped", pid: null } },
    commands: [storeProbe("held", 2)],
  },
  {
    name: "a damaged store",
    code: "STORE.DAMAGED",
    outcome: "failed",
    facts: { identity: management, management: { ...healthy.management, service: "stopped", pid: null } },
    commands: [storeProbe("*** in database main *** Tree 4 page 4 cell 0: invalid page number 218103808", 2)],
  },
  {
    name: "a store on a disk that is slow",
    code: "STORE.SLOW",
    outcome: "warning",
    ...onManagement,
    commands: [storeProbe("ok", 34)],
    values: { sync: "34 ms", limit: "10 ms" },
  },
  {
    name: "a backup of this morning",
    code: "BACKUP.OK",
    outcome: "passed",
    ...onManagement,
    commands: [found(17, 5, 29)],
    values: { age: "5 h" },
  },
  {
    name: "a newest backup of the day before yesterday",
    code: "BACKUP.OLD",
    outcome: "warning",
    ...onManagement,
    commands: [found(60, 49)],
    values: { age: "49 h", limit: "24 h" },
    since: now - 49 * hour,
  },
  {
    name: "no backup at all, for their folder is not there",
    code: "BACKUP.NONE",
    outcome: "warning",
    ...onManagement,
    commands: [[/^find /, { code: 1, stderr: "find: ‘/var/lib/binnacle/backups’: No such file or directory\n" }]],
  },
  {
    name: "hosts that are all connected",
    code: "HOSTS.OK",
    outcome: "passed",
    facts: { identity: management, hosts: { ...healthy.hosts, total: 12, enabled: 12, connected: 12 } },
    values: { count: "12" },
  },
  {
    name: "a disconnected host that is in maintenance, and may be switched off",
    code: "HOSTS.OK",
    outcome: "passed",
    facts: {
      identity: management,
      hosts: { ...healthy.hosts, total: 12, enabled: 11, maintenance: 1, connected: 11, disconnected: 1 },
    },
    manager: { QueryHost: { inventories: [] } },
  },
  {
    name: "a host that is being connected",
    code: "HOSTS.CONNECTING",
    outcome: "warning",
    ...lostHost("Connecting", [
      longName,
      [
        [/^openssl s_client -connect 10\.254\.250\.251:7070$/, shows(certificate)],
        [/^ping /, ""],
      ],
    ]),
  },
  {
    name: "a host that is switched off",
    code: "HOSTS.SILENT",
    outcome: "failed",
    ...lostHost("Disconnected", [longName, [[/^openssl /, timeout], silent]]),
    values: { address: "10.254.250.251", uuid },
  },
  {
    name: "a host behind a firewall",
    code: "HOSTS.BLOCKED",
    outcome: "failed",
    ...lostHost("Disconnected", [
      longName,
      [
        [/^openssl /, timeout],
        [/^ping /, ""],
      ],
    ]),
  },
  {
    name: "a host whose agent is stopped",
    code: "HOSTS.NO_AGENT",
    outcome: "failed",
    ...lostHost("Disconnected", [
      longName,
      [
        [
          /^openssl /,
          { code: 1, stderr: "40278F5C2C7F0000:error:8000006F:system library:BIO_connect:Connection refused\n" },
        ],
        [/^ping /, ""],
      ],
    ]),
    values: { port: "7070" },
  },
  {
    name: "a host whose certificate has ended",
    code: "HOSTS.CERT_ENDED",
    outcome: "failed",
    ...lostHost("Disconnected", [
      longName,
      [
        [/^openssl /, shows(certificate)],
        [/^ping /, ""],
      ],
    ]),
    ...endsIn(-3),
    values: { end: "2126-10-28" },
    fix: `reconnect-host:${uuid}`,
  },
  {
    name: "a host that is there, and not connected",
    code: "HOSTS.LOST",
    outcome: "failed",
    ...lostHost("Disconnected", [
      longName,
      [
        [/^openssl /, shows(certificate)],
        [/^ping /, ""],
      ],
    ]),
    fix: `reconnect-host:${uuid}`,
  },
  {
    name: "a whole rack that is lost",
    code: "HOSTS.MORE",
    outcome: "failed",
    facts: { identity: management, hosts: { ...healthy.hosts, total: 42, enabled: 42, disconnected: 42 } },
    commands: [[/^openssl /, timeout], silent],
    manager: {
      QueryHost: {
        inventories: Array.from({ length: 42 }, (_, n) => ({
          uuid: `${uuid.slice(0, 30)}${String(n).padStart(2, "0")}`,
          name: `host${n}`,
          managementIp: "10.254.250.251",
          status: "Disconnected",
          lastOpDate: lostSince,
        })),
      },
    },
    values: { count: "37" },
  },
  {
    name: "few sessions",
    code: "SESSIONS.OK",
    outcome: "passed",
    ...onManagement,
    manager: sessions(3, 500),
    values: { count: "3" },
  },
  {
    name: "an account that has used nearly all of its sessions",
    code: "SESSIONS.FILLING",
    outcome: "warning",
    ...onManagement,
    manager: sessions(451, 500),
    values: { count: "451", limit: "500" },
  },
  {
    name: "an account that can't log in any more",
    code: "SESSIONS.FULL",
    outcome: "failed",
    ...onManagement,
    manager: sessions(500, 500),
    values: { count: "500", limit: "500" },
  },
  {
    name: "certificates that hold",
    code: "CERT.OK",
    outcome: "passed",
    files: { "/etc/binnacle/tls/node.crt": certificate, "/etc/binnacle/tls/node.key": "" },
    values: { end: "2126-10-28" },
  },
  {
    name: "a certificate that ends soon",
    code: "CERT.ENDING",
    outcome: "warning",
    files: { "/etc/binnacle/tls/node.crt": certificate },
    ...endsIn(12.5),
    values: { days: "12", end: "2126-10-28" },
  },
  {
    name: "a certificate that has ended",
    code: "CERT.ENDED",
    outcome: "failed",
    files: { "/etc/binnacle/tls/ca.crt": certificate },
    ...endsIn(-1),
    since: Date.parse("2126-10-28T13:07:50Z"),
  },
  {
    name: "a file that is no certificate",
    code: "CERT.DAMAGED",
    outcome: "failed",
    files: { "/etc/binnacle/tls/node.crt": "" },
  },
];
