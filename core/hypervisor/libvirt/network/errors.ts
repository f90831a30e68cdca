import { NodeError } from "../../../model/error.ts";

/* Refusals of a host's networks; see the table in driver.ts. */

export function noInterface(name: string): NodeError {
  return new NodeError("HYPERVISOR.NETWORK_NO_INTERFACE", `This host has no network interface ${name}.`, {
    remedy: `Name the interface ${name} on this host (zs-change-nic -c OLD ${name}), or start the machine on another host.`,
    values: { interface: name },
  });
}

/** The one thing that must never happen: that the host is cut off by a bridge for its machines. */
export function hostAddress(name: string, addresses: readonly string[]): NodeError {
  return new NodeError(
    "HYPERVISOR.NETWORK_HOST_ADDRESS",
    `${name} has addresses of the host itself (${addresses.join(", ")}), which a bridge made now would cut off.`,
    {
      remedy: `Make the bridge on the host's console (F2, Network), or with zs-network-setting -b ${name} IP NETMASK GATEWAY: it takes the address over, and machines use it then.`,
      values: { interface: name, addresses: addresses.join(",") },
    },
  );
}

export function taken(name: string, by: string): NodeError {
  return new NodeError("HYPERVISOR.NETWORK_TAKEN", `${name} can't be given to machines: ${by}.`, {
    remedy: "Give the network another interface, such as the bond itself, or take this one out of what uses it.",
    values: { interface: name },
  });
}

export function mtuTooSmall(name: string, mtu: number, wanted: number, cause?: unknown): NodeError {
  return new NodeError(
    "HYPERVISOR.NETWORK_MTU",
    `${name} carries packets of ${mtu} bytes, and the network has such of ${wanted}.`,
    {
      remedy: "Raise its MTU on the host's console (F2, Network), or give the network a smaller one.",
      values: { interface: name, mtu, wanted },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

export function networkFailed(why: string, cause?: unknown): NodeError {
  return new NodeError("HYPERVISOR.NETWORK_FAILED", `The machine's network could not be made: ${why}`, {
    remedy: "Look at the network of the host: ip address, and the agent's log.",
    ...(cause === undefined ? {} : { cause }),
  });
}
