import * as z from "zod/mini";
import { parseAddress } from "./address.ts";

/** Where browsers reach the console proxy of this cloud. */
export const consoleProxy = z.object({
  address: z.string().check(z.refine((text) => parseAddress(text) !== undefined)),
  port: z.int().check(z.minimum(1024), z.maximum(65_535)),
});
export type ConsoleProxy = z.infer<typeof consoleProxy>;

/** TCP port of the console proxy unless another one is set. Source: management.md, "Ports". */
export const consoleProxyPort = 4900;

/** What is set, or else what holds until somebody sets something: the management address, where there is one. */
export const consoleProxyState = z.object({
  isSet: z.boolean(),
  address: z.nullable(z.string()),
  port: z.number(),
  /** Whether the manager has these values, or has none to have; false: it gets them when it answers. */
  handedOver: z.boolean(),
  /** Of the manager, which has the proxy in it. `stopped`: it takes a change at its start. `absent`: not on this node. */
  unit: z.enum(["running", "stopped", "absent", "unknown"]),
});
export type ConsoleProxyState = z.infer<typeof consoleProxyState>;

export type ConsoleProxyProblem = "PROXY.EMPTY" | "PROXY.ADDRESS" | "PROXY.PORT";

/**
 * What is wrong with two entries; of two empty ones the first is enough to know. An entry that is empty while the other
 * is not leaves its value as it is. Source: console.md, item 6.
 */
export function consoleProxyProblem(address: string, port: string): ConsoleProxyProblem | undefined {
  if (address === "" && port === "") return "PROXY.EMPTY";
  if (address !== "" && parseAddress(address) === undefined) return "PROXY.ADDRESS";
  return port === "" || isPort(port) ? undefined : "PROXY.PORT";
}

function isPort(text: string): boolean {
  return /^[1-9]\d{3,4}$/.test(text) && Number(text) >= 1024 && Number(text) <= 65_535;
}
