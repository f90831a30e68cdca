import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { EtcdCluster } from "../../core/store/etcd-cluster.ts";
import { ManagerDaemon } from "../../support/cloud/daemon.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { type Figure, figure, medianOf, spreadOf } from "../figures.ts";
import { token } from "./api.ts";
import { cloudOf, someUuids } from "./clouds.ts";
import { load } from "./load.ts";
import type { Section } from "./sections.ts";

/* Writes of a manager on etcd of three members, beside plain puts to the same etcd: its own rate, over its own gateway. */

const connections = 64;

export async function etcdFigures({ through, isQuick }: Section): Promise<Figure[]> {
  const etcd = await EtcdCluster.start({ through });
  const folder = temporaryFolder();
  const size = isQuick ? { machines: 500, hosts: 50 } : { machines: 10_000, hosts: 1_000 };
  const settings = { "store.type": "etcd", "store.etcd.endpoints": etcd.endpoints.join(",") };
  const daemon = await ManagerDaemon.prepare({ folder: folder.path, hostPort: 7070, settings, through });
  try {
    await filled(etcd.endpoints, size, through);
    await daemon.start();
    const door = daemon.client();
    await door.call("UpdateGlobalConfig", { category: "host", name: "ping.interval", value: "3600" });
    const machines = someUuids(cloudOf(size), "VmInstance", 1000);
    const ms = isQuick ? 500 : 4000;
    const common = { connections, warmUpMs: isQuick ? 200 : 1000, ms, statuses: [200] };
    const authorization = `Bearer ${await token(door)}`;
    door.close();
    const [first = ""] = etcd.endpoints;
    // A record of a machine has so many bytes.
    const value = Buffer.alloc(800, "x").toString("base64");
    const key = Buffer.from("/bench/%n").toString("base64");
    const [ours, plain]: [number[], number[]] = [[], []];
    for (let round = 0; round < (isQuick ? 1 : 3); round++) {
      const put = await load(
        {
          ...common,
          to: { port: Number(new URL(first).port) },
          isTls: false,
          headers: {},
          method: "POST",
          paths: ["/v3/kv/put"],
          body: JSON.stringify({ key, value }),
        },
        through,
      );
      plain.push(put.perSecond);
      const change = await load(
        {
          ...common,
          to: { port: daemon.apiPort },
          isTls: true,
          headers: { authorization },
          method: "PUT",
          paths: machines.map((uuid) => `/v1/vm-instances/${uuid}`),
          body: '{"description":"changed %n"}',
        },
        through,
      );
      ours.push(change.perSecond);
    }
    const [rate, reference] = [medianOf(ours), medianOf(plain)];
    const note = `${size.machines} machines; each call writes its change, and then its record of the audit`;
    return [
      figure("writes.etcd.perSecond", rate, "calls/s", {
        reference: { name: "plain puts to one member over its gateway", value: reference },
        spread: spreadOf(ours),
        note,
      }),
      figure("writes.etcd.shareOfEtcd", (100 * rate) / reference, "%", { goal: ">= 60" }),
      figure("writes.etcd.transactionsShareOfEtcd", (200 * rate) / reference, "%", {
        note: "with the two transactions of each call counted",
      }),
    ];
  } finally {
    await daemon.kill();
    await etcd.stop();
    folder.dispose();
  }
}

/** By a process in the network of etcd. */
async function filled(endpoints: readonly string[], size: object, through: readonly string[]): Promise<void> {
  const child = join(import.meta.dirname, "fill-etcd.ts");
  const [program = "", ...args] = [...through, process.execPath, child, JSON.stringify(size), ...endpoints];
  const [code] = await once(spawn(program, args, { stdio: ["ignore", "inherit", "inherit"] }), "close");
  if (code !== 0) throw new Error(`etcd was not filled: ${String(code)}`);
}
