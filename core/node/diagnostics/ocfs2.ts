import { readIfThere, readOrNothing } from "../machine.ts";
import { type CheckContext, defineCheck } from "./check.ts";
import { list } from "./format.ts";

const configFile = "/etc/ocfs2/cluster.conf";

/** The OCFS2 cluster of a storage node: its stack, this node's place in it, heartbeat, and the other nodes. */
export const ocfs2Check = defineCheck({
  id: "ocfs2",
  area: "storage",
  name: "OCFS2",
  codes: [
    "OCFS2.OK",
    "OCFS2.NO_CONFIG",
    "OCFS2.NOT_LISTED",
    "OCFS2.OFFLINE",
    "OCFS2.NOT_MOUNTED",
    "OCFS2.NO_HEARTBEAT",
    "OCFS2.NODE_LOST",
  ],
  async run(context) {
    if (context.role !== "storage") return [];
    const { machine } = context;
    const { cluster, nodes } = parseClusterConf((await readIfThere(machine, configFile)) ?? "");
    if (cluster === undefined || nodes.length === 0)
      return [{ outcome: "failed", code: "OCFS2.NO_CONFIG", values: { file: configFile } }];
    const { hostname } = context.fact("identity");
    const own = nodes.find(({ name }) => name === hostname || name === hostname.split(".")[0]);
    const values = { cluster, host: hostname, nodes: list(nodes.map(({ name }) => name)) };
    if (own === undefined) return [{ outcome: "failed", code: "OCFS2.NOT_LISTED", values }];
    const folder = `/sys/kernel/config/cluster/${cluster}`;
    const registered = await machine.readDir(`${folder}/node`).catch((): string[] => []);
    if (!registered.includes(own.name)) return [{ outcome: "failed", code: "OCFS2.OFFLINE", values }];
    const mounts = (await machine.readFile("/proc/mounts")).split("\n").filter((line) => / ocfs2 /.test(line));
    if (mounts.length === 0) return [{ outcome: "warning", code: "OCFS2.NOT_MOUNTED", values }];
    // A region of the heartbeat is a folder named by the volume's UUID, beside files of settings.
    const regions = (await machine.readDir(`${folder}/heartbeat`).catch(() => [])).filter((name) =>
      /^[0-9A-F]{32}$/i.test(name),
    );
    if (regions.length === 0) return [{ outcome: "failed", code: "OCFS2.NO_HEARTBEAT", values }];
    const lost = await lostNodes(context, nodes);
    if (lost.length > 0)
      return [{ outcome: "failed", code: "OCFS2.NODE_LOST", values: { ...values, lost: list(lost) } }];
    return [{ outcome: "passed", code: "OCFS2.OK", values }];
  },
});

type Node = { name: string; number: number };

/** Stanzas `cluster:` and `node:` with indented `key = value` lines. Source: ocfs2.cluster.conf(5). */
export function parseClusterConf(text: string): { cluster: string | undefined; nodes: Node[] } {
  let cluster: string | undefined;
  const nodes: Node[] = [];
  for (const stanza of text.split(/\n(?=\S)/)) {
    const kind = /^(\w+):/.exec(stanza.trimStart())?.[1];
    const value = (key: string) => new RegExp(`^\\s+${key}\\s*=\\s*(\\S+)`, "m").exec(stanza)?.[1];
    const name = value("name");
    if (name === undefined) continue;
    if (kind === "cluster") cluster ??= name;
    if (kind === "node") nodes.push({ name, number: Number(value("number") ?? Number.NaN) });
  }
  return { cluster, nodes };
}

/** Nodes that no longer write their heartbeat; none when the kernel does not tell. Source: fs/ocfs2/cluster/heartbeat.c. */
async function lostNodes({ machine }: CheckContext, nodes: readonly Node[]): Promise<string[]> {
  const text = await readOrNothing(machine, "/sys/kernel/debug/o2hb/livenodes");
  if (text === undefined || text === "") return [];
  const live = new Set(text.split(/\s+/).map(Number));
  return nodes.filter(({ number }) => !live.has(number)).map(({ name }) => name);
}
