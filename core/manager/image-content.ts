import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import * as z from "zod/mini";
import { uploadPieceBytes } from "../api/image-upload.ts";
import { checkFields } from "../model/cloud/check-fields.ts";
import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import { isUpload } from "../model/cloud/storage-place.ts";
import { shown } from "../model/quote.ts";
import type { ImageContent, ImageStore } from "../orchestrator/images/image-store.ts";
import type { RecordOf } from "../orchestrator/kinds.ts";
import type { Mirror } from "../orchestrator/mirror.ts";
import { noSuchResource } from "../orchestrator/records.ts";

export type ImageContentOptions = {
  images: Pick<ImageStore, "upload" | "open">;
  mirror: Mirror;
  settings: { number(id: string): number };
  /** @throws IDENTITY.… */
  authenticate: (request: FastifyRequest, isUse: boolean) => void;
};

const path = "/v1/images/:uuid/content";
/** Clients that are given a content at once: each costs a piece of memory. */
const mostReaders = 32;
const readBytes = 1024 * 1024;
const wanted = z.strictObject({
  offset: z.coerce.number().check(z.int(), z.nonnegative()),
  total: z.coerce.number().check(z.int(), z.positive()),
});

/**
 * The content of images, as octets. `PUT /v1/images/UUID/content?offset=…&total=…` sends a piece of an image that was
 * added with `upload://`, 8 MiB at most; the answer's `offset` is where the next one begins, and a piece that begins
 * elsewhere is left aside. `GET /v1/images/UUID/content` gives a whole image, or the part that `Range` names.
 */
export function addImageContent(server: FastifyInstance, options: ImageContentOptions): void {
  const { images, mirror, settings, authenticate } = options;
  let readers = 0;
  // In a room of its own: nothing else takes octets.
  void server.register((scope, _options, registered) => {
    scope.addContentTypeParser("application/octet-stream", { parseAs: "buffer" }, (_request, body, done) =>
      done(null, body),
    );
    // One of another kind, or too large.
    scope.setErrorHandler((error) => {
      const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
      throw status === 413 || status === 415 ? badPiece() : error;
    });
    // Before anything of a body is read.
    scope.addHook("onRequest", async (request) => authenticate(request, true));
    scope.put(path, { bodyLimit: uploadPieceBytes }, async (request) => {
      const image = imageOf(mirror, request);
      if (image.status !== "Downloading" || !isUpload(image.url))
        throw refused(
          image,
          `It is ${image.status}, and comes from ${shown(image.url)}.`,
          "Add one with upload://NAME.",
        );
      const { body } = request;
      const given = checkFields(wanted, request.query);
      if (!("value" in given) || !(body instanceof Uint8Array)) throw badPiece();
      const { offset, total: totalBytes } = given.value;
      const reserved = settings.number("backupStorage.reservedCapacity");
      return images.upload(storeOf(mirror, image), image.uuid, { offset, totalBytes, content: body }, reserved);
    });
    scope.get(path, { exposeHeadRoute: false }, async (request, reply) => {
      const image = imageOf(mirror, request);
      const { sha256, actualSize: sizeBytes } = image;
      if (sha256 === null || image.status !== "Ready")
        throw refused(image, `Its status is ${image.status}.`, "Wait until it is Ready, or recover it.");
      if (readers >= mostReaders) throw tooMany();
      const part = partOf(request, sizeBytes, `"${sha256}"`);
      void reply.header("etag", `"${sha256}"`).header("accept-ranges", "bytes");
      if (part === "none") return reply.code(416).header("content-range", `bytes */${sizeBytes}`).send();
      const content = await images.open(storeOf(mirror, image), { sha256, sizeBytes });
      readers += 1;
      const stream = Readable.from(piecesOf(content, part), { objectMode: false });
      stream.once("close", () => {
        readers -= 1;
        void content.close();
      });
      return send(reply, image, part, stream);
    });
    registered();
  });
}

type Part = { from: number; end: number; isWhole: boolean };

function send(reply: FastifyReply, { actualSize, uuid, format }: Image, { from, end, isWhole }: Part, body: Readable) {
  void reply
    .header("content-type", "application/octet-stream")
    .header("content-disposition", `attachment; filename="${uuid}.${format}"`)
    .header("content-length", String(end - from));
  if (!isWhole) void reply.code(206).header("content-range", `bytes ${from}-${end - 1}/${actualSize}`);
  return reply.send(body);
}

async function* piecesOf(content: ImageContent, { from, end }: Part): AsyncGenerator<Uint8Array> {
  for (let at = from; at < end; ) {
    const piece = await content.read(at, Math.min(readBytes, end - at));
    if (piece.length === 0) throw new Error("The content is shorter than it was.");
    yield piece;
    at += piece.length;
  }
}

/** One range, as RFC 9110, 14.2 has it; what is none that can be understood counts as the whole. */
function partOf({ headers }: FastifyRequest, sizeBytes: number, etag: string): Part | "none" {
  const whole: Part = { from: 0, end: sizeBytes, isWhole: true };
  const ifRange = headers["if-range"];
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range ?? "");
  if (match === null || (ifRange !== undefined && ifRange !== etag)) return whole;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return whole;
  const from = first === "" ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === "" || last === "" ? sizeBytes : Math.min(sizeBytes, Number(last) + 1);
  return from < end ? { from, end, isWhole: false } : "none";
}

type Image = RecordOf<"Image">;

function imageOf(mirror: Mirror, { params }: FastifyRequest): Image {
  const { uuid } = params as { uuid: string };
  const image = mirror.get("Image", uuid)?.value;
  if (image === undefined) throw noSuchResource("Image", uuid, "uuid");
  return image;
}

function storeOf(mirror: Mirror, { backupStorageUuids }: Image): RecordOf<"BackupStorage"> {
  const [uuid = ""] = backupStorageUuids;
  const store = mirror.get("BackupStorage", uuid)?.value;
  if (store === undefined) throw noSuchResource("BackupStorage", uuid, "backupStorageUuids");
  return store;
}

function refused({ name }: Image, details: string, remedy: string): CloudError {
  return new CloudError(refusalOf("STORAGE.1034", { where: `Image ${shown(name)}`, details, remedy }));
}

function badPiece(): CloudError {
  const details = "It is no piece of an image: 8 MiB of octets at most, with offset and total in the query string.";
  const remedy = "PUT …/content?offset=0&total=BYTES with content-type: application/octet-stream.";
  return new CloudError(refusalOf("SYS.1010", { where: "body", details, remedy }));
}

function tooMany(): CloudError {
  const details = `${mostReaders} clients are given images already.`;
  return new CloudError(refusalOf("SYS.1013", { where: "images", details, remedy: "Try again later." }));
}
