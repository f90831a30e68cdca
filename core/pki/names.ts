import type { X509Certificate } from "node:crypto";

/* What a certificate of the cloud says of whom it was given to. Only the authority can write it. */

/** Marks the certificate of a manager, in its subject: no host is given one. */
export const managerUnit = "Manager";

export function namesManager(certificate: X509Certificate): boolean {
  return certificate.subject === `O=Binnacle\nOU=${managerUnit}\nCN=manager`;
}

/** Whether it is that of this host and of nothing else. */
export function namesHost(certificate: X509Certificate, hostUuid: string): boolean {
  return certificate.subject === `O=Binnacle\nCN=${hostUuid}`;
}

/** The host that it is the certificate of; undefined for any other. */
export function hostUuidOf(certificate: X509Certificate): string | undefined {
  const uuid = /^O=Binnacle\nCN=([\da-f]{32})$/.exec(certificate.subject)?.[1];
  return uuid !== undefined && namesHost(certificate, uuid) ? uuid : undefined;
}
