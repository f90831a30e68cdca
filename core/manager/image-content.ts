import type { FastifyInstance, FastifyRequest } from "fastify";
import * as z from "zod/mini";
import { brokeOff } from "../images/refusals.ts";
import { checkFields } from "../model/cloud/check-fields.ts";
import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import { isOwnUpload, isUpload } from "../model/cloud/storage-place.ts";
import { shown } from "../model/quote.ts";
import type { Caller } from "../orchestrator/calls/handler.ts";
import type { ImageContent, ImageStore, Uploaded } from "../orchestrator/images/image-store.ts";
import type { RecordOf } from "../orchestrator/kinds.ts";
import type { Mirror } from "../orchestrator/mirror.ts";
import { noSuchResource } from "../orchestrator/records.ts";
import type { Audit } from "./audit.ts";
import { linger, type Pace, type Part, release, sendContent, usualPace, watchPace } from "./content-transfer.ts";
import { toCloudError } from "./failure.ts";

export type ImageContentOptions = {
  images: Pick<ImageStore, "upload" | "open" | "discard">;
  mirror: Pick<Mirror, "get">;
  settings: { number(id: string): number };
  audit: Pick<Audit, "newKey" | "change" | "read">;
  /** Who asks. Asked anew while it goes on, which counts as use of the session. @throws IDENTITY.… */
  callerOf: (request: FastifyRequest) => Caller;
  pace?: Pace;
  /** How often it is asked whether a download may go on, in milliseconds. */
  askMs?: number;
};

export const imageContentPath = "/v1/images/:uuid/content";
const usualAskMs = 10_000;

/** Whether a request sends an image, which may take hours: nothing of its body is taken before it is known who sends it. */
export function sendsImage({ method, routeOptions, headers }: FastifyRequest): boolean {
  const isOctets = /^application\/octet-stream\s*(;|$)/i.test(headers["content-type"] ?? "");
  return method === "PUT" && routeOptions.url === imageContentPath && isOctets;
}

/** Clients that are given a content at once: each costs some memory. */
const mostReaders = 32;
const wanted = z.strictObject({
  offset: z.coerce.number().check(z.int(), z.nonnegative()),
  total: z.coerce.number().check(z.int(), z.positive()),
});

/**
 * The content of images, as octets. `PUT /v1/images/UUID/content?offset=…&total=…` sends an image that was added with
 * `upload://`, from `offset` on: all that is missing, or a part. The answer's `offset` is where the next one begins;
 * without a body it is only asked for. `GET /v1/images/UUID/content` gives a whole image, or the part that `Range` names.
 * @returns `end`: breaks off what goes on, so that the server can be closed
 */
export function addImageContent(server: FastifyInstance, options: ImageContentOptions): { end(): void } {
  const { images, mirror, settings, pace = usualPace, askMs = usualAskMs } = options;
  const ending = new AbortController();
  let readers = 0;
  // In a room of its own: nothing else takes octets.
  void server.register((scope, _options, registered) => {
    // A body of another kind would be read and waited for first.
    scope.removeAllContentTypeParsers();
    // Nothing of a body is read before it is known what becomes of it.
    scope.addContentTypeParser("application/octet-stream", (_request, payload, done) => done(null, payload));
    // One of another kind.
    scope.setErrorHandler((error) => {
      const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
      throw status === 413 || status === 415 ? badBody() : error;
    });
    scope.put(imageContentPath, (request) =>
      audited(options, "UploadImageContent", request, async ({ check }) => {
        const image = imageOf(mirror, request);
        check();
        requireUpload(image);
        const { offset, total: totalBytes } = placeOf(request);
        const contentBytes = bytesOf(request);
        const reserved = settings.number("backupStorage.reservedCapacity");
        const { raw } = request;
        const lazy = new AbortController();
        const signal = AbortSignal.any([lazy.signal, ending.signal]);
        const mayGoOn = () => {
          check();
          requireUpload(imageOf(mirror, request));
        };
        const endWatch = watchPace(raw, pace, lazy);
        const store = storeOf(mirror, image);
        try {
          const upload = { offset, totalBytes, contentBytes, content: raw, release, mayGoOn, signal };
          return await images.upload(store, image.uuid, upload, reserved);
        } finally {
          endWatch();
          // It was deleted while something of it came.
          if (mirror.get("Image", image.uuid) === undefined)
            await images.discard(store, image.uuid).catch(() => undefined);
        }
      }),
    );
    scope.get(imageContentPath, { exposeHeadRoute: false }, async (request, reply) => {
      await audited(options, "DownloadImageContent", request, async ({ check, broke }) => {
        check();
        const image = imageOf(mirror, request);
        const { actualSize: sizeBytes } = image;
        const sha256 = requireReady(image);
        if (readers >= mostReaders) throw tooMany();
        const part = partOf(request, sizeBytes, `"${sha256}"`);
        const head = { etag: `"${sha256}"`, "accept-ranges": "bytes" };
        if (part === "none") {
          void reply.code(416).headers({ ...head, "content-range": `bytes */${sizeBytes}` });
          return null;
        }
        readers += 1;
        let content: ImageContent | undefined;
        const over = new AbortController();
        const asking = setInterval(() => {
          try {
            check();
            requireReady(imageOf(mirror, request));
          } catch (error) {
            over.abort(error);
          }
        }, askMs);
        try {
          content = await images.open(storeOf(mirror, image), { sha256, sizeBytes });
          const { raw } = reply.hijack();
          raw.writeHead(part.isWhole ? 200 : 206, { ...head, ...headOf(image, part) });
          const signal = AbortSignal.any([over.signal, ending.signal]);
          await sendContent(raw, content, part, { signal, pace });
        } catch (error) {
          if (!reply.sent) throw error;
          // Its head has gone out: that it is not whole is all that can be told.
          reply.raw.destroy();
          broke(error);
        } finally {
          clearInterval(asking);
          readers -= 1;
          await content?.close();
        }
        return null;
      });
      return reply.sent ? reply : reply.send();
    });
    registered();
  });
  return { end: () => ending.abort(brokeOff("The manager ends.")) };
}

type Running = {
  /** Finds out who asks. @throws IDENTITY.… */
  check: () => void;
  /** Notes an error that can't be answered any more. */
  broke: (error: unknown) => void;
};

/**
 * Carries one out, and writes the audit: a record for each image that has come and for each upload that failed, one a
 * minute for what only asks or is a part.
 */
async function audited<T extends Uploaded | null>(
  { audit, callerOf }: ImageContentOptions,
  call: string,
  request: FastifyRequest,
  action: (running: Running) => Promise<T>,
): Promise<T> {
  const began = performance.now();
  let caller: Caller = { sessionUuid: null, userUuid: null, accountName: null, address: request.ip ?? "local" };
  const note = async (error: CloudError | null, isEnd: boolean) => {
    const { uuid: resourceUuid } = request.params as { uuid: string };
    const told = {
      ...{ call, caller, taskUuid: null, arguments: null, errorCode: error?.code ?? null },
      resourceUuid: /^[\da-f]{32}$/.test(resourceUuid) ? resourceUuid : null,
      durationMs: performance.now() - began,
      requestBytes: Number(request.headers["content-length"] ?? 0) || 0,
    };
    if (isEnd) await audit.change(audit.newKey(), told);
    else audit.read(told);
  };
  const isUpload = request.method === "PUT";
  let failure: CloudError | null = null;
  const check = () => {
    caller = callerOf(request);
  };
  const broke = (error: unknown) => {
    failure = toCloudError(error);
  };
  try {
    const answer = await action({ check, broke });
    await note(failure, answer?.isWhole === true);
    return answer;
  } catch (thrown) {
    const error = toCloudError(thrown);
    linger(request.raw);
    await note(error, isUpload);
    throw error;
  }
}

type ContentPart = Part & { isWhole: boolean };

function headOf({ actualSize, uuid, format }: Image, { from, end, isWhole }: ContentPart): Record<string, string> {
  return {
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename="${uuid}.${format}"`,
    "content-length": String(end - from),
    ...(isWhole ? {} : { "content-range": `bytes ${from}-${end - 1}/${actualSize}` }),
  };
}

/** One range, as RFC 9110, 14.2 has it; what is none that can be understood counts as the whole. */
function partOf({ headers }: FastifyRequest, sizeBytes: number, etag: string): ContentPart | "none" {
  const whole: ContentPart = { from: 0, end: sizeBytes, isWhole: true };
  const ifRange = headers["if-range"];
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range ?? "");
  if (match === null || (ifRange !== undefined && ifRange !== etag)) return whole;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return whole;
  const from = first === "" ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === "" || last === "" ? sizeBytes : Math.min(sizeBytes, Number(last) + 1);
  return from < end ? { from, end, isWhole: false } : "none";
}

/** @throws SYS.1010 */
function placeOf({ query }: FastifyRequest): z.infer<typeof wanted> {
  const given = checkFields(wanted, query);
  if (!("value" in given)) throw badBody();
  return given.value;
}

/** What it will send: without that nobody could tell one that was cut off from a whole one. @throws SYS.1010 */
function bytesOf({ headers, body, raw }: FastifyRequest): number {
  const length = headers["content-length"];
  if (headers["transfer-encoding"] !== undefined) throw badBody();
  if (length === undefined || Number(length) === 0) return 0;
  if (body !== raw) throw badBody();
  return Number(length);
}

type Image = RecordOf<"Image">;

function imageOf(mirror: Pick<Mirror, "get">, { params }: FastifyRequest): Image {
  const { uuid } = params as { uuid: string };
  const image = mirror.get("Image", uuid)?.value;
  if (image === undefined) throw noSuchResource("Image", uuid, "uuid");
  return image;
}

function storeOf(mirror: Pick<Mirror, "get">, { backupStorageUuids }: Image): RecordOf<"BackupStorage"> {
  const [uuid = ""] = backupStorageUuids;
  const store = mirror.get("BackupStorage", uuid)?.value;
  if (store === undefined) throw noSuchResource("BackupStorage", uuid, "backupStorageUuids");
  return store;
}

/** @returns the sum of its content @throws STORAGE.1034 */
function requireReady(image: Image): string {
  const { sha256, status } = image;
  if (sha256 !== null && status === "Ready") return sha256;
  throw refused(image, `Its status is ${status}.`, "Wait until it is Ready, or recover it.");
}

/** @throws STORAGE.1034 */
function requireUpload(image: Image): void {
  if (isOwnUpload(image)) throw refused(image, "The cloud itself brings it.", "Add another one with upload://NAME.");
  if (image.status === "Downloading" && isUpload(image.url)) return;
  throw refused(image, `It is ${image.status}, and comes from ${shown(image.url)}.`, "Add one with upload://NAME.");
}

function refused({ name }: Image, details: string, remedy: string): CloudError {
  return new CloudError(refusalOf("STORAGE.1034", { where: `Image ${shown(name)}`, details, remedy }));
}

function badBody(): CloudError {
  const details =
    "It is no image: octets, with their number in content-length, and offset and total in the query string.";
  const remedy = "PUT …/content?offset=0&total=BYTES with content-type: application/octet-stream.";
  return new CloudError(refusalOf("SYS.1010", { where: "body", details, remedy }));
}

function tooMany(): CloudError {
  const details = `${mostReaders} clients are given images already.`;
  return new CloudError(refusalOf("SYS.1013", { where: "images", details, remedy: "Try again later." }));
}
