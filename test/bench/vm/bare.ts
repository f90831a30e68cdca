import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MachineSpec } from "../../../core/hypervisor/driver.ts";
import { domainXml } from "../../../core/hypervisor/libvirt/domain-xml.ts";
import type { BenchHost, VmBed } from "./bed.ts";
import { machineSize } from "./bed.ts";

/*
 * The same by qemu-img and virsh alone: one command after the other by a shell of the host, which takes the time itself.
 * The domain is what ours would be.
 */

export type BareMachine = { uuid: string; host: BenchHost };

/** Beside ours, and not a machine of ours: nothing of the product sees it. */
const prefix = "bare-";

export class Bare {
  readonly #bed: VmBed;
  readonly #backing: string;
  readonly #bridges: ReadonlyMap<number, string>;
  readonly #folder: { there: string; here: string };

  /** @param bridge of the machines' cards, which is there while a machine of ours has a card on it */
  constructor(bed: VmBed, bridge: string | null) {
    const { there, here } = bed.storage;
    this.#bed = bed;
    this.#bridges = new Map(bridge === null ? [] : [[0, bridge]]);
    this.#folder = { there: join(there, "bare"), here: join(here, "bare") };
    mkdirSync(this.#folder.here, { recursive: true, mode: 0o755 });
    const [image = ""] = readdirSync(join(here, "imagecache")).filter((name) => name.endsWith(".raw"));
    this.#backing = join(there, "imagecache", image);
  }

  /** Prepares what a machine is made of: the file that virsh reads. */
  prepare(host: BenchHost): BareMachine {
    const uuid = randomUUID().replaceAll("-", "");
    const xml = domainXml(this.#spec(uuid), { hasKvm: false, bridges: this.#bridges });
    const named = xml.replace(`<name>${uuid}</name>`, `<name>${prefix}${uuid}</name>`);
    writeFileSync(join(this.#folder.here, `${uuid}.xml`), named);
    return { uuid, host };
  }

  /** Creates and starts it. @returns milliseconds */
  create({ uuid, host }: BareMachine): Promise<number> {
    return timed(host, this.#creating(uuid));
  }

  /** All of them at the same time on one host. @returns milliseconds until the last one has started */
  createAll(host: BenchHost, machines: readonly BareMachine[]): Promise<number> {
    const each = machines.map(({ uuid }) => `{ ${this.#creating(uuid)}; } &\npids="$pids $!"`);
    return timed(host, `pids=\n${each.join("\n")}\nfor pid in $pids; do wait "$pid"; done`);
  }

  /** @returns milliseconds */
  migrate({ uuid, host }: BareMachine, to: BenchHost): Promise<number> {
    const flags = "--live --p2p --persistent --undefinesource --unsafe --auto-converge";
    const uris = `--desturi qemu+tcp://${to.address}/system --migrateuri tcp://${to.address}`;
    return timed(host, `virsh -q migrate ${flags} ${uris} ${prefix}${uuid}`);
  }

  async remove(machines: readonly BareMachine[]): Promise<void> {
    for (const host of this.#bed.hosts) {
      const names = machines.filter((one) => one.host === host).map(({ uuid }) => `${prefix}${uuid}`);
      const commands = names.map((name) => `virsh -q destroy ${name}; virsh -q undefine ${name}`);
      if (names.length > 0) await timed(host, commands.join("\n"));
    }
    for (const { uuid } of machines)
      for (const ending of ["xml", "qcow2"]) rmSync(join(this.#folder.here, `${uuid}.${ending}`), { force: true });
  }

  /** One virsh for both of its commands. */
  #creating(uuid: string): string {
    const file = join(this.#folder.there, uuid);
    const disk = `qemu-img create -q -f qcow2 -b ${this.#backing} -F raw ${file}.qcow2 ${machineSize.rootDiskSize}`;
    return `${disk} && virsh -q "define ${file}.xml; start ${prefix}${uuid}"`;
  }

  #spec(uuid: string): MachineSpec {
    const path = join(this.#folder.there, `${uuid}.qcow2`);
    const backing = { path: this.#backing, format: "raw" } as const;
    const card = {
      mac: `fa:16:3e:${uuid.slice(0, 6).replace(/(..)(..)(..)/, "$1:$2:$3")}`,
      deviceId: 0,
      l3NetworkUuid: uuid,
      segment: { physicalInterface: "eth1", vlan: null, mtu: 1500 },
      ...{ address: null, dns: [], domain: null, hostName: "bare", isDefaultRoute: false, dhcpServer: null },
    };
    return {
      uuid,
      name: uuid,
      ...machineSize,
      disks: [{ volumeUuid: uuid, path, format: "qcow2", backing }],
      nics: this.#bridges.size === 0 ? [] : [card],
    };
  }
}

/** What a shell of the host takes for a script, without what it takes to get there. @throws when a command of it fails */
async function timed({ node, name }: BenchHost, script: string): Promise<number> {
  const whole = `set -e\nfrom=$EPOCHREALTIME\n{ ${script}\n} >&2\necho "$from $EPOCHREALTIME"`;
  const { code, stdout, stderr } = await node.run(["bash", "-c", whole]);
  if (code !== 0) throw new Error(`${name}: ${stderr}`);
  const [from = 0, until = 0] = stdout.trim().split(" ").map(Number);
  return (until - from) * 1000;
}
