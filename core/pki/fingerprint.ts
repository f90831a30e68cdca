import { X509Certificate } from "node:crypto";

/** SHA-256 of a certificate, as PEM or as it came over the wire: 32 bytes in hexadecimal digits, colons between. */
export function fingerprintOf(certificate: string | Buffer): string {
  return new X509Certificate(certificate).fingerprint256;
}

/** How long certificates of the cloud hold; its authority's own, and that of a node without a cloud, have no end. */
export const longestLifeDays = 397;

/** From when on a third of a certificate's life is left, and it is renewed; in milliseconds since the epoch. */
export function renewalTime(certificate: string): number {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const [from, to] = [validFromDate.getTime(), validToDate.getTime()];
  return to - Math.min(to - from, longestLifeDays * 86_400_000) / 3;
}
