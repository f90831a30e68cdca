import type { HostAddress, HostDoor } from "../host-link.ts";
import type { Records } from "../records.ts";

/** Gives hosts other certificates. */
export class HostCertificates {
  readonly #records: Records;
  readonly #door: HostDoor;
  readonly #last = new Map<string, Promise<void>>();

  constructor(records: Records, door: HostDoor) {
    this.#records = records;
    this.#door = door;
  }

  /**
   * Gives a host a new key and certificate, and puts that on record. A host has two at the most, the one on record and
   * the new one: whoever asks while one is being given waits, so that the latest that it has is the one on record.
   *
   * @throws as `HostDoor.renew`
   */
  renew(host: HostAddress, signal: AbortSignal): Promise<void> {
    const before = this.#last.get(host.uuid) ?? Promise.resolve();
    const renewing = before
      .catch(() => undefined)
      .then(() => this.#renew(host, signal))
      .finally(() => {
        if (this.#last.get(host.uuid) === renewing) this.#last.delete(host.uuid);
      });
    this.#last.set(host.uuid, renewing);
    return renewing;
  }

  async #renew(host: HostAddress, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { certificate, fingerprint } = await this.#door.renew(host, signal);
    await this.#records.change((tx) => {
      // Deleted meanwhile: nobody may be believed by this certificate any more.
      if (tx.get("Host", host.uuid) !== undefined) tx.put("HostCertificate", host.uuid, { certificate, fingerprint });
    });
  }
}
