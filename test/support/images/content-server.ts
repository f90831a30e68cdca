import Fastify from "fastify";
import { LocalImageStore } from "../../../core/images/local-image-store.ts";
import type { UploadLimits } from "../../../core/images/upload.ts";
import type { Pace } from "../../../core/manager/content-transfer.ts";
import { statusOf, toCloudError } from "../../../core/manager/failure.ts";
import { addImageContent } from "../../../core/manager/image-content.ts";

export type ContentServerOptions = {
  /** Of the store. */
  folder: string;
  uploads?: Partial<UploadLimits>;
  pace?: Pace;
};

export const contentStore = (url: string) => ({ uuid: "11111111222243338444555566667777", url });

/**
 * The routes of images' contents on a real store, without the rest of a manager: every uuid is an image that waits for
 * being sent, or, when it was told so, one that is ready. `node content-server.ts SOCKET FOLDER` serves them until killed.
 */
export async function contentServer({ folder, uploads = {}, pace }: ContentServerOptions) {
  const images = new LocalImageStore({ uploads });
  const store = contentStore(folder);
  await images.prepare(folder);
  await images.claim(store);
  const ready = new Map<string, { sha256: string; actualSize: number }>();
  const server = Fastify();
  server.setErrorHandler((thrown, _request, reply) => {
    const error = toCloudError(thrown);
    return reply.code(statusOf(error.code)).send(error.toBody());
  });
  const recordOf = (kind: string, uuid: string) => {
    if (kind !== "Image") return store;
    const known = ready.get(uuid) ?? { sha256: null, actualSize: 0 };
    const status = ready.has(uuid) ? "Ready" : "Downloading";
    return {
      uuid,
      name: "image",
      status,
      format: "raw",
      url: "upload://x",
      backupStorageUuids: [store.uuid],
      ...known,
    };
  };
  addImageContent(server, {
    images,
    mirror: { get: (kind: string, uuid: string) => ({ value: recordOf(kind, uuid), revision: 1 }) as never },
    settings: { number: () => 0 },
    audit: { newKey: () => "", change: async () => {}, read: () => {} },
    callerOf: () => ({ sessionUuid: null, userUuid: null, accountName: null, address: "" }),
    ...(pace === undefined ? {} : { pace }),
  });
  await server.ready();
  return { server, images, store, ready };
}

if (import.meta.main) {
  const [path = "", folder = ""] = process.argv.slice(2);
  const { server } = await contentServer({ folder, uploads: { unsyncedBytes: 1024 * 1024 } });
  await server.listen({ path });
  console.log("ready");
}
