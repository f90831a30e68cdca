import { randomUUID, type X509Certificate } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { NodeError } from "../model/error.ts";
import { ensureAuthority, ensureKey, type Files, parseCertificate, textOf } from "./files.ts";
import { fingerprintOf, longestLifeDays, renewalTime } from "./fingerprint.ts";
import { managerUnit } from "./names.ts";
import { always, issueCertificate, opensslTime, type Subject } from "./openssl.ts";

/** What one end of the channel shows, and whom it trusts; all as PEM. */
export type Credentials = { readonly key: string; readonly certificate: string; readonly authority: string };

export type AuthorityOptions = Files & {
  /** Where ca.key and ca.crt lie, made when absent; those of the manager and of its API are put beside them. */
  folder: string;
  /** Milliseconds since the epoch. */
  now: () => number;
};

type Kept = { subject: Subject; usage: string[]; isStillRight: (found: X509Certificate) => boolean };

const dayMs = 86_400_000;

/** The authority of a cloud, on the manager's side: it gives hosts their certificates, and the manager its own. */
export class Authority {
  readonly #options: AuthorityOptions;
  /** As PEM. */
  readonly certificate: string;
  readonly fingerprint: string;
  #manager: { credentials: Credentials; goodUntil: number } | undefined;
  #opening: Promise<Credentials> | undefined;

  private constructor(options: AuthorityOptions, certificate: string) {
    this.#options = options;
    this.certificate = certificate;
    this.fingerprint = fingerprintOf(certificate);
  }

  /** @throws NodeError CERT.OTHER_CLOUD, CERT.KEY_DAMAGED, CERT.DAMAGED, CERT.OPENSSL */
  static async open(options: AuthorityOptions): Promise<Authority> {
    await mkdir(options.folder, { recursive: true, mode: 0o755 });
    await chmod(options.folder, 0o755);
    const certificate = await ensureAuthority(options, options.folder, randomUUID());
    return new Authority(options, certificate.toString());
  }

  /**
   * A certificate for a host's request, for 397 days. It names the host by its uuid and nothing else: a host that could
   * choose names would be taken for another server.
   *
   * @throws NodeError CERT.BAD_REQUEST when the request is none, or of a key that is not on P-256
   */
  async signHost(request: string, hostUuid: string): Promise<string> {
    if (!/^[\da-f]{32}$/.test(hostUuid)) throw new TypeError("a host's uuid has 32 hexadecimal digits");
    const usage = ["extendedKeyUsage = serverAuth, clientAuth", `subjectAltName = URI:urn:uuid:${hostUuid}`];
    let made: string;
    try {
      // Another manager's clock may be behind; and after this one's was years ahead, and is put right, hosts stay.
      made = await this.#issue({ request }, { name: hostUuid }, usage, always.from);
    } catch (error) {
      throw badRequest(error);
    }
    const key = parseCertificate(made)?.publicKey;
    if (key?.asymmetricKeyDetails?.namedCurve !== "prime256v1") throw badRequest();
    return made;
  }

  /** What the manager shows to hosts; made anew when a third of its life is left. The same object until then. */
  async manager(): Promise<Credentials> {
    if (this.#manager !== undefined && this.#options.now() < this.#manager.goodUntil) return this.#manager.credentials;
    this.#opening ??= this.#openManager()
      .then((credentials) => {
        this.#manager = { credentials, goodUntil: renewalTime(credentials.certificate) };
        return credentials;
      })
      .finally(() => {
        this.#opening = undefined;
      });
    return this.#opening;
  }

  /**
   * What the API shows to its clients, server.key and server.crt: with these names and addresses, made anew when they
   * have changed or a third of its life is left. The key stays, so that whoever has pinned it is not put off.
   *
   * @param names each as x509v3_config(5) writes it, `DNS:manager` or `IP:10.0.0.5`
   */
  server(names: readonly string[]): Promise<Credentials> {
    const wanted = [...new Set(names)].sort();
    return this.#kept("server", {
      subject: { name: "server", unit: "API" },
      usage: ["extendedKeyUsage = serverAuth", `subjectAltName = ${wanted.join(", ")}`],
      isStillRight: (certificate) => isSameNames(certificate, wanted),
    });
  }

  #openManager(): Promise<Credentials> {
    return this.#kept("manager", {
      subject: { name: "manager", unit: managerUnit },
      usage: ["extendedKeyUsage = clientAuth"],
      isStillRight: () => true,
    });
  }

  /** A key and its certificate in files of this name; the certificate is made where it is absent, foreign or too old. */
  async #kept(name: string, { subject, usage, isStillRight }: Kept): Promise<Credentials> {
    const { folder, write, now } = this.#options;
    const [keyFile, file] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
    const keyObject = await ensureKey(this.#options, keyFile);
    const key = keyObject.export({ type: "pkcs8", format: "pem" }).toString();
    const text = await textOf(this.#options, file);
    const found = text === undefined ? undefined : parseCertificate(text);
    const authority = parseCertificate(this.certificate);
    const isGood =
      found?.checkPrivateKey(keyObject) === true &&
      authority !== undefined &&
      found.verify(authority.publicKey) &&
      now() < renewalTime(found.toString()) &&
      isStillRight(found);
    if (isGood) return { key, certificate: found.toString(), authority: this.certificate };
    // Others look at it with their own clocks: one that has lost its time must still be reached.
    const certificate = await this.#issue({ key: keyFile }, subject, usage, always.from);
    await write(file, certificate, 0o644);
    return { key, certificate, authority: this.certificate };
  }

  #issue(of: { key: string } | { request: string }, subject: Subject, usage: string[], from: string) {
    const { folder, run, now } = this.#options;
    return issueCertificate(run, join(folder, `.work-${randomUUID()}`), {
      subject,
      extensions: ["basicConstraints = critical, CA:FALSE", "keyUsage = critical, digitalSignature", ...usage],
      of,
      signer: { key: join(folder, "ca.key"), certificate: join(folder, "ca.crt") },
      validity: { from, to: opensslTime(now() + longestLifeDays * dayMs) },
    });
  }
}

/**
 * What the manager shows to hosts, as it lies beside its authority: for root's commands on the manager's node, which need
 * no key that makes certificates. undefined where no manager has run yet.
 */
export async function readManagerCredentials(
  files: Pick<Files, "read">,
  folder: string,
): Promise<Credentials | undefined> {
  const read = (name: string) => textOf(files, join(folder, name));
  const [key, certificate, authority] = await Promise.all([read("manager.key"), read("manager.crt"), read("ca.crt")]);
  if (key === undefined || certificate === undefined || authority === undefined) return undefined;
  return { key, certificate, authority };
}

/** Node writes an address of IPv6 in full groups; so both are compared as a set of what they mean. */
function isSameNames(certificate: X509Certificate, wanted: readonly string[]): boolean {
  const shown = (certificate.subjectAltName ?? "").split(", ").filter((name) => name !== "");
  const isNamed = (name: string) =>
    name.startsWith("IP:") ? certificate.checkIP(name.slice("IP:".length)) !== undefined : shown.includes(name);
  return shown.length === wanted.length && wanted.every(isNamed);
}

function badRequest(cause?: unknown): NodeError {
  return new NodeError("CERT.BAD_REQUEST", "The host's request for a certificate can't be granted.", {
    remedy: "Its agent may be of another release: upgrade the host, and try again.",
    ...(cause === undefined ? {} : { cause }),
  });
}
