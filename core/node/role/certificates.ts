import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { NodeError } from "../../model/error.ts";
import type { InstallRole } from "../../model/installation/draft.ts";
import { type Machine, readIfThere } from "../machine.ts";
import { readHostUuid } from "./identity.ts";
import type { RoleWorld } from "./world.ts";

type World = Pick<RoleWorld, "machine" | "paths" | "write">;

/*
 * In /etc/binnacle/tls: node.key and node.crt of every node; ca.crt of the cloud, once the node belongs to one; ca.key
 * on the management node that made the cloud. Agent and manager show each other node.crt on TCP 7070.
 */

/**
 * Makes the node's key and certificate, and on a management node the cloud's authority, where they are absent. Until a
 * node joins a cloud its certificate is signed by itself. What is in place stays, also after joining; a key that is
 * there and can't be read is never replaced, for others may trust it.
 *
 * @throws NodeError CERT.NO_UUID, CERT.KEY_DAMAGED, CERT.DAMAGED, CERT.OTHER_CLOUD, CERT.OPENSSL
 */
export async function ensureCertificates(world: World, role: InstallRole): Promise<void> {
  const { machine, paths } = world;
  const file = (name: string) => join(paths.tls, name);
  const uuid = await readHostUuid(world);
  if (uuid === undefined)
    throw new NodeError("CERT.NO_UUID", "The host has no UUID yet.", {
      remedy: "Run: systemctl restart binnacle-identity",
    });
  const hostname = (await machine.readFile("/proc/sys/kernel/hostname")).trim();
  await mkdir(paths.tls, { recursive: true, mode: 0o755 });

  const authority = role === "management" ? await ensureAuthority(world, uuid) : undefined;
  const key = await ensureKey(world, file("node.key"));
  const text = await textOf(machine, file("node.crt"));
  if (text !== undefined) {
    const certificate = parse(text);
    if (certificate?.checkPrivateKey(key)) {
      if (authority === undefined) return;
      // The cloud's own address book: the name is what browsers and scripts of the management node ask for.
      if (certificate.verify(authority.publicKey) && (!isDnsName(hostname) || certificate.checkHost(hostname))) return;
    } else if (authority === undefined && (await textOf(machine, file("ca.crt"))) !== undefined) {
      throw new NodeError("CERT.DAMAGED", `${file("node.crt")} is damaged or belongs to another key.`, {
        remedy: "Restore it from a backup, or let the node join its cloud again.",
      });
    }
  }
  const signer = authority === undefined ? undefined : { key: file("ca.key"), certificate: file("ca.crt") };
  const subject: Subject = { name: uuid, section: "node", hostname, uuid };
  await world.write(file("node.crt"), await signed(world, file("node.key"), subject, signer), 0o644);
}

async function ensureAuthority(world: World, uuid: string): Promise<X509Certificate> {
  const file = (name: string) => join(world.paths.tls, name);
  const [keyText, text] = [await textOf(world.machine, file("ca.key")), await textOf(world.machine, file("ca.crt"))];
  // The key is written first: a certificate alone came from another node.
  if (keyText === undefined && text !== undefined)
    throw new NodeError("CERT.OTHER_CLOUD", "This node belongs to the cloud of another management node.", {
      remedy: "Remove the node from that cloud first; a management node makes a cloud of its own.",
    });
  const key = await ensureKey(world, file("ca.key"));
  if (text === undefined) {
    const subject: Subject = { name: `Binnacle cloud ${uuid}`, section: "authority", hostname: "", uuid };
    const made = await signed(world, file("ca.key"), subject, undefined);
    await world.write(file("ca.crt"), made, 0o644);
    return new X509Certificate(made);
  }
  const certificate = parse(text);
  if (certificate?.checkPrivateKey(key)) return certificate;
  throw new NodeError("CERT.DAMAGED", `${file("ca.crt")} is damaged or belongs to another key.`, {
    remedy: "Restore ca.key and ca.crt from a backup: every node of the cloud trusts them.",
  });
}

async function ensureKey({ machine, write }: World, file: string): Promise<KeyObject> {
  let text = await textOf(machine, file);
  if (text === undefined) {
    // On its standard output: a file of its own would not be synced, and the key never stands in an argument.
    text = await openssl(machine, ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    await write(file, text, 0o600);
  }
  await chmod(file, 0o600);
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw new NodeError("CERT.KEY_DAMAGED", `The private key ${file} can't be read.`, {
      remedy: `Restore it from a backup, or remove it: rm ${file}`,
      cause: error,
    });
  }
}

type Subject = { name: string; section: "node" | "authority"; hostname: string; uuid: string };
type Signer = { key: string; certificate: string };

/** A certificate for a key, signed by the authority, or by the key itself. */
async function signed(world: World, key: string, subject: Subject, signer: Signer | undefined): Promise<string> {
  const { machine } = world;
  const work = join(dirname(key), ".work");
  const config = join(work, "openssl.cnf");
  const [request, result] = [join(work, "request.pem"), join(work, "certificate.pem")];
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true, mode: 0o700 });
  try {
    await writeFile(config, opensslConfig(subject, work));
    await writeFile(join(work, "index.txt"), "");
    await openssl(machine, ["req", "-new", "-config", config, "-key", key, "-out", request]);
    const by =
      signer === undefined ? ["-selfsign", "-keyfile", key] : ["-keyfile", signer.key, "-cert", signer.certificate];
    const validity = ["-startdate", validFrom, "-enddate", validTo];
    const output = ["-in", request, "-out", result, "-notext", "-batch"];
    await openssl(machine, ["ca", "-config", config, "-extensions", subject.section, ...by, ...validity, ...output]);
    return await readFile(result, "utf8");
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * At its first boot a machine's clock may be hours or years off: a certificate must be valid whatever it says. The end
 * is RFC 5280's "no well-defined expiration date" (4.1.2.5); what ends a certificate is leaving the cloud.
 */
const [validFrom, validTo] = ["20200101000000Z", "99991231235959Z"];

/** Pure. A host name that is none (RFC 1123) is left out of the names. */
export function opensslConfig({ name, section, hostname, uuid }: Subject, work: string): string {
  const names = [
    ...(isDnsName(hostname) ? [`DNS:${hostname}`] : []),
    ...["DNS:localhost", "IP:127.0.0.1", "IP:::1", `URI:urn:uuid:${uuid}`],
  ];
  const extensions = {
    authority: ["basicConstraints = critical, CA:TRUE, pathlen:0", "keyUsage = critical, keyCertSign, cRLSign"],
    node: [
      "basicConstraints = critical, CA:FALSE",
      "keyUsage = critical, digitalSignature",
      "extendedKeyUsage = serverAuth, clientAuth",
      `subjectAltName = ${names.join(", ")}`,
    ],
  };
  return [
    ...["[req]", "distinguished_name = subject", "prompt = no"],
    ...["[subject]", "O = Binnacle", `CN = ${name}`],
    ...["[ca]", "default_ca = own"],
    ...["[own]", `database = ${work}/index.txt`, `new_certs_dir = ${work}`, "default_md = sha256"],
    ...["policy = any", "unique_subject = no", "email_in_dn = no", "rand_serial = yes"],
    ...["[any]", "organizationName = optional", "commonName = supplied"],
    ...[`[${section}]`, "subjectKeyIdentifier = hash", ...extensions[section]],
    "",
  ].join("\n");
}

function isDnsName(name: string): boolean {
  return /^(?=.{1,253}$)[a-z\d]([a-z\d-]{0,61}[a-z\d])?(\.[a-z\d]([a-z\d-]{0,61}[a-z\d])?)*$/i.test(name);
}

async function openssl(machine: Machine, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await machine.run("openssl", args, { timeoutMs: 60_000, reason: "Certificates" });
  if (code === 0) return stdout;
  const said = stderr.trim().split("\n").at(-1)?.slice(0, 200) ?? "";
  throw new NodeError("CERT.OPENSSL", `openssl ${args[0] ?? ""} failed: ${said}`, {
    remedy: "Make room on the file system of /etc, and start the machine again.",
  });
}

/** The text of a file; an empty one, as a power cut may leave it, counts as absent. */
async function textOf(machine: Machine, file: string): Promise<string | undefined> {
  const text = await readIfThere(machine, file);
  return text === undefined || text.trim() === "" ? undefined : text;
}

function parse(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(text);
  } catch {
    return undefined;
  }
}
