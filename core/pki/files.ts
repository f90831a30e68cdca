import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { NodeError } from "../model/error.ts";
import { always, issueCertificate, newKey, type Run } from "./openssl.ts";

/** How keys and certificates are read, written and made. */
export type Files = {
  run: Run;
  /** The text of a file; undefined when there is none. */
  read(file: string): Promise<string | undefined>;
  /** Replaces a file durably. */
  write(file: string, text: string, mode: number): Promise<void>;
};

/**
 * The authority of a cloud, ca.key and ca.crt in `folder`: made where it is absent, never replaced.
 *
 * @param name of the cloud, for the certificate's subject
 * @throws NodeError CERT.OTHER_CLOUD, CERT.KEY_DAMAGED, CERT.DAMAGED, CERT.OPENSSL
 */
export async function ensureAuthority(files: Files, folder: string, name: string): Promise<X509Certificate> {
  const [keyFile, certificateFile] = [join(folder, "ca.key"), join(folder, "ca.crt")];
  const [keyText, text] = [await textOf(files, keyFile), await textOf(files, certificateFile)];
  // The key is written first: a certificate alone came from another node.
  if (keyText === undefined && text !== undefined)
    throw new NodeError("CERT.OTHER_CLOUD", "This node belongs to the cloud of another management node.", {
      remedy: "Remove the node from that cloud first; a management node makes a cloud of its own.",
    });
  const key = await ensureKey(files, keyFile);
  if (text === undefined) {
    const made = await issueCertificate(files.run, join(folder, ".work"), {
      subject: { name: `Binnacle cloud ${name}` },
      extensions: ["basicConstraints = critical, CA:TRUE, pathlen:0", "keyUsage = critical, keyCertSign, cRLSign"],
      of: { key: keyFile },
      signer: { selfSigned: keyFile },
      validity: always,
    });
    await files.write(certificateFile, made, 0o644);
    return new X509Certificate(made);
  }
  const certificate = parseCertificate(text);
  if (certificate?.checkPrivateKey(key)) return certificate;
  throw new NodeError("CERT.DAMAGED", `${certificateFile} is damaged or belongs to another key.`, {
    remedy: "Restore ca.key and ca.crt from a backup: every node of the cloud trusts them.",
  });
}

/** A private key in a file that only root may read; made where it is absent. @throws CERT.KEY_DAMAGED, CERT.OPENSSL */
export async function ensureKey(files: Files, file: string): Promise<KeyObject> {
  let text = await textOf(files, file);
  if (text === undefined) {
    text = await newKey(files.run);
    await files.write(file, text, 0o600);
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

/** The text of a file; an empty one, as a power cut may leave it, counts as absent. */
export async function textOf(files: Pick<Files, "read">, file: string): Promise<string | undefined> {
  const text = await files.read(file);
  return text === undefined || text.trim() === "" ? undefined : text;
}

export function parseCertificate(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(text);
  } catch {
    return undefined;
  }
}
