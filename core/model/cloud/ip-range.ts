import {
  type Address,
  addressKind,
  formatAddress,
  formatNetwork,
  isInNetwork,
  longestPrefix,
  parseAddress,
  roleInNetwork,
} from "../address.ts";
import { listed, quoted } from "../quote.ts";
import { done, type Outcome, type Refusal, refusalOf, refuse } from "./refusal.ts";

/* Addresses of a network and who may have them. Values are big integers: an IPv6 range has more than a number holds. */

export type RangeText = { startIp: string; endIp: string; prefixLen: number; gateway: string | null };
export type Range = { start: Address; end: Address; prefix: number; gateway: Address | null };

/** Nobody needs more in one range, and lists of what is used stay readable. */
const mostAddresses = 2n ** 24n;

/** A range from its texts, or everything that is wrong with it. Code: NETWORK.1001. */
export function parseRange(text: RangeText): { range: Range } | { refusals: Refusal[] } {
  const start = parseAddress(text.startIp);
  const end = parseAddress(text.endIp);
  const gateway = text.gateway === null ? null : parseAddress(text.gateway);
  const unread = [
    ...(start === undefined ? [unreadable("startIp", text.startIp)] : []),
    ...(end === undefined ? [unreadable("endIp", text.endIp)] : []),
    ...(gateway === undefined ? [unreadable("gateway", text.gateway ?? "")] : []),
  ];
  if (start === undefined || end === undefined || gateway === undefined) return { refusals: unread };
  const range = { start, end, prefix: text.prefixLen, gateway };
  const refusals = rangeRefusals(range);
  return refusals.length === 0 ? { range } : { refusals };
}

function wrong(where: string, details: string, remedy: string): Refusal {
  return refusalOf("NETWORK.1001", { where, details, remedy });
}

function unreadable(where: string, given: string): Refusal {
  return wrong(where, `${quoted(given)} is not an address.`, "Give one such as 192.168.1.10.");
}

function rangeRefusals({ start, end, prefix, gateway }: Range): Refusal[] {
  const longest = longestPrefix(start.family);
  if (!Number.isInteger(prefix) || prefix < 1 || prefix > longest)
    return [wrong("prefixLen", `${prefix} can't be the length of a prefix.`, `Give a number from 1 to ${longest}.`)];
  const network = formatNetwork(start, prefix);
  const inside = "Give an address of the same network.";
  if (!isInNetwork(end, start, prefix))
    return [wrong("endIp", `${formatAddress(end)} is not in ${network}, the network of the first address.`, inside)];
  const refusals: Refusal[] = [];
  if (end.value < start.value) refusals.push(wrong("endIp", "It is before the first address.", "Exchange the two."));
  else if (end.value - start.value >= mostAddresses)
    refusals.push(wrong("endIp", `The range has more than ${mostAddresses} addresses.`, "Give a smaller one."));
  for (const [where, address] of [
    ["startIp", start],
    ["endIp", end],
  ] as const)
    if (!isForMachines(address, prefix)) {
      const remedy = "Leave out the addresses of the network itself and of its broadcast.";
      refusals.push(wrong(where, `${formatAddress(address)} can't be given to a machine.`, remedy));
    }
  if (gateway !== null && !isInNetwork(gateway, start, prefix))
    refusals.push(wrong("gateway", `${formatAddress(gateway)} is not in ${network}.`, inside));
  else if (gateway !== null && gateway.value >= start.value && gateway.value <= end.value)
    refusals.push(
      wrong("gateway", "It is inside the range, and would be given to a machine.", "Leave it out of the range."),
    );
  return refusals;
}

function isForMachines(address: Address, prefix: number): boolean {
  return addressKind(address) === "host" && roleInNetwork(address, prefix) === "host";
}

export function sizeOf({ start, end }: Range): bigint {
  return end.value - start.value + 1n;
}

function isIn({ start, end }: Range, address: Address): boolean {
  return address.family === start.family && address.value >= start.value && address.value <= end.value;
}

/** Why a further range can't stand beside the others of its network. Codes: NETWORK.1001, NETWORK.1002. */
export function furtherRangeRefusal(range: Range, others: readonly Range[]): Refusal | undefined {
  for (const other of others) {
    const span = `${formatAddress(other.start)} to ${formatAddress(other.end)}`;
    if (other.start.family !== range.start.family)
      return wrong("startIp", "The network has addresses of the other family.", "Give a range of the same family.");
    if (range.start.value <= other.end.value && other.start.value <= range.end.value) {
      const details = `Some of its addresses are in ${span}.`;
      return refusalOf("NETWORK.1002", { where: "startIp", details, remedy: "Give addresses outside of it." });
    }
    const isGateway = (gateway: Address | null, of: Range) => gateway !== null && isIn(of, gateway);
    if (isGateway(other.gateway, range) || isGateway(range.gateway, other))
      return wrong("gateway", `The gateway of one range is inside the other, ${span}.`, "Leave it out of the range.");
  }
}

/** A range with addresses in use can't be removed. `used`: all addresses of the network's cards. Code: NETWORK.1003. */
export function removeRange(range: Range, used: readonly Address[]): Outcome<null> {
  const inUse = used.filter((address) => isIn(range, address)).map(formatAddress);
  if (inUse.length === 0) return done(null);
  return refuse("NETWORK.1003", {
    where: "IpRange",
    details: `${listed(inUse)} ${inUse.length === 1 ? "is" : "are"} in use.`,
    remedy: "Detach those network cards, or give them other addresses, first.",
    values: { used: inUse.length },
  });
}

/** How many addresses a network has, and how many of them are free. */
export function addressCount(ranges: readonly Range[], used: readonly Address[]): { total: bigint; free: bigint } {
  const total = ranges.reduce((sum, range) => sum + sizeOf(range), 0n);
  const taken = new Set(
    used.filter((address) => ranges.some((range) => isIn(range, address))).map(({ value }) => value),
  );
  return { total, free: total - BigInt(taken.size) };
}

/**
 * The lowest free address at or after `from`, then from the beginning: an address that has just become free is not
 * given to the next one at once, when `from` is the one after the last given. Code: NETWORK.1004.
 */
export function allocate(ranges: readonly Range[], used: readonly Address[], from?: Address): Outcome<Address> {
  const free = nextFree(ranges, new Set(used.map(({ value }) => value)), from?.value);
  if (free !== undefined) return done(free);
  const { total } = addressCount(ranges, used);
  return refuse("NETWORK.1004", {
    where: "L3Network",
    details: total === 0n ? "It has no address range." : `All of its ${total} addresses are in use.`,
    remedy: "Add a range, or free addresses by deleting network cards.",
    values: { total: Number(total) },
  });
}

/** The same for who gives many, one after the other, and keeps the values that are taken. */
export function nextFree(ranges: readonly Range[], taken: ReadonlySet<bigint>, from?: bigint): Address | undefined {
  const ordered = ranges.toSorted((a, b) => (a.start.value < b.start.value ? -1 : 1));
  const lowest = ordered[0]?.start.value ?? 0n;
  for (const least of from === undefined ? [lowest] : [from, lowest])
    for (const { start, end } of ordered)
      for (let value = least > start.value ? least : start.value; value <= end.value; value++)
        if (!taken.has(value)) return { family: start.family, value };
  return undefined;
}

/** The highest free one: those that people count from the other end stay theirs. */
export function lastFree(ranges: readonly Range[], taken: ReadonlySet<bigint>): Address | undefined {
  for (const { start, end } of ranges.toSorted((a, b) => (a.start.value < b.start.value ? 1 : -1)))
    for (let value = end.value; value >= start.value; value--)
      if (!taken.has(value)) return { family: start.family, value };
  return undefined;
}

/** An address that somebody asks for. Codes: NETWORK.1004, NETWORK.1005. */
export function claim(ranges: readonly Range[], used: readonly Address[], given: string): Outcome<Address> {
  const refused = (details: string, remedy: string) => refuse("NETWORK.1005", { where: "ip", details, remedy });
  const address = parseAddress(given);
  if (address === undefined) return refused(`${quoted(given)} is not an address.`, "Give one such as 192.168.1.10.");
  const text = formatAddress(address);
  if (!ranges.some((range) => isIn(range, address)))
    return refused(`${text} is in no range of the network.`, "Give an address of a range, or add one with it.");
  if (used.some(({ family, value }) => family === address.family && value === address.value))
    return refused(`${text} is in use.`, "Give another one, or leave it out to get a free one.");
  return done(address);
}
