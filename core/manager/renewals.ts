import type { Mirror } from "../orchestrator/mirror.ts";
import { renewalTime } from "../pki/fingerprint.ts";

export type RenewalsOptions = {
  mirror: Mirror;
  now: () => number;
  /** Starts the task that gives a host another certificate; tells itself why it could not. */
  renew: (hostUuid: string) => Promise<void>;
};

/** At one look: hosts that joined on one day are not renewed in one minute. */
const atOnce = 20;

/**
 * Renews the certificates of hosts before they end, when a third of their life is left: nobody has to think of it. A
 * host that is lost gets its own when it is back.
 */
export class Renewals {
  readonly #options: RenewalsOptions;
  /** When certificates are due, by their fingerprint: reading one takes its time, and hosts are many. */
  readonly #due = new Map<string, number>();

  constructor(options: RenewalsOptions) {
    this.#options = options;
  }

  /** @returns how many renewals were begun */
  async look(): Promise<number> {
    const { mirror, now, renew } = this.#options;
    const busy = new Set(
      ["Waiting", "Running"]
        .flatMap((state) => mirror.find("Task", "state", state))
        .flatMap(({ value }) => (value.call === "RenewHostCertificate" ? [value.resourceUuid] : [])),
    );
    const seen = new Set<string>();
    let begun = 0;
    for (const [uuid, { value }] of mirror.entries("HostCertificate")) {
      const { certificate, fingerprint } = value;
      if (typeof certificate !== "string" || typeof fingerprint !== "string") continue;
      seen.add(fingerprint);
      if (begun >= atOnce || busy.has(uuid) || this.#dueAt(fingerprint, certificate) > now()) continue;
      if (mirror.get("Host", uuid)?.value.status !== "Connected") continue;
      await renew(uuid);
      begun += 1;
    }
    for (const fingerprint of this.#due.keys()) if (!seen.has(fingerprint)) this.#due.delete(fingerprint);
    return begun;
  }

  #dueAt(fingerprint: string, certificate: string): number {
    const known = this.#due.get(fingerprint);
    if (known !== undefined) return known;
    const due = readable(certificate);
    this.#due.set(fingerprint, due);
    return due;
  }
}

/** A certificate that can't be read is no reason to renew it again and again. */
function readable(certificate: string): number {
  try {
    return renewalTime(certificate);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
