import type { NetworkInterfaceInfo } from "node:os";
import type { TlsOptions } from "node:tls";
import { addressKind, hostnameProblem, parseAddress } from "../model/address.ts";
import type { Credentials } from "../pki/authority.ts";

/** More addresses than that are of no use to anybody; the management address comes first. */
const mostAddresses = 100;

export type Surroundings = {
  hostname: string;
  interfaces: Readonly<Record<string, readonly Pick<NetworkInterfaceInfo, "address">[] | undefined>>;
  /** The configured one, which may be on another machine at present; empty when none is. */
  managementIp: string;
};

/**
 * The names and addresses by which clients may reach a manager, as `Authority.server` takes them. An address that holds
 * on one link only is none of them, nor is a host name that no certificate may carry.
 */
export function serverNames({ hostname, interfaces, managementIp }: Surroundings): string[] {
  const present = Object.values(interfaces).flatMap((all = []) => all.map(({ address }) => address));
  const reachable = present.filter((text) => {
    const address = parseAddress(text);
    return address !== undefined && !["loopback", "link-local"].includes(addressKind(address));
  });
  const addresses = [...(managementIp === "" ? [] : [managementIp]), ...reachable.sort()];
  return [
    ...new Set([
      "DNS:localhost",
      ...(hostnameProblem(hostname) === undefined ? [`DNS:${hostname}`] : []),
      ...["IP:127.0.0.1", "IP:::1"],
      ...addresses.slice(0, mostAddresses).map((address) => `IP:${address}`),
    ]),
  ];
}

export type CertificateOptions = {
  server: (names: readonly string[]) => Promise<Credentials>;
  names: () => readonly string[];
  /** How often it is looked whether the names have changed. */
  everyMs: number;
  onError: (error: unknown) => void;
};

/** What the API shows, kept right while this machine's names and addresses change. */
export class ServerCertificate {
  readonly #options: CertificateOptions;
  readonly #followers = new Set<() => void>();
  #credentials: Credentials;
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: CertificateOptions, credentials: Credentials) {
    this.#options = options;
    this.#credentials = credentials;
  }

  /** @throws NodeError CERT.… */
  static async open(options: CertificateOptions): Promise<ServerCertificate> {
    return new ServerCertificate(options, await options.server(options.names()));
  }

  get tls(): { key: string; cert: string } {
    return { key: this.#credentials.key, cert: this.#credentials.certificate };
  }

  /**
   * Gives a server what it shows to new connections, whenever that has changed; those that are open stay.
   * @returns what ends that
   */
  follow(server: { setSecureContext(options: TlsOptions): void }, tls: TlsOptions): () => void {
    const follower = () => server.setSecureContext({ ...tls, ...this.tls });
    this.#followers.add(follower);
    if (this.#timer === undefined) this.#begin();
    return () => this.#followers.delete(follower);
  }

  #begin(): void {
    const look = async () => {
      try {
        const { names, server: issue } = this.#options;
        const found = await issue(names());
        if (found.certificate !== this.#credentials.certificate) {
          this.#credentials = found;
          for (const follower of this.#followers) follower();
        }
      } catch (error) {
        this.#options.onError(error);
      }
      this.#timer?.refresh();
    };
    this.#timer = setTimeout(() => void look(), this.#options.everyMs).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#followers.clear();
  }
}
