import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { NodeError } from "../../model/error.ts";
import type { InstallRole } from "../../model/installation/draft.ts";
import { ensureAuthority, ensureKey, type Files, parseCertificate, textOf } from "../../pki/files.ts";
import { always, issueCertificate } from "../../pki/openssl.ts";
import { readIfThere } from "../machine.ts";
import { readHostUuid } from "./identity.ts";
import type { RoleWorld } from "./world.ts";

type World = Pick<RoleWorld, "machine" | "paths" | "write">;

/*
 * In /etc/binnacle/tls: node.key and node.crt of every node; ca.crt and ca.key on the management node that made the
 * cloud. On TCP 7070 the agent shows node.crt until the node joins a cloud; what it is given then is in
 * membership.json (core/node/host/membership.ts).
 */

/**
 * Makes the node's key and certificate, and on a management node the cloud's authority, where they are absent. Until a
 * node joins a cloud its certificate is signed by itself. What is in place stays, also after joining; a key that is
 * there and can't be read is never replaced, for others may trust it.
 *
 * @throws NodeError CERT.NO_UUID, CERT.KEY_DAMAGED, CERT.DAMAGED, CERT.OTHER_CLOUD, CERT.OPENSSL
 */
export async function ensureCertificates(world: World, role: InstallRole): Promise<void> {
  const { machine, paths, write } = world;
  const file = (name: string) => join(paths.tls, name);
  const uuid = await readHostUuid(world);
  if (uuid === undefined)
    throw new NodeError("CERT.NO_UUID", "The host has no UUID yet.", {
      remedy: "Run: systemctl restart binnacle-identity",
    });
  const hostname = (await machine.readFile("/proc/sys/kernel/hostname")).trim();
  await mkdir(paths.tls, { recursive: true, mode: 0o755 });
  // ca.crt is for everybody, and what creates files for root alone has narrowed the folder.
  await chmod(paths.tls, 0o755);

  const files: Files = { run: machine.run, write, read: (name) => readIfThere(machine, name) };
  const authority = role === "management" ? await ensureAuthority(files, paths.tls, uuid) : undefined;
  const key = await ensureKey(files, file("node.key"));
  const text = await textOf(files, file("node.crt"));
  if (text !== undefined) {
    const certificate = parseCertificate(text);
    if (certificate?.checkPrivateKey(key)) {
      if (authority === undefined) return;
      // The cloud's own address book: the name is what browsers and scripts of the management node ask for.
      if (certificate.verify(authority.publicKey) && (!isDnsName(hostname) || certificate.checkHost(hostname))) return;
    } else if (authority === undefined && (await textOf(files, file("ca.crt"))) !== undefined) {
      throw new NodeError("CERT.DAMAGED", `${file("node.crt")} is damaged or belongs to another key.`, {
        remedy: "Restore it from a backup, or let the node join its cloud again.",
      });
    }
  }
  const made = await issueCertificate(machine.run, join(paths.tls, ".work"), {
    subject: { name: uuid },
    extensions: extensionsOf(hostname, uuid),
    of: { key: file("node.key") },
    signer:
      authority === undefined ? { selfSigned: file("node.key") } : { key: file("ca.key"), certificate: file("ca.crt") },
    // What ends a certificate is leaving the cloud.
    validity: always,
  });
  await write(file("node.crt"), made, 0o644);
}

/** A host name that is none (RFC 1123) is left out of the names. */
function extensionsOf(hostname: string, uuid: string): string[] {
  const names = [
    ...(isDnsName(hostname) ? [`DNS:${hostname}`] : []),
    ...["DNS:localhost", "IP:127.0.0.1", "IP:::1", `URI:urn:uuid:${uuid}`],
  ];
  return [
    "basicConstraints = critical, CA:FALSE",
    "keyUsage = critical, digitalSignature",
    "extendedKeyUsage = serverAuth, clientAuth",
    `subjectAltName = ${names.join(", ")}`,
  ];
}

function isDnsName(name: string): boolean {
  return /^(?=.{1,253}$)[a-z\d]([a-z\d-]{0,61}[a-z\d])?(\.[a-z\d]([a-z\d-]{0,61}[a-z\d])?)*$/i.test(name);
}
