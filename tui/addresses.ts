import { formatAddress, longestPrefix, parseAddress, prefixOfNetmask } from "../core/model/address.ts";

export type AddressAndPrefix = { address: string; prefix: number };

/** `192.0.2.10/24`, `192.0.2.10/255.255.255.0`, the same with a blank, `2001:db8::10/64`; undefined for anything else. */
export function parseAddressAndPrefix(text: string, family: 4 | 6): AddressAndPrefix | undefined {
  const [given = "", length = "", ...more] = text.trim().split(/\s*\/\s*|\s+/);
  const address = parseAddress(given);
  if (address?.family !== family || length === "" || more.length > 0) return undefined;
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : family === 4 ? prefixOfNetmask(length) : undefined;
  if (prefix === undefined || prefix < 1 || prefix > longestPrefix(family)) return undefined;
  return { address: formatAddress(address), prefix };
}

/** Words between blanks and commas. */
export function wordsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}
