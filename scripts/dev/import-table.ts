/*
 * Who may import whom: the design's table as data. A path that ends in `/` stands for everything below it; `!` before
 * a path takes it out again. Tests may import anything and have no rule.
 */

export type Paths = readonly string[];

export type ImportRule = {
  /** The name that a finding gives. */
  readonly rule: string;
  /** The files that the rule binds. */
  readonly room: Paths;
  /** Files of the project that they may import, and no others. */
  readonly mayImport?: Paths;
  /** Packages that they may import, and no others. */
  readonly packages?: Paths;
  /** Modules of Node that they may import, and no others. */
  readonly builtins?: Paths;
  readonly neverPackages?: Paths;
  readonly neverBuiltins?: Paths;
  /** Files that no chain of imports may lead them to, however long. */
  readonly neverReach?: Paths;
  readonly remedy: string;
};

/** Modules of Node that reach outside of the process. */
const outside = [
  "child_process",
  "cluster",
  "dgram",
  "dns",
  "fs",
  "http",
  "http2",
  "https",
  "inspector",
  "net",
  "os",
  "repl",
  "sqlite",
  "tls",
  "tty",
  "worker_threads",
];

const blessed = ["blessed", "blessed-contrib", "neo-blessed", "@blessed/"];
const agentClient = ["core/api/client.ts", "core/api/contract.ts"];
const cloudClient = [
  "core/api/cloud-client.ts",
  "core/api/cloud-connection.ts",
  "core/api/cloud-request.ts",
  "core/api/image-upload.ts",
  "core/api/manager-door.ts",
];
/** The installer's screens ask the engine and never an agent. */
const engineClient = "core/api/installer.ts";
const privileged = ["core/", "!core/api/", "!core/model/", "core/api/server.ts", "core/api/streams.ts"];

export const importTable: readonly ImportRule[] = [
  {
    rule: "screens",
    room: ["tui/screens/", "tui/widgets/"],
    mayImport: ["tui/", "!tui/main.ts", "!tui/menu.ts", "!tui/app.ts", ...agentClient, "core/model/"],
    neverBuiltins: outside,
    neverReach: privileged,
    remedy:
      "A screen draws what it is given; whatever touches the machine is a call to the agent (core/api/client.ts).",
  },
  {
    rule: "installer",
    room: ["tui/installer/"],
    mayImport: ["tui/", "!tui/main.ts", "!tui/menu.ts", "!tui/app.ts", ...agentClient, engineClient, "core/model/"],
    neverBuiltins: ["child_process", "cluster", "sqlite"],
    neverReach: privileged,
    remedy: "The installer's screens hold no rights: ask the engine through core/api/installer.ts.",
  },
  {
    rule: "terminal",
    room: ["tui/terminal/"],
    mayImport: ["tui/terminal/"],
    neverReach: ["core/", "scripts/", "test/"],
    remedy: "The terminal knows nothing of nodes: pass in what it needs as an argument.",
  },
  {
    rule: "tui",
    room: ["tui/"],
    mayImport: ["tui/", ...agentClient, engineClient, "core/model/"],
    neverBuiltins: ["child_process", "cluster", "sqlite"],
    neverReach: privileged,
    remedy: "The console holds no rights: ask the agent through core/api/client.ts.",
  },
  {
    rule: "blessed",
    room: ["tui/", "!tui/terminal/", "core/", "scripts/", "!scripts/dev/", "iso/"],
    neverPackages: blessed,
    remedy: "Only tui/terminal knows blessed, so that it can be replaced: draw on the canvas, or add to tui/terminal.",
  },
  {
    rule: "model",
    room: ["core/model/"],
    mayImport: ["core/model/"],
    packages: ["zod"],
    builtins: ["util"],
    remedy: "The model is pure: no I/O. What it needs to know comes in as an argument.",
  },
  {
    rule: "ha",
    room: ["core/ha/"],
    mayImport: ["core/ha/", "core/model/"],
    packages: ["zod"],
    builtins: ["util"],
    remedy: "Decisions are pure functions of what is known and of the time: something else carries them out.",
  },
  {
    rule: "orchestrator",
    room: ["core/orchestrator/"],
    mayImport: [
      "core/orchestrator/",
      "core/model/",
      "core/store/",
      "!core/store/sqlite.ts",
      "!core/store/sqlite/",
      "!core/store/etcd.ts",
      "!core/store/etcd/",
      "core/hypervisor/",
      "!core/hypervisor/open-driver.ts",
      "!core/hypervisor/libvirt.ts",
      "!core/hypervisor/libvirt/",
      "!core/hypervisor/simulated.ts",
      "!core/hypervisor/simulated/",
    ],
    remedy: "Flows work with the store's and the hypervisor's interfaces; the daemon's entry point chooses the driver.",
  },
  {
    rule: "core",
    room: ["core/"],
    // The product's version stands in package.json.
    mayImport: ["core/", "package.json"],
    neverReach: ["tui/", "scripts/", "iso/", "test/"],
    remedy: "The core knows nothing of who shows it: move what both need to core/model.",
  },
  {
    // It has to work where neither manager nor agent runs, on a store that nobody else has open.
    rule: "zstack-ctl",
    room: ["scripts/zstack-ctl.ts", "scripts/ctl/"],
    mayImport: [
      ...[
        "scripts/",
        "!scripts/dev/",
        ...agentClient,
        ...cloudClient,
        "core/model/",
        "core/backup/",
        "core/version.ts",
      ],
      ...["core/node/command.ts", "core/node/durable.ts", "tui/i18n/"],
      // Logs of other nodes come over the cloud's channel.
      ...["core/api/host/link.ts", "core/orchestrator/host-link.ts", "core/pki/", "core/manager/pki-files.ts"],
    ],
    remedy: "zstack-ctl asks the manager or the agent, and does by core/backup what neither can do while it is down.",
  },
  {
    rule: "scripts",
    room: ["scripts/", "!scripts/dev/", "!scripts/zstack-ctl.ts", "!scripts/ctl/"],
    mayImport: ["scripts/", "!scripts/dev/", ...agentClient, ...cloudClient, "core/model/"],
    neverReach: privileged,
    remedy:
      "A script asks the agent through core/api/client.ts, the manager through core/api/cloud-client.ts; it does not do " +
      "their work.",
  },
  {
    rule: "shipped",
    room: ["tui/", "core/", "scripts/", "!scripts/dev/", "iso/", "!iso/build/"],
    neverReach: ["test/", "bench/", "scripts/dev/", "iso/build/"],
    remedy: "What is shipped must not need tests or the developer's tools.",
  },
];

/** Rooms whose result depends on nothing but their arguments: no clock, no timers, no chance, no environment. */
export const pureRooms: Paths = ["core/model/", "core/ha/"];

/** Whether a list of paths covers a path; the last entry that matches decides. */
export function covers(paths: Paths, name: string): boolean {
  const matches = (pattern: string) => (pattern.endsWith("/") ? name.startsWith(pattern) : name === pattern);
  const last = paths.findLast((entry) => matches(entry.startsWith("!") ? entry.slice(1) : entry));
  return last !== undefined && !last.startsWith("!");
}
