import type { Secret } from "../../model/secret.ts";
import type { HostAddress, HostReport } from "../../orchestrator/host-link.ts";
import type { Authority } from "../../pki/authority.ts";
import { fingerprintOf } from "../../pki/fingerprint.ts";
import { joinHost, shownFingerprint } from "./join.ts";
import type { HostPatience, HttpsHostLink } from "./link.ts";

export type HostDoorOptions = {
  authority: Authority;
  link: HttpsHostLink;
  /** 7070 unless told. */
  port?: number | undefined;
  patience?: Partial<HostPatience> | undefined;
};

export type HostJoinRequest = {
  /** As the cloud is to know the host. */
  hostUuid: string;
  managementIp: string;
  username: string;
  password: Secret;
  /** Of the certificate that the host must show before it joins; null: whichever it shows. */
  fingerprint: string | null;
};

/** What a host shows from now on, as PEM, and its fingerprint: both are to be put on record. */
export type GivenCertificate = { certificate: string; fingerprint: string };

/** Takes hosts into the cloud, gives them new certificates, and lets them go. */
export class HttpsHostDoor {
  readonly #options: HostDoorOptions;

  constructor(options: HostDoorOptions) {
    this.#options = options;
  }

  /** @throws HOST.1010 */
  fingerprint(managementIp: string): Promise<string> {
    const { port, patience } = this.#options;
    return shownFingerprint({ address: managementIp, patience, ...(port === undefined ? {} : { port }) });
  }

  /** @throws as `joinHost` */
  join(request: HostJoinRequest, signal?: AbortSignal): Promise<GivenCertificate & { report: HostReport }> {
    const { authority, port, patience } = this.#options;
    const { managementIp: address, ...rest } = request;
    return joinHost({ ...rest, address, authority, signal, patience, ...(port === undefined ? {} : { port }) });
  }

  /**
   * A new key and certificate. The host shows either, whichever it is asked for, until the new one was asked for once:
   * so it is put on record after this, and whatever ends the manager in between, the one on record is good.
   *
   * @throws those of `HostLink`; CERT.…
   */
  async renew(host: HostAddress, signal?: AbortSignal): Promise<GivenCertificate> {
    const { authority, link } = this.#options;
    const { nonce, request } = await link.renew(host, signal);
    const certificate = await authority.signHost(request, host.uuid);
    const body = { nonce, hostUuid: host.uuid, certificate, authority: authority.certificate };
    await link.certify(host, body, signal);
    return { certificate, fingerprint: fingerprintOf(certificate) };
  }

  /** The host forgets the cloud. @throws those of `HostLink`; its certificate is to be taken off the record all the same */
  leave(host: HostAddress, signal?: AbortSignal): Promise<void> {
    return this.#options.link.leave(host, signal);
  }
}
