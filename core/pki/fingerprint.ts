import { X509Certificate } from "node:crypto";

/** SHA-256 of a certificate, as PEM or as it came over the wire: 32 bytes in hexadecimal digits, colons between. */
export function fingerprintOf(certificate: string | Buffer): string {
  return new X509Certificate(certificate).fingerprint256;
}

/** How long certificates of the cloud hold; its authority's own, and that of a node without a cloud, have no end. */
export const longestLifeDays = 397;

/** Whether a third of a certificate's life, or less, is left at a time in milliseconds since the epoch. */
export function isDue(certificate: string, now: number): boolean {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const [from, to] = [validFromDate.getTime(), validToDate.getTime()];
  return to - now <= Math.min(to - from, longestLifeDays * 86_400_000) / 3;
}
