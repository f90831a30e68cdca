import { formatAddress, longestPrefix, parseAddress, prefixOfNetmask } from "../core/model/address.ts";

export type AddressAndPrefix = { address: string; prefix: number };

/** `192.0.2.10/24`, `192.0.2.10/255.255.255.0`, the same with a blank, `2001:db8::10/64`; undefined for anything else. */
export function parseAddressAndPrefix(text: string, family: 4 | 6): AddressAndPrefix | undefined {
  const { given, prefix } = splitPrefix(text, family);
  const address = parseAddress(given);
  if (address?.family !== family || prefix === undefined || prefix < 1 || prefix > longestPrefix(family)) return;
  return { address: formatAddress(address), prefix };
}

/** A network written as an address may be, in the form that configurations have; what is none stays as it was typed. */
export function networkText(text: string, family: 4 | 6): string {
  const { given, prefix } = splitPrefix(text, family);
  return prefix === undefined ? text.trim() : `${given}/${prefix}`;
}

/** What stands before the length of a prefix, and that length, from a number or an IPv4 netmask. */
function splitPrefix(text: string, family: 4 | 6): { given: string; prefix: number | undefined } {
  const [given = "", length = "", ...more] = text.trim().split(/\s*\/\s*|\s+/);
  if (length === "" || more.length > 0) return { given, prefix: undefined };
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : family === 4 ? prefixOfNetmask(length) : undefined;
  return { given, prefix };
}

/** Words between blanks and commas. */
export function wordsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}
