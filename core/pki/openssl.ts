import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { NodeError } from "../model/error.ts";

/** Runs a command to its end, as `Machine.run` does. */
export type Run = (
  command: string,
  args: readonly string[],
  options: { timeoutMs: number; reason: string },
) => Promise<{ code: number; stdout: string; stderr: string }>;

export type Subject = { name: string; unit?: string };
/** As OpenSSL writes times: YYYYMMDDHHMMSSZ. */
export type Validity = { from: string; to: string };

export type Order = {
  subject: Subject;
  /** Lines of an extension section: x509v3_config(5). */
  extensions: readonly string[];
  /** What it is made for: the file of a private key, or somebody's request as PEM. */
  of: { key: string } | { request: string };
  signer: Signer;
  validity: Validity;
};

/** Files of the authority that signs, or the file of the key that signs its own certificate. */
export type Signer = { key: string; certificate: string } | { selfSigned: string };

/**
 * A machine's clock may be years off at its first boot: what has this validity holds whatever the clock says. The end
 * is RFC 5280's "no well-defined expiration date" (4.1.2.5).
 */
export const always: Validity = { from: "20200101000000Z", to: "99991231235959Z" };

/** A time in milliseconds since the epoch, as OpenSSL writes it. */
export function opensslTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+/, "").replaceAll(/[-:T]/g, "");
}

/**
 * Makes a certificate, as PEM. Of a request only the public key is taken, after it has shown that its sender has the
 * private one: no name and no extension.
 *
 * @param work a folder that is made and removed; what lies there is removed before
 * @throws NodeError CERT.OPENSSL
 */
export async function issueCertificate(run: Run, work: string, order: Order): Promise<string> {
  const { subject, of, signer, validity } = order;
  const [config, request, result] = [join(work, "openssl.cnf"), join(work, "request.pem"), join(work, "result.pem")];
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true, mode: 0o700 });
  try {
    await writeFile(config, configOf(order.extensions, work));
    await writeFile(join(work, "index.txt"), "");
    const names = ["-subj", subjectOf(subject)];
    if ("request" in of) await writeFile(request, of.request);
    else await openssl(run, ["req", "-new", "-config", config, ...names, "-key", of.key, "-out", request]);
    const by =
      "selfSigned" in signer
        ? ["-selfsign", "-keyfile", signer.selfSigned]
        : ["-keyfile", signer.key, "-cert", signer.certificate];
    const dates = ["-startdate", validity.from, "-enddate", validity.to];
    const output = ["-in", request, "-out", result, "-notext", "-batch"];
    await openssl(run, ["ca", "-config", config, "-extensions", "own", ...names, ...by, ...dates, ...output]);
    return await readFile(result, "utf8");
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** A new private key on P-256, as PEM: on standard output, so that it never stands in an argument nor in a file. */
export function newKey(run: Run): Promise<string> {
  return openssl(run, ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]);
}

/**
 * A new private key on P-256 and a request for a certificate of it, both as PEM.
 *
 * @param work as for `issueCertificate`; the key is in it for a moment
 * @throws NodeError CERT.OPENSSL
 */
export async function newRequest(run: Run, work: string): Promise<{ key: string; request: string }> {
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true, mode: 0o700 });
  try {
    const [config, file] = [join(work, "openssl.cnf"), join(work, "key.pem")];
    const key = await newKey(run);
    await writeFile(file, key, { mode: 0o600 });
    await writeFile(config, configOf([], work));
    const name = ["-subj", subjectOf({ name: "host" })];
    return { key, request: await openssl(run, ["req", "-new", "-config", config, ...name, "-key", file]) };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function subjectOf({ name, unit }: Subject): string {
  const text = `/O=Binnacle${unit === undefined ? "" : `/OU=${unit}`}/CN=${name}`;
  if (!/^[\w /=-]*$/.test(text)) throw new TypeError("a subject takes letters, digits, spaces and hyphens");
  return text;
}

function configOf(extensions: readonly string[], work: string): string {
  return [
    ...["[req]", "distinguished_name = subject"],
    ...["[subject]"],
    ...["[ca]", "default_ca = authority"],
    ...["[authority]", `database = ${work}/index.txt`, `new_certs_dir = ${work}`, "default_md = sha256"],
    ...["policy = any", "unique_subject = no", "email_in_dn = no", "rand_serial = yes", "copy_extensions = none"],
    ...["[any]", "organizationName = optional", "organizationalUnitName = optional", "commonName = supplied"],
    ...["[own]", "subjectKeyIdentifier = hash", ...extensions],
    "",
  ].join("\n");
}

async function openssl(run: Run, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run("openssl", args, { timeoutMs: 60_000, reason: "Certificates" });
  if (code === 0) return stdout;
  const said = stderr.trim().split("\n").at(-1)?.slice(0, 200) ?? "";
  throw new NodeError("CERT.OPENSSL", `openssl ${args[0] ?? ""} failed: ${said}`, {
    remedy: "Make room on the file system of the certificates, and try again.",
  });
}
