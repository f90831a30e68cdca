import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import type { TestContext } from "node:test";
import type { InstallRole } from "../../../core/model/installation/draft.ts";
import { undoAfter } from "../../support/undo.ts";
import { type Network, startNetwork } from "../../support/vm/network.ts";
import type { VmOptions } from "../../support/vm/options.ts";
import { startVm, type Vm } from "../../support/vm/vm.ts";
import * as bed from "./bed.ts";
import { failures, type Machines } from "./machines.ts";
import { installUnattended, roleNames } from "./unattended.ts";

/* Several installed nodes at once, on one switch, with a disk that all of them have. */

export type Node = { readonly name: string; readonly address: string; readonly vm: Vm };
export type Nodes = {
  readonly network: Network;
  /** The node after its first boot, with a root shell. */
  install(name: string, role: InstallRole, number: number): Promise<Node>;
};

const sharedBytes = 4 * 1024 ** 3;
const subnet = "10.9.0";

/** @param files for each node's second disk, one after the other as they are: guests' images and the like */
export async function nodesOf(t: TestContext, machines: Machines, files: readonly string[] = []): Promise<Nodes> {
  const network = await startNetwork(machines.folder, "lan");
  undoAfter(t, () => network.close());
  const [shared, payload] = ["shared", "payload"].map((name) => path.join(machines.folder, `${name}.img`));
  assert.ok(shared !== undefined && payload !== undefined);
  fs.writeFileSync(shared, "");
  fs.truncateSync(shared, sharedBytes);
  fs.writeFileSync(payload, Buffer.concat([...files.map((file) => fs.readFileSync(file)), Buffer.alloc(512)]));
  const node = { driver: "raw", "node-name": "shared-node", file: { driver: "file", filename: shared } };
  const device = { driver: "virtio-blk-pci", drive: "shared-node", id: "shared", serial: "SHARED", "share-rw": true };

  const options = (name: string, number: number, more: Partial<VmOptions>): VmOptions => ({
    memoryMiB: 3072,
    ...more,
    folder: path.join(machines.folder, name),
    disks: [...(more.disks ?? []), { file: payload, id: "payload", readOnly: true }],
    // The firmware names cards by their place among all devices: it has to be the same at each start.
    extra: ["-blockdev", JSON.stringify(node), "-device", JSON.stringify(device)],
    nics: [{ id: "lan", mac: `52:54:00:10:00:0${number}`, network: { socket: network.socket } }],
  });
  return {
    network,
    async install(name, role, number) {
      const folder = path.join(machines.folder, name);
      fs.mkdirSync(folder);
      const address = `${subnet}.${number}`;
      let vm: Vm | undefined;
      undoAfter(t, () => vm?.stop());
      const start = async (more: Partial<VmOptions>) => {
        await vm?.stop();
        vm = await startVm(options(name, number, more));
        return vm;
      };
      const network = `{ hostname: ${name}, ipv4: { address: ${address}/24 } }`;
      const bench = { iso: machines.iso, folder, start };
      const { disks } = await installUnattended(bench, role, "bios", { network });
      const running = await start({ disks, startFrom: "disks" });
      await running.serial.until((text) => bed.isHome(text, roleNames[role]), bed.bootTimeoutMs);
      assert.deepEqual(failures(running), []);
      await bed.signIn(running);
      return { name, address, vm: running };
    },
  };
}
