import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { NodeError } from "../model/error.ts";
import { ensureAuthority, ensureKey, type Files, parseCertificate, textOf } from "./files.ts";
import { fingerprintOf, isDue, longestLifeDays } from "./fingerprint.ts";
import { managerUnit } from "./names.ts";
import { always, issueCertificate, opensslTime, type Subject } from "./openssl.ts";

/** What one end of the channel shows, and whom it trusts; all as PEM. */
export type Credentials = { readonly key: string; readonly certificate: string; readonly authority: string };

export type AuthorityOptions = Files & {
  /** Where ca.key and ca.crt lie, made when absent; manager.key and manager.crt are put beside them. */
  folder: string;
  /** Milliseconds since the epoch. */
  now: () => number;
};

const dayMs = 86_400_000;
/** A standby manager's clock may be behind. */
const beforeMs = 2 * dayMs;

/** The authority of a cloud, on the manager's side: it gives hosts their certificates, and the manager its own. */
export class Authority {
  readonly #options: AuthorityOptions;
  /** As PEM. */
  readonly certificate: string;
  readonly fingerprint: string;
  #manager: Promise<Credentials> | undefined;

  private constructor(options: AuthorityOptions, certificate: string) {
    this.#options = options;
    this.certificate = certificate;
    this.fingerprint = fingerprintOf(certificate);
  }

  /** @throws NodeError CERT.OTHER_CLOUD, CERT.KEY_DAMAGED, CERT.DAMAGED, CERT.OPENSSL */
  static async open(options: AuthorityOptions): Promise<Authority> {
    await mkdir(options.folder, { recursive: true, mode: 0o755 });
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
      made = await this.#issue({ request }, { name: hostUuid }, usage, opensslTime(this.#options.now() - beforeMs));
    } catch (error) {
      throw badRequest(error);
    }
    const key = parseCertificate(made)?.publicKey;
    if (key?.asymmetricKeyDetails?.namedCurve !== "prime256v1") throw badRequest();
    return made;
  }

  /** What the manager shows to hosts; made anew when a third of its life is left. The same object until then. */
  async manager(): Promise<Credentials> {
    const present = await this.#manager?.catch(() => undefined);
    if (present !== undefined && !isDue(present.certificate, this.#options.now())) return present;
    this.#manager = this.#openManager();
    return this.#manager;
  }

  async #openManager(): Promise<Credentials> {
    const { folder } = this.#options;
    const [keyFile, file] = [join(folder, "manager.key"), join(folder, "manager.crt")];
    const keyObject = await ensureKey(this.#options, keyFile);
    const key = keyObject.export({ type: "pkcs8", format: "pem" }).toString();
    const text = await textOf(this.#options, file);
    const found = text === undefined ? undefined : parseCertificate(text);
    const authority = parseCertificate(this.certificate);
    const isGood =
      found?.checkPrivateKey(keyObject) === true &&
      authority !== undefined &&
      found.verify(authority.publicKey) &&
      !isDue(found.toString(), this.#options.now());
    if (isGood) return { key, certificate: found.toString(), authority: this.certificate };
    const usage = ["extendedKeyUsage = clientAuth"];
    // Hosts look at it with their own clocks: one that has lost its time must still be reached.
    const certificate = await this.#issue({ key: keyFile }, { name: "manager", unit: managerUnit }, usage, always.from);
    await this.#options.write(file, certificate, 0o644);
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

function badRequest(cause?: unknown): NodeError {
  return new NodeError("CERT.BAD_REQUEST", "The host's request for a certificate can't be granted.", {
    remedy: "Its agent may be of another release: upgrade the host, and try again.",
    ...(cause === undefined ? {} : { cause }),
  });
}
