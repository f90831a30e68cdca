import { X509Certificate } from "node:crypto";
import type { SecureContext, TLSSocket } from "node:tls";
import type { HostAddress } from "../../orchestrator/host-link.ts";
import { namesHost } from "../../pki/names.ts";
import { type HostAnswer, serverNameOf } from "./contract.ts";
import { untrusted, wrongCertificate } from "./errors.ts";
import { type Exchange, exchange } from "./exchange.ts";
import { openUnchecked } from "./open.ts";

/*
 * A host whose certificate has ended can still prove who it is: it has the key of the very certificate that the manager
 * has on record. That is enough to give it another one, and for nothing else.
 */

export type EndedHost = {
  host: HostAddress;
  /** Fingerprint of the certificate on record. */
  print: string;
  /** Of the cloud, as PEM. */
  authority: string;
  port: number;
  /** What the manager shows, and whom it trusts. */
  secureContext: SecureContext;
};

/**
 * One question of a renewal, asked only if the host shows the certificate on record, which may have ended.
 *
 * @throws HOST.1011 for any other certificate, and for this one when something else is wrong with it; as `exchange`
 */
export async function askEnded<N extends "renew" | "certify">(
  ended: EndedHost,
  asked: Omit<Exchange<N>, "address" | "connection">,
): Promise<HostAnswer<N>> {
  const { host, print, port, secureContext } = ended;
  const { managementIp: address } = host;
  const socket = await openUnchecked(address, asked.connectMs, {
    port,
    secureContext,
    servername: serverNameOf(print),
    // No host is known by a name: who it is, is looked at below.
    checkServerIdentity: () => undefined,
  });
  try {
    const problem = problemOf(socket, ended);
    if (problem !== undefined) throw problem;
    return await exchange({ ...asked, address, connection: { createConnection: () => socket, host: address } });
  } finally {
    socket.destroy();
  }
}

/**
 * Of several faults OpenSSL tells one, and the end of the certificate may be that one: what else TLS would have found is
 * looked at here once more.
 */
function problemOf(socket: TLSSocket, { host, print, authority }: EndedHost) {
  const { uuid, managementIp: address } = host;
  const shown = socket.getPeerX509Certificate();
  if (shown === undefined) return wrongCertificate(address, "It shows no certificate.");
  if (shown.fingerprint256 !== print)
    return wrongCertificate(address, `It shows ${shown.fingerprint256}; on record is ${print}.`);
  if (!namesHost(shown, uuid)) return wrongCertificate(address, "It shows the certificate of another host.");
  const issuer = new X509Certificate(authority);
  if (!shown.checkIssued(issuer) || !shown.verify(issuer.publicKey))
    return wrongCertificate(address, "Its certificate comes from another cloud.");
  const reason = socket.authorized ? "" : String(socket.authorizationError);
  if (reason === "" || reason === "CERT_HAS_EXPIRED") return undefined;
  return untrusted(address, reason) ?? wrongCertificate(address, `Its certificate is not taken (${reason}).`);
}
