import type { TLSSocket } from "node:tls";
import { CloudError } from "../../model/cloud/refusal.ts";
import { NodeError } from "../../model/error.ts";
import type { Secret } from "../../model/secret.ts";
import type { HostReport } from "../../orchestrator/host-link.ts";
import type { Authority } from "../../pki/authority.ts";
import { fingerprintOf } from "../../pki/fingerprint.ts";
import { type HostAnswer, type HostBody, type HostCallName, hostPort } from "./contract.ts";
import { hostError } from "./errors.ts";
import { exchange } from "./exchange.ts";
import { type HostPatience, HttpsHostLink, usualHostPatience } from "./link.ts";
import { openUnchecked } from "./open.ts";

export type JoinOptions = {
  address: string;
  /** 7070 unless told. */
  port?: number;
  username: string;
  password: Secret;
  /** Of the certificate that the host must show, as its console shows it; null: whatever it shows is believed. */
  fingerprint: string | null;
  /** As the cloud is to know the host. */
  hostUuid: string;
  authority: Pick<Authority, "certificate" | "fingerprint" | "signHost" | "manager">;
  patience?: Partial<HostPatience> | undefined;
  signal?: AbortSignal | undefined;
};

export type Enrolled = {
  /** What the host shows from now on, as PEM; its fingerprint is to be kept as the one that it has to show. */
  certificate: string;
  fingerprint: string;
  /** Of the certificate that it showed before. */
  firstFingerprint: string;
};

/** Takes a host into the cloud, and asks it what it is: see `enrolHost`. */
export async function joinHost(options: JoinOptions): Promise<Enrolled & { report: HostReport }> {
  const { address, hostUuid, signal } = options;
  const enrolled = await enrolHost(options);
  const report = await withLink(options, enrolled.fingerprint, (link) =>
    link.report({ uuid: hostUuid, managementIp: address }, signal),
  );
  return { ...enrolled, report };
}

/**
 * Takes a host into the cloud. The password goes to the host only after its certificate was compared, over a connection
 * that shows the same one. When this fails after the host has taken its certificate, joining it again is enough.
 *
 * @throws CloudError HOST.1013 another fingerprint, HOST.1014 user or password, HOST.1015 it has a cloud already, and
 * those of `HostLink`; CERT.…
 */
export async function enrolHost(options: JoinOptions): Promise<Enrolled> {
  const { address, username, password, hostUuid, authority, signal } = options;
  const firstFingerprint = options.fingerprint ?? (await shownFingerprint(options));
  const hello = await askPinned(options, firstFingerprint, "hello", undefined);
  if (hello.cloud !== null && hello.cloud !== authority.fingerprint) throw otherCloud(address);

  const body = { username, password: password.reveal(), cloud: authority.fingerprint };
  const begun = await askPinned(options, firstFingerprint, "join", body).catch((error: unknown) => {
    throw refusedJoin(address, error);
  });
  const certificate = await authority.signHost(begun.request, hostUuid);
  await askPinned(options, firstFingerprint, "certify", {
    nonce: begun.nonce,
    hostUuid,
    certificate,
    authority: authority.certificate,
  });

  const fingerprint = fingerprintOf(certificate);
  await withLink(options, fingerprint, (link) => link.ping({ uuid: hostUuid, managementIp: address }, signal));
  return { certificate, fingerprint, firstFingerprint };
}

async function withLink<T>(options: JoinOptions, fingerprint: string, use: (link: HttpsHostLink) => Promise<T>) {
  const { authority, port = hostPort, patience } = options;
  const link = new HttpsHostLink({ credentials: () => authority.manager(), pinned: () => fingerprint, port, patience });
  try {
    return await use(link);
  } finally {
    link.close();
  }
}

type Where = Pick<JoinOptions, "address" | "port" | "patience">;

/** Fingerprint of the certificate that is shown there now. @throws HOST.1010 */
export async function shownFingerprint(options: Where): Promise<string> {
  const socket = await open(options);
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprintOf(raw);
}

/** One question over a connection of its own, asked only if it shows this certificate. */
async function askPinned<N extends HostCallName>(
  options: JoinOptions,
  fingerprint: string,
  name: N,
  body: HostBody<N>,
): Promise<HostAnswer<N>> {
  const { connectMs, answerMs } = { ...usualHostPatience, ...options.patience };
  const { signal } = options;
  const socket = await open(options);
  try {
    const shown = fingerprintOf(socket.getPeerCertificate().raw);
    if (shown !== fingerprint) throw otherFingerprint(options.address, shown, fingerprint);
    const connection = { createConnection: () => socket, host: options.address };
    return await exchange({ address: options.address, name, body, connection, connectMs, answerMs, signal });
  } finally {
    socket.destroy();
  }
}

/** Nobody vouches for the certificate of a node without a cloud: what is compared is its fingerprint. */
function open({ address, port = hostPort, patience }: Where): Promise<TLSSocket> {
  return openUnchecked(address, patience?.connectMs ?? usualHostPatience.connectMs, { port });
}

function otherFingerprint(address: string, shown: string, wanted: string): CloudError {
  return hostError("HOST.1013", address, {
    details: `It shows ${shown}; ${wanted} was given. Nothing was told to it.`,
    remedy: "Compare with what the console of the host shows. Somebody may answer in its place.",
    values: { shown, wanted },
  });
}

function otherCloud(address: string, cause?: unknown): CloudError {
  const remedy =
    cause instanceof NodeError && cause.remedy !== undefined
      ? cause.remedy
      : "Remove it from that cloud first, there or on the host itself.";
  return hostError("HOST.1015", address, { details: "Its agent takes orders from another manager.", remedy, cause });
}

/** What a person who adds a host can do something about has an error of its own. */
function refusedJoin(address: string, error: unknown): unknown {
  const cause = error instanceof CloudError ? error.cause : undefined;
  if (!(cause instanceof NodeError)) return error;
  if (cause.code === "JOIN.OTHER_CLOUD") return otherCloud(address, cause);
  if (!/^(AUTH|PASSWORD)\.|^JOIN\.NOT_ROOT$/.test(cause.code)) return error;
  const remedy = cause.remedy ?? "Give the password of root on that host.";
  return hostError("HOST.1014", address, { details: cause.message, remedy, cause });
}
