import { createPrivateKey, X509Certificate } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { NodeError } from "../../model/error.ts";
import { parseCertificate } from "../../pki/files.ts";
import { type Damage, Document } from "../document.ts";
import { syncFolder, writeDurably } from "../durable.ts";
import { type Machine, readIfThere } from "../machine.ts";

const shownPair = z.strictObject({ key: z.string(), certificate: z.string() });
/** A private key and its certificate, as PEM. */
export type ShownPair = z.infer<typeof shownPair>;

const stored = z.strictObject({
  member: z
    .strictObject({
      /** As the cloud knows this host. */
      hostUuid: z.string(),
      /** The cloud's authority, as PEM. */
      authority: z.string(),
      current: shownPair,
      /** Given by a renewal; becomes the current one when a manager has asked for it. */
      next: shownPair.nullable(),
    })
    .nullable(),
});
type Member = NonNullable<z.infer<typeof stored>["member"]>;

export type MembershipOptions = {
  machine: Machine;
  /** /etc/binnacle/tls: has node.key and node.crt; membership.json and, unless it is the node's own, ca.crt are put there. */
  folder: string;
  onDamage?: (damage: Damage) => void;
  write?: (file: string, text: string) => Promise<void>;
};

/**
 * The cloud that this node belongs to, and what it shows there: one document, so that a crash leaves the old state or
 * the new one. A node of no cloud shows the certificate that it has signed itself, also after it has left one.
 *
 * ca.crt beside it is for others to read. It is written after the document and removed before: at every start it is
 * put right.
 */
export class Membership {
  readonly #document: Document<z.infer<typeof stored>>;
  readonly #options: MembershipOptions;
  readonly #own: ShownPair;
  /** Fingerprint of what lies in ca.crt without a membership: a management node's own authority. */
  #authorityHere: string | undefined;
  readonly #listeners = new Set<() => void>();

  private constructor(
    options: MembershipOptions,
    document: Document<z.infer<typeof stored>>,
    own: ShownPair,
    authorityHere: string | undefined,
  ) {
    this.#options = options;
    this.#document = document;
    this.#own = own;
    this.#authorityHere = authorityHere;
  }

  /** @throws NodeError CHANNEL.NO_CERTIFICATE; DOCUMENT.NOT_SAVED or the system's error when ca.crt can't be put right */
  static async open(options: MembershipOptions): Promise<Membership> {
    const { folder, machine, onDamage, write } = options;
    const text = async (name: string) => (await readIfThere(machine, join(folder, name))) ?? "";
    const own = { key: await text("node.key"), certificate: await text("node.crt") };
    if (!fits(own))
      throw new NodeError("CHANNEL.NO_CERTIFICATE", `This node has no certificate in ${folder} that it could show.`, {
        remedy: "Run: systemctl restart binnacle-identity",
      });
    const document = await Document.open({
      file: join(folder, "membership.json"),
      schema: stored.refine(({ member }) => member === null || isWhole(member)),
      empty: { member: null },
      ...(onDamage === undefined ? {} : { onDamage }),
      ...(write === undefined ? {} : { write }),
    });
    const membership = new Membership(options, document, own, parseCertificate(await text("ca.crt"))?.fingerprint256);
    await membership.#publish();
    return membership;
  }

  /** The host's uuid in its cloud and the cloud's authority, as PEM; null without a cloud. */
  get member(): { hostUuid: string; authority: string } | null {
    return this.#document.value.member;
  }

  /** Fingerprint of the authority of the cloud that this node belongs to, or has made. */
  get cloud(): string | null {
    const { member } = this.#document.value;
    return member === null ? (this.#authorityHere ?? null) : new X509Certificate(member.authority).fingerprint256;
  }

  /** What it shows: first what whoever asks for nothing special gets. */
  get shown(): readonly [ShownPair, ...ShownPair[]] {
    const { member } = this.#document.value;
    if (member === null) return [this.#own];
    return member.next === null ? [member.current] : [member.current, member.next];
  }

  /** Of what it shows to whoever does not know it yet; a person compares it on the node's own console. */
  get fingerprint(): string {
    return new X509Certificate(this.shown[0].certificate).fingerprint256;
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Takes a certificate that the cloud's authority has given to this host. Of the same host in the same cloud the former
   * one stays until the new one is used; else the former cloud is forgotten.
   */
  async take({ hostUuid, authority, pair }: { hostUuid: string; authority: string; pair: ShownPair }): Promise<void> {
    await this.#document.update(({ member }) => {
      const isSame = member?.hostUuid === hostUuid && isSameCertificate(member.authority, authority);
      const current = isSame ? member.current : pair;
      return { member: { hostUuid, authority, current, next: isSame ? pair : null } };
    });
    // Belongs to the cloud from here on: a copy that can't be written now is written at the next start.
    await this.#publish().catch(() => undefined);
    this.#tell();
  }

  /** A manager has asked for this certificate: the one before it is forgotten. */
  async used(certificate: string): Promise<void> {
    if (this.#document.value.member?.next?.certificate !== certificate) return;
    await this.#document.update((draft) => {
      if (draft.member?.next?.certificate !== certificate) return;
      draft.member.current = draft.member.next;
      draft.member.next = null;
    });
    this.#tell();
  }

  async leave(): Promise<void> {
    if (this.#document.value.member === null) return;
    const { folder, machine } = this.#options;
    if ((await readIfThere(machine, join(folder, "ca.key"))) === undefined) {
      await rm(join(folder, "ca.crt"), { force: true });
      await syncFolder(folder);
      this.#authorityHere = undefined;
    }
    await this.#document.update(() => ({ member: null }));
    this.#tell();
  }

  async #publish(): Promise<void> {
    const { folder, machine } = this.#options;
    const { member } = this.#document.value;
    const file = join(folder, "ca.crt");
    if (member === null || (await readIfThere(machine, file)) === member.authority) return;
    // A management node's own authority is the same one: see `Joining`.
    if ((await readIfThere(machine, join(folder, "ca.key"))) === undefined)
      await writeDurably(file, member.authority, 0o644);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function isSameCertificate(one: string, other: string): boolean {
  return parseCertificate(one)?.fingerprint256 === parseCertificate(other)?.fingerprint256;
}

function isWhole({ authority, current, next }: Member): boolean {
  return parseCertificate(authority) !== undefined && fits(current) && (next === null || fits(next));
}

/** Whether a key and a certificate can be read and belong together. */
export function fits({ key, certificate }: ShownPair): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}
