import { fixtureMachine, type Recording, recording } from "../../../../core/node/fixture.ts";
import type { Machine, RunResult } from "../../../../core/node/machine.ts";
import { roleLines } from "../../../../core/node/role/lines.ts";
import { rolePaths } from "../../../../core/node/role/paths.ts";
import { openRoleRecord } from "../../../../core/node/role/record.ts";
import type { RoleWorld } from "../../../../core/node/role/world.ts";

const now = 1_795_269_787_000;

export type Situation = {
  files?: Record<string, string>;
  dirs?: Record<string, string[]>;
  /** What commands answer, by the beginning of their line; the first that fits counts, before those of a good node. */
  commands?: [line: string, result: Partial<RunResult>][];
  world?: Partial<RoleWorld>;
};

const cpu = (nth: number) => `processor\t: ${nth}\nmodel name\t: Xeon\nflags\t\t: fpu vmx sse\n`;

/** A server on which every role can be installed: bare metal with VT-x, 4 CPUs, 8 GB. */
const goodFiles = {
  "/proc/sys/kernel/hostname": "node01\n",
  "/proc/cpuinfo": [0, 1, 2, 3].map(cpu).join("\n"),
  "/proc/meminfo": "MemTotal:        8052736 kB\n",
  "/sys/fs/ocfs2/cluster_stack": "o2cb\n",
};
const goodDirs = { "/sys/class/misc": ["kvm", "rtc"], "/usr/lib/binnacle": ["agent.js", "node", "role.js", "tui.js"] };
const goodCommands: [string, Partial<RunResult>][] = [
  ["df ", { stdout: "     Avail\n50000000000\n" }],
  [
    "systemctl show --property=Id,LoadState",
    { stdout: "Id=libvirtd.service\nLoadState=loaded\n\nId=virtqemud.service\nLoadState=not-found\n" },
  ],
  ["systemctl is-active", { code: 3 }],
  ["systemd-detect-virt", { code: 1, stdout: "none\n" }],
  ["qemu-system-x86_64 --version", { stdout: "QEMU emulator version 10.0.2\nCopyright\n" }],
  ["", {}],
];

/** A recorded server, the lines that are shown while its role is installed, and the commands that were run. */
export function bed(situation: Situation = {}) {
  const recorded: Recording = recording.parse({
    now,
    files: { ...goodFiles, ...situation.files },
    dirs: { ...goodDirs, ...situation.dirs },
    commands: {},
  });
  const ran: string[] = [];
  const answers = [...(situation.commands ?? []), ...goodCommands];
  const machine: Machine = {
    ...fixtureMachine(recorded),
    async run(command, args) {
      const line = [command, ...args].join(" ");
      ran.push(line);
      const found = answers.find(([start]) => line.startsWith(start))?.[1];
      return { code: 0, stdout: "", stderr: "", ...found };
    },
  };
  const world: RoleWorld = {
    machine,
    paths: rolePaths(),
    async write(file, text) {
      recorded.files[file] = text;
    },
    ensureIdentity: async () => [],
    ensureCertificates: async () => undefined,
    agentAnswers: async () => true,
    managerAnswers: async () => true,
    ...situation.world,
  };
  let shown = "";
  const events = roleLines((text) => {
    shown += text;
  });
  return { world, ran, events, recorded, shown: () => shown };
}

/** The record of an installation in a folder of its own, with every text that was put on the disk. */
export async function recordIn(folder: string) {
  const written: string[] = [];
  const file = `${folder}/role.json`;
  const { writeDurably } = await import("../../../../core/node/durable.ts");
  const record = await openRoleRecord(file, {
    write: async (to, text) => {
      written.push(text);
      await writeDurably(to, text);
    },
  });
  return { record, written, file };
}
