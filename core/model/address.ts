/*
 * Internet addresses, networks and host names: what may be given to a machine, and why not. Every place that takes one
 * from a person (installer, answer file, network screen, commands) asks here, so that they all say the same.
 */

export type Address = { family: 4 | 6; value: bigint };

const bits = { 4: 32, 6: 128 } as const;

/**
 * The address that a text stands for; undefined for anything else. IPv4 only in its usual form: four decimal numbers,
 * none with a leading zero, which some programs take for octal. IPv6 as in RFC 4291, without a zone (`%eth0`).
 */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(":")) {
    const value = parseFour(text);
    return value === undefined ? undefined : { family: 4, value };
  }
  const value = parseSix(text);
  return value === undefined ? undefined : { family: 6, value };
}

function parseFour(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return;
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function parseSix(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return;
  const [head, tail] = halves.map((half, i) => (half === "" ? [] : groups(half, i === halves.length - 1)));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return;
  const given = head.length + (tail?.length ?? 0);
  // `::` stands for one group of zeros at least.
  if (tail === undefined ? given !== 8 : given > 7) return;
  const all = [...head, ...Array<bigint>(8 - given).fill(0n), ...(tail ?? [])];
  return all.reduce((sum, group) => (sum << 16n) | group, 0n);
}

/** Groups of 16 bits; the last two of an address may be written as an IPv4 address. */
function groups(text: string, isEnd: boolean): bigint[] | undefined {
  const parts = text.split(":");
  const values: bigint[] = [];
  for (const [i, part] of parts.entries()) {
    const four = isEnd && i === parts.length - 1 && part.includes(".") ? parseFour(part) : undefined;
    if (four !== undefined) values.push(four >> 16n, four & 0xffffn);
    else if (/^[\da-f]{1,4}$/i.test(part)) values.push(BigInt(`0x${part}`));
    else return;
  }
  return values;
}

/** The address as one writes it; IPv6 in the form of RFC 5952: lower case, the longest run of zeros shortened. */
export function formatAddress(address: Address): string {
  if (address.family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((address.value >> shift) & 255n)).join(".");
  const parts = Array.from({ length: 8 }, (_, i) => Number((address.value >> BigInt(112 - 16 * i)) & 0xffffn));
  const text = parts.map((part) => part.toString(16)).join(":");
  const runs = text.match(/(?<![\da-f])0(:0)+(?![\da-f])/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
  if (longest === "") return text;
  const at = text.search(new RegExp(`(?<![\\da-f])${longest}(?![\\da-f])`));
  return `${text.slice(0, at).replace(/:$/, "")}::${text.slice(at + longest.length).replace(/^:/, "")}`;
}

/** The length of a netmask's prefix: 24 for 255.255.255.0; undefined for what is no netmask, such as 255.0.255.0. */
export function prefixOfNetmask(netmask: string): number | undefined {
  const mask = parseFour(netmask);
  if (mask === undefined) return;
  const ones = mask.toString(2).padStart(32, "0").indexOf("0");
  const prefix = ones === -1 ? 32 : ones;
  return hostMask(4, prefix) === (~mask & 0xffffffffn) ? prefix : undefined;
}

/** Longest prefix of a family. */
export function longestPrefix(family: 4 | 6): number {
  return bits[family];
}

function hostMask(family: 4 | 6, prefix: number): bigint {
  return (1n << BigInt(bits[family] - prefix)) - 1n;
}

/** First and last address of the network that an address is in. */
export function networkRange(address: Address, prefix: number): { first: Address; last: Address } {
  const host = hostMask(address.family, prefix);
  return {
    first: { family: address.family, value: address.value & ~host },
    last: { family: address.family, value: address.value | host },
  };
}

/** The network that an address is in, as 10.0.0.0/24. */
export function formatNetwork(address: Address, prefix: number): string {
  return `${formatAddress(networkRange(address, prefix).first)}/${prefix}`;
}

export function isInNetwork(candidate: Address, address: Address, prefix: number): boolean {
  if (candidate.family !== address.family) return false;
  return networkRange(candidate, prefix).first.value === networkRange(address, prefix).first.value;
}

/**
 * What an address is for. `host`: a machine may have it. `this-network` is 0.0.0.0/8 and `::`, `reserved` 240.0.0.0/4
 * with the broadcast address, and the IPv6 forms that stand for IPv4 ones. Source: IANA's special-purpose registries.
 */
export type AddressKind = "host" | "this-network" | "loopback" | "link-local" | "multicast" | "reserved";

const kindTable: readonly [network: string, prefix: number, kind: AddressKind][] = [
  ["0.0.0.0", 8, "this-network"],
  ["127.0.0.0", 8, "loopback"],
  ["169.254.0.0", 16, "link-local"],
  ["224.0.0.0", 4, "multicast"],
  ["240.0.0.0", 4, "reserved"],
  ["::", 128, "this-network"],
  ["::1", 128, "loopback"],
  ["::ffff:0:0", 96, "reserved"],
  ["fe80::", 10, "link-local"],
  ["ff00::", 8, "multicast"],
];
const kindRanges = kindTable.flatMap(([network, prefix, kind]) => {
  const base = parseAddress(network);
  return base === undefined ? [] : [{ family: base.family, ...networkRange(base, prefix), kind }];
});

export function addressKind({ family, value }: Address): AddressKind {
  const found = kindRanges.find(
    (each) => each.family === family && value >= each.first.value && value <= each.last.value,
  );
  return found?.kind ?? "host";
}

/**
 * Whether the address names its network as a whole: `network` for the first address of an IPv4 network and the
 * routers' address of an IPv6 one (RFC 4291, 2.6.1), `broadcast` for the last of an IPv4 network. Networks of two
 * addresses (/31, RFC 3021; /127, RFC 6164) and of one have neither.
 */
export function roleInNetwork(address: Address, prefix: number): "host" | "network" | "broadcast" {
  if (prefix >= bits[address.family] - 1) return "host";
  const { first, last } = networkRange(address, prefix);
  if (address.value === first.value) return "network";
  return address.family === 4 && address.value === last.value ? "broadcast" : "host";
}

export type HostnameProblem = "empty" | "too-long" | "label-length" | "character" | "hyphen" | "number" | "localhost";

/** Linux keeps no longer host name (HOST_NAME_MAX, gethostname(2)), domain included. */
export const longestHostname = 64;
const longestLabel = 63;

/**
 * Why a text can't be a machine's host name; undefined when it can. RFC 1123, 2.1: labels of letters, digits and inner
 * hyphens. A name whose last label is a number would be taken for an address.
 */
export function hostnameProblem(name: string): HostnameProblem | undefined {
  if (name.length > longestHostname) return "too-long";
  const problem = domainProblem(name);
  if (problem !== undefined) return problem;
  const labels = name.toLowerCase().split(".");
  const isLoopback = /^localhost[46]?$/.test(labels[0] ?? "") || labels.at(-1) === "localhost";
  return isLoopback ? "localhost" : undefined;
}

/** The same for the name of another machine, such as a time server: up to 253 characters. */
export function domainProblem(name: string): HostnameProblem | undefined {
  if (name === "") return "empty";
  if (name.length > 253) return "too-long";
  if (/[^A-Za-z\d.-]/.test(name)) return "character";
  const labels = name.split(".");
  if (labels.some((label) => label === "" || label.length > longestLabel)) return "label-length";
  if (labels.some((label) => label.startsWith("-") || label.endsWith("-"))) return "hyphen";
  return /^\d+$/.test(labels.at(-1) ?? "") ? "number" : undefined;
}

/** The kernel's IFNAMSIZ without its NUL. */
export const longestInterfaceName = 15;

/** Whether a new network interface may have this name. The kernel takes more; other programs trip over it. */
export function isInterfaceName(name: string): boolean {
  return /^[A-Za-z][\w.-]*$/.test(name) && name.length <= longestInterfaceName;
}

export const vlanIds = { first: 1, last: 4094 } as const;

/** Whether a VLAN may have this id: IEEE 802.1Q keeps 0 and 4095 for itself. */
export function isVlanId(id: number): boolean {
  return Number.isInteger(id) && id >= vlanIds.first && id <= vlanIds.last;
}

/** Whether a text is a MAC address, six bytes in hexadecimal with colons. */
export function isMac(text: string): boolean {
  return /^[\da-f]{2}(:[\da-f]{2}){5}$/i.test(text);
}
