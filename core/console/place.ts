import { addressKind, parseAddress } from "../model/address.ts";

/** What decides where the proxy is. */
export type ProxySurroundings = {
  /** The settings `consoleProxy.address` (`auto`: not set) and `consoleProxy.port`. */
  address: string;
  port: number;
  /** This manager's management address; empty when none is configured. */
  managementIp: string;
  /** What its API listens on. */
  apiAddress: string;
  /** All addresses of this machine. */
  present: readonly string[];
};

export type ProxyPlace = {
  /** Where browsers are sent. */
  hostname: string;
  port: number;
  /** What is listened on. */
  listenOn: string;
};

/**
 * Where the proxy is. An address that was set is the only one that it listens on, when this machine has it. One that
 * another machine has, such as a router that passes connections on, or another manager of the cloud, can't be listened on.
 */
export function proxyPlace({ address, port, managementIp, apiAddress, present }: ProxySurroundings): ProxyPlace {
  if (address !== "auto")
    return { hostname: address, port, listenOn: present.includes(address) ? address : apiAddress };
  const own = ["::", "0.0.0.0"].includes(apiAddress) ? undefined : apiAddress;
  const reachable = present.find((text) => {
    const parsed = parseAddress(text);
    return parsed !== undefined && addressKind(parsed) === "host";
  });
  const hostname = own ?? (managementIp === "" ? (reachable ?? "127.0.0.1") : managementIp);
  return { hostname, port, listenOn: apiAddress };
}
