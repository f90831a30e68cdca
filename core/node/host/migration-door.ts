import { X509Certificate } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import * as z from "zod/mini";
import { migrationHeaders, migrationUpgrade } from "../../api/host/migration.ts";
import { toNodeError } from "../../api/server.ts";
import { type MigrationVisit, migrationChannels, type Visitor } from "../../hypervisor/migration/way.ts";
import { uuid } from "../../model/cloud/fields.ts";
import { NodeError } from "../../model/error.ts";
import { hostUuidOf } from "../../pki/names.ts";
import type { Membership } from "./membership.ts";

export type MigrationDoorOptions = {
  membership: Pick<Membership, "member">;
  /** Who takes a connection over; undefined where no machines run. */
  admit: ((visit: MigrationVisit, signal: AbortSignal) => Promise<Visitor>) | undefined;
  /** The connection is one of the cloud's own. */
  known: (socket: TLSSocket) => void;
  log: { info(what: object, text: string): void; warn(what: object, text: string): void };
};

const keepAliveMs = 10_000;
/** For the answer of a refusal to go out. */
const refusalMs = 10_000;
const visit = z.object({
  machineUuid: uuid,
  channel: z.enum(migrationChannels),
  token: z.string().check(z.regex(/^[\w-]{43}$/)),
});

/**
 * Lets other hosts of this cloud through to this one's hypervisor, each only for the machine that the manager has
 * announced, and with the token that it was given.
 */
export class MigrationDoor {
  readonly #options: MigrationDoorOptions;
  readonly #open = new Set<Duplex>();

  constructor(options: MigrationDoorOptions) {
    this.#options = options;
  }

  /** An HTTP Upgrade on `migrationPath`. */
  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
    socket.on("error", () => undefined);
    void letIn(request, socket, this.#options)
      .then((visitor) => {
        socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${migrationUpgrade}\r\n\r\n`);
        if (head.length > 0) socket.unshift(head);
        visitor(socket);
      })
      .catch((error: unknown) => refuse(socket, toNodeError(error)));
  }

  /** Ends all of these connections. */
  close(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

async function letIn(request: IncomingMessage, socket: Duplex, options: MigrationDoorOptions): Promise<Visitor> {
  const { membership, admit, known, log } = options;
  const sourceUuid = socket instanceof TLSSocket ? hostOf(socket, membership.member?.authority) : undefined;
  if (sourceUuid === undefined || !(socket instanceof TLSSocket))
    throw new NodeError("CHANNEL.NOT_HOST", "This takes a certificate of a host of this cloud.", {
      remedy: "Add that host to the cloud again. When a certificate has expired, look at the clocks of both.",
    });
  const { headers } = request;
  const asked = visit.safeParse({
    machineUuid: headers[migrationHeaders.machine],
    channel: headers[migrationHeaders.channel],
    token: headers.authorization?.replace(/^Bearer /, ""),
  });
  if (headers.upgrade !== migrationUpgrade || !asked.success || admit === undefined)
    throw new NodeError("API.UNKNOWN_CALL", "There is no such call.");
  const { machineUuid, channel } = asked.data;
  const gone = new AbortController();
  socket.once("close", () => gone.abort());
  socket.setKeepAlive(true, keepAliveMs);
  try {
    const visitor = await admit({ ...asked.data, sourceUuid }, gone.signal);
    // Not before: of those that are refused, the oldest are put out when there are too many.
    known(socket);
    log.info({ machineUuid, channel, sourceUuid }, "another host moves a machine here");
    return visitor;
  } catch (error) {
    log.warn({ machineUuid, channel, sourceUuid }, "another host is not let in to move a machine here");
    throw error;
  }
}

/** The host of this cloud that the other end has proven to be. */
function hostOf(socket: TLSSocket, authority: string | undefined): string | undefined {
  const shown = socket.getPeerX509Certificate();
  if (!socket.authorized || shown === undefined || authority === undefined) return undefined;
  return shown.verify(new X509Certificate(authority).publicKey) ? hostUuidOf(shown) : undefined;
}

function refuse(socket: Duplex, error: NodeError): void {
  if (socket.destroyed) return;
  const text = JSON.stringify(error.toBody());
  const head = `HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}`;
  socket.end(`${head}\r\nconnection: close\r\n\r\n${text}`);
  // Whoever keeps it open all the same keeps nothing.
  socket.once("finish", () => socket.destroy());
  setTimeout(() => socket.destroy(), refusalMs).unref();
}
