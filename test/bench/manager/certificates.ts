import { execFileSync } from "node:child_process";
import { createPrivateKey, type KeyObject, sign, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pkiFiles } from "../../../core/manager/pki-files.ts";
import { Authority } from "../../../core/pki/authority.ts";
import type { Certificates } from "./clouds.ts";
import type { FleetSetup } from "./fleet.ts";

/*
 * Certificates of many hosts, of one key. The authority makes the first one as it does for every host; the others are
 * that one with another uuid in it, signed again: openssl would take minutes for ten thousand.
 */

const placeholder = "0123456789ab4def8123456789abcdef";

/** What a fleet needs, with the certificates of hosts that have joined already, by their uuids. */
export async function fleetSetup(
  tlsFolder: string,
  folder: string,
  port: number,
  hostUuids: readonly string[],
): Promise<{ setup: FleetSetup; certificates: Certificates }> {
  const authority = await Authority.open({ ...pkiFiles(), folder: tlsFolder, now: Date.now });
  const [keyFile, requestFile, ownFile] = ["fleet.key", "fleet.csr", "fleet.crt"].map((name) => join(folder, name));
  const openssl = (...args: (string | undefined)[]) =>
    execFileSync(
      "openssl",
      args.flatMap((arg) => (arg === undefined ? [] : [arg])),
      { stdio: "ignore" },
    );
  openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", keyFile);
  openssl("req", "-new", "-key", keyFile, "-subj", "/CN=bench", "-out", requestFile);
  openssl("req", "-x509", "-key", keyFile, "-subj", "/CN=bench", "-days", "2", "-out", ownFile);
  const text = (file: string | undefined) => readFileSync(file ?? "", "utf8");
  const request = text(requestFile);
  const template = new X509Certificate(await authority.signHost(request, placeholder));
  const caKey = createPrivateKey(text(join(tlsFolder, "ca.key")));
  const certificates = new Map(
    hostUuids.map((uuid) => {
      const made = new X509Certificate(resigned(template.raw, uuid, caKey));
      return [uuid, { certificate: made.toString(), fingerprint: made.fingerprint256 }];
    }),
  );
  const [any] = certificates.values();
  if (
    any !== undefined &&
    !new X509Certificate(any.certificate).verify(new X509Certificate(authority.certificate).publicKey)
  )
    throw new Error("A certificate that was signed again is not good.");
  return {
    setup: {
      key: text(keyFile),
      ownCertificate: text(ownFile),
      request,
      authority: authority.certificate,
      port,
      certificates: [...certificates.values()].map(({ certificate }) => certificate),
    },
    certificates,
  };
}

/** RFC 5280, 4.1: a sequence of what is signed, the algorithm, and the signature as a string of bits. */
function resigned(raw: Buffer, uuid: string, caKey: KeyObject): Buffer {
  const outer = contents(raw, 0);
  const signed = whole(raw, outer.from);
  const algorithm = whole(raw, outer.from + signed.length);
  const named = Buffer.from(signed.toString("latin1").replaceAll(placeholder, uuid), "latin1");
  const signature = Buffer.concat([Buffer.from([0]), sign("sha256", named, caKey)]);
  return wrapped(0x30, Buffer.concat([named, algorithm, wrapped(0x03, signature)]));
}

function contents(der: Buffer, at: number): { from: number; length: number } {
  const first = der[at + 1] ?? 0;
  if (first < 0x80) return { from: at + 2, length: first };
  const bytes = first & 0x7f;
  return { from: at + 2 + bytes, length: der.readUIntBE(at + 2, bytes) };
}

function whole(der: Buffer, at: number): Buffer {
  const { from, length } = contents(der, at);
  return der.subarray(at, from + length);
}

function wrapped(tag: number, inside: Buffer): Buffer {
  const { length } = inside;
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), inside]);
}
