import type { Facts } from "../../model/facts.ts";
import type { NetworkActivity } from "../../model/network/cut-offs.ts";
import { valueOf } from "../../model/reading.ts";
import type { Machine } from "../machine.ts";

/** What a change of the network may interrupt, as far as the node knows it. */
export async function networkActivity(machine: Machine, facts: Facts): Promise<NetworkActivity> {
  const network = valueOf(facts.network);
  const management = network?.links.find((link) => link.management);
  const [sessions, mounts] = await Promise.all([sshSessions(machine), networkMounts(machine)]);
  return {
    managementAddresses: management?.addresses.map(({ address }) => address) ?? [],
    managementLink: management?.name ?? null,
    sessions,
    // No migration begins but through a manager, and this node's libvirt has no list of them.
    runningMigrations: 0,
    storageMounts: mounts,
    runningVirtualMachines: valueOf(facts.virtualMachines)?.running ?? 0,
  };
}

/** Established connections to this node's SSH port, by the address of this node that they came in over. */
async function sshSessions(machine: Machine): Promise<NetworkActivity["sessions"]> {
  const args = ["-H", "-t", "-n", "state", "established", "sport", "=", ":22"];
  const run = machine.run("ss", args, { timeoutMs: 2000, reason: "look for SSH sessions" });
  const text = await run.then(
    ({ stdout }) => stdout,
    () => "",
  );
  const addresses = text.split("\n").flatMap((line) => {
    const local = line.trim().split(/\s+/)[2];
    const address = /^\[?(.+?)(?:%\S+)?\]?:\d+$/.exec(local ?? "")?.[1];
    return address === undefined ? [] : [address];
  });
  return [...new Set(addresses)].map((address) => ({ console: "ssh", address }));
}

async function networkMounts(machine: Machine): Promise<NetworkActivity["storageMounts"]> {
  const text = await machine.readFile("/proc/mounts").catch(() => "");
  return text.split("\n").flatMap((line) => {
    const [source = "", mount = "", type = ""] = line.split(" ");
    const server = /^\[?([^/[\]]+?)\]?:\//.exec(source)?.[1];
    return /^nfs\d?$/.test(type) && server !== undefined ? [{ mount, server }] : [];
  });
}
