import { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { Duplex } from "node:stream";
import { agentsError } from "../../api/host/errors.ts";
import { migrationHeaders, migrationPath, migrationUpgrade } from "../../api/host/migration.ts";
import { migrationFailed, noWay } from "../../hypervisor/migration/refusals.ts";
import type { Destination, Dial, MigrationAsk } from "../../hypervisor/migration/way.ts";
import { jsonOrNothing } from "../../model/json.ts";
import { namesHost } from "../../pki/names.ts";
import type { Membership } from "./membership.ts";

/** Bytes of an answer that refuses. */
const mostAnswer = 16_384;
/** So soon it is noticed that the other host is gone without a word. */
const keepAliveMs = 10_000;

/**
 * Connections to the hypervisors of other hosts of the same cloud. Both ends show the certificate that the cloud has
 * given them; this one goes on only with the host that it was told to reach.
 */
export function migrationDial(membership: Pick<Membership, "member" | "shown">, port: number): Dial {
  return (to, ask, signal) => {
    const { member, shown } = membership;
    if (member === null) return Promise.reject(noWay());
    const [{ key, certificate: cert }] = shown;
    return dialled({ key, cert, ca: member.authority, port, to, ask, signal });
  };
}

type Dialled = {
  key: string;
  cert: string;
  ca: string;
  port: number;
  to: Destination;
  ask: MigrationAsk;
  signal: AbortSignal;
};

function dialled({ key, cert, ca, port, to, ask, signal }: Dialled): Promise<Duplex> {
  const { machineUuid, channel, token } = ask;
  return new Promise((resolve, reject) => {
    const failed = (why: string, cause?: unknown) =>
      reject(migrationFailed(machineUuid, `the host at ${to.address} ${why}`, cause));
    const asked = request({
      ...{ host: to.address, port, path: migrationPath, key, cert, ca, signal, agent: false, minVersion: "TLSv1.3" },
      checkServerIdentity: (_name, { raw }) =>
        namesHost(new X509Certificate(raw), to.hostUuid) ? undefined : new Error("another host answers there"),
      headers: {
        connection: "upgrade",
        upgrade: migrationUpgrade,
        authorization: `Bearer ${token}`,
        [migrationHeaders.machine]: machineUuid,
        [migrationHeaders.channel]: channel,
      },
    });
    asked.on("error", (error) => failed(`can't be reached for it: ${error.message}`, error));
    asked.on("upgrade", (_response, socket, head) => {
      socket.on("error", () => undefined);
      socket.setKeepAlive(true, keepAliveMs);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    asked.on("response", (response) => {
      void textOf(response).then((text) =>
        failed(`refuses: ${agentsError(jsonOrNothing(text))?.message ?? "no reason"}`),
      );
    });
    asked.end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  response.setEncoding("utf8");
  try {
    for await (const chunk of response) {
      text += chunk;
      if (text.length > mostAnswer) break;
    }
  } catch {
    // What came is told.
  }
  response.destroy();
  return text;
}
