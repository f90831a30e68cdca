import { createHash, createPublicKey, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import { Attempts } from "../../api/attempts.ts";
import type { HostAnswer, HostBody } from "../../api/host/contract.ts";
import { NodeError } from "../../model/error.ts";
import { Secret } from "../../model/secret.ts";
import { parseCertificate } from "../../pki/files.ts";
import { namesHost } from "../../pki/names.ts";
import { newRequest, type Run } from "../../pki/openssl.ts";
import type { Membership } from "./membership.ts";

export type JoiningOptions = {
  membership: Membership;
  /** Whether this is root's password, as PAM says. May throw PASSWORD.… */
  checkPassword: (password: Secret) => Promise<boolean>;
  run: Run;
  /** Where keys are made: the folder of the membership. */
  folder: string;
  /** Never steps, and goes on while the node sleeps. */
  monotonicMs: () => number;
};

const attemptMs = 60_000;

type Attempt = {
  nonceHash: Buffer;
  key: string;
  /** Fingerprint of the authority of the cloud that it is for. */
  cloud: string;
  /** Begun over mutual TLS, and only to be ended so. */
  isRenewal: boolean;
  until: number;
};

/**
 * How a node comes into a cloud and gets a new certificate there: `join` or `renew` makes a key, `certify` brings its
 * certificate. Between the two there is one attempt, in memory: a later one, a restart or a minute ends it.
 */
export class Joining {
  readonly #options: JoiningOptions;
  /** Its own, apart from that of the consoles: strangers on the network must not make a technician wait. */
  readonly #attempts: Attempts;
  #attempt: Attempt | undefined;

  constructor(options: JoiningOptions) {
    this.#options = options;
    this.#attempts = new Attempts(options.monotonicMs);
  }

  /**
   * @param from the address that asks
   * @throws JOIN.OTHER_CLOUD, JOIN.NOT_ROOT, AUTH.WRONG_PASSWORD, AUTH.SLOWED, AUTH.BUSY, PASSWORD.…
   */
  async join(from: string, { username, password, cloud }: HostBody<"join">): Promise<HostAnswer<"join">> {
    this.#requireCloud(cloud);
    if (username !== "root")
      throw new NodeError("JOIN.NOT_ROOT", "A host joins a cloud by the password of root, not of another user.", {
        remedy: "Give the user root and its password.",
      });
    const secret = new Secret(password);
    await this.#attempts.run(from, () => this.#options.checkPassword(secret));
    return this.#begin(cloud, false);
  }

  /** For a manager of this node's cloud only. @throws CHANNEL.NO_CLOUD */
  renew(): Promise<HostAnswer<"renew">> {
    const { cloud, member } = this.#options.membership;
    if (member === null || cloud === null) throw noCloud();
    return this.#begin(cloud, true);
  }

  /** @throws JOIN.NO_ATTEMPT, JOIN.OTHER_CLOUD, JOIN.BAD_CERTIFICATE; or DOCUMENT.NOT_SAVED, and all is as before */
  async certify(isManager: boolean, { nonce, hostUuid, certificate, authority }: HostBody<"certify">): Promise<void> {
    const attempt = this.#attempt;
    const isIts = attempt !== undefined && timingSafeEqual(hash(nonce), attempt.nonceHash);
    if (!isIts || attempt.until <= this.#options.monotonicMs() || (attempt.isRenewal && !isManager))
      throw new NodeError("JOIN.NO_ATTEMPT", "Nobody has begun to join here in this way, or it was too long ago.", {
        remedy: "Begin anew.",
      });
    this.#attempt = undefined;
    this.#requireCloud(attempt.cloud);
    requireCertificate({ hostUuid, certificate, authority }, attempt);
    const pair = { key: attempt.key, certificate };
    await this.#options.membership.take({ hostUuid, authority, pair });
  }

  async #begin(cloud: string, isRenewal: boolean): Promise<{ nonce: string; request: string }> {
    const { run, folder, monotonicMs } = this.#options;
    const { key, request } = await newRequest(run, join(folder, `.work-${randomUUID()}`));
    const nonce = randomBytes(32).toString("base64url");
    this.#attempt = { nonceHash: hash(nonce), key, cloud, isRenewal, until: monotonicMs() + attemptMs };
    return { nonce, request };
  }

  #requireCloud(cloud: string): void {
    const present = this.#options.membership.cloud;
    if (present === null || present === cloud) return;
    const files = ["membership.json", "ca.crt"].map((name) => join(this.#options.folder, name));
    throw new NodeError("JOIN.OTHER_CLOUD", "This node belongs to another cloud.", {
      remedy:
        this.#options.membership.member === null
          ? "It is a management node, which has a cloud of its own; install it as a compute node to add it here."
          : `Remove it from that cloud first. If that cloud is gone, run on the node: rm ${files.join(" ")} && systemctl restart binnacle-agent`,
      values: { cloud: present },
    });
  }
}

type Given = Pick<HostBody<"certify">, "hostUuid" | "certificate" | "authority">;

/** The dates are not looked at: this node's clock may be wrong, and it is the manager that goes by them. */
function requireCertificate(given: Given, attempt: Attempt): void {
  const [certificate, authority] = [parseCertificate(given.certificate), parseCertificate(given.authority)];
  const isGood =
    certificate &&
    authority?.ca &&
    authority.fingerprint256 === attempt.cloud &&
    certificate.checkIssued(authority) &&
    certificate.verify(authority.publicKey) &&
    certificate.publicKey.equals(createPublicKey(attempt.key)) &&
    namesHost(certificate, given.hostUuid);
  if (isGood) return;
  throw new NodeError("JOIN.BAD_CERTIFICATE", "The certificate is not one of that cloud for this node's key.", {
    remedy: "Begin anew. The manager and this node may be of different releases.",
  });
}

function noCloud(): NodeError {
  return new NodeError("CHANNEL.NO_CLOUD", "This node belongs to no cloud.", {
    remedy: "Add it to the cloud first.",
  });
}

function hash(nonce: string): Buffer {
  return createHash("sha256").update(nonce).digest();
}
