import { join } from "node:path";
import type { TestContext } from "node:test";
import type { HostFirewall } from "../../../core/hypervisor/firewall.ts";
import { HostNetworks } from "../../../core/hypervisor/libvirt/host-networks.ts";
import { cardName } from "../../../core/hypervisor/libvirt/network/links.ts";
import type { NicSpec } from "../../../core/hypervisor/nic-spec.ts";
import { nicOf, uuidOf } from "../../core/hypervisor/conformance.ts";
import { temporaryFolder } from "../programs.ts";
import { undoAfter } from "../undo.ts";
import { Ear } from "./frames.ts";
import { Computer, type Guest } from "./wire.ts";

/* Guests on bridges of an agent's own making, for frames that are made by hand. */

export const gateway = "10.0.0.1";

export function card(n: number, more: Partial<NicSpec> = {}): NicSpec {
  return nicOf(n, { address: { ip: `10.0.0.${n}`, prefixLen: 24, gateway }, ...more });
}

/**
 * A host whose eth0 leads to a wire, and an agent that knows which machines run. `lacks`: what its kernel takes in no rule,
 * as one that does not know it.
 */
export async function networkBed(t: TestContext, { lacks }: { lacks?: string } = {}) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const start = async (name: string) => {
    const computer = new Computer(join(folder.path, name), name);
    undoAfter(t, () => computer.cutPower());
    await computer.start();
    return computer;
  };
  const [wire, host] = [await start("wire"), await start("host")];
  await wire.bridge("sw0");
  await wire.cable("port1", "sw0", host, "eth0");
  const on = new Set<string>();
  const { machine } = host;
  const refused = { code: 1, stdout: "", stderr: "Error: Could not process rule: No such file or directory" };
  const run: typeof machine.run = async (command, args, options) =>
    lacks !== undefined && options.input?.includes(lacks) ? refused : machine.run(command, args, options);
  const agent = () => new HostNetworks({ machine: { ...machine, run }, folder: join(host.folder, "networks") });
  let networks = agent();
  return {
    wire,
    host,
    on,
    ear: async (computer: Computer, name: string, space?: string) => {
      const ear = await Ear.at(computer, name, space);
      undoAfter(t, () => ear.close());
      return ear;
    },
    /** `first`: what its guest does at once. `port`: as a former version's libvirt has named it. */
    start: (n: number, nic: NicSpec, first?: (guest: Guest) => Promise<void>, port = cardName(nic.mac)) =>
      networks.starting(uuidOf(n), [nic], async (bridges) => {
        on.add(uuidOf(n));
        const guest = await host.guest(port, bridges.get(0) ?? "", nic.mac);
        await first?.(guest);
        return guest;
      }),
    setFirewall: (firewall: HostFirewall) => networks.setFirewall({ do: "setFirewall", revision: 1, firewall }),
    settle: () => networks.settle(async () => [...on].map((uuid) => ({ uuid, state: "running" as const }))),
    restart: () => {
      networks = agent();
    },
  };
}
