import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HostNetworks } from "../../../core/hypervisor/libvirt/host-networks.ts";
import { machineInside } from "../../support/hypervisor/inside.ts";
import { nicOf, uuidOf } from "./conformance.ts";

/*
 * An agent that starts and stops machines until it is killed: `networks-agent.real-child.ts PID FOLDER SEED`. A machine
 * runs when there is a file of its uuid in FOLDER/on. Says a line after everything that it has done.
 */

const [, , pid = "", folder = "", seed = ""] = process.argv;
const on = join(folder, "on");
mkdirSync(on, { recursive: true });
const networks = new HostNetworks({ machine: machineInside(() => Number(pid)), folder: join(folder, "networks") });
const running = async () => readdirSync(on).map((uuid) => ({ uuid, state: "running" as const }));

let state = Number(seed);
function chance(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

for (;;) {
  const n = 11 + chance(6);
  const uuid = uuidOf(n);
  if (readdirSync(on).includes(uuid)) {
    rmSync(join(on, uuid));
    await networks.settle(running);
  } else {
    const nics = [0, 1].map((deviceId) =>
      nicOf(2 * n + deviceId, {
        deviceId,
        segment: { physicalInterface: `eth${deviceId}`, vlan: null, mtu: 1500 },
        l3NetworkUuid: uuidOf(0xa00000000000 + 2 * chance(3) + deviceId),
        address: { ip: `10.0.${deviceId}.${n}`, prefixLen: 24, gateway: null },
        dhcpServer: { ip: `10.0.${deviceId}.250`, prefixLen: 24 },
      }),
    );
    await networks.starting(uuid, nics, async () => writeFileSync(join(on, uuid), ""));
  }
  process.stdout.write("done\n");
}
