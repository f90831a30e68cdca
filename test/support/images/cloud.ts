import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { CloudOptions } from "../../../core/manager/cloud.ts";
import type { CallInput } from "../../../core/model/cloud/calls/index.ts";
import { place } from "../cloud/place.ts";
import { temporaryFolder } from "../programs.ts";
import { undoAfter } from "../undo.ts";
import { type ImageServer, imageServer, serving } from "./server.ts";

/** A cloud with an image store in a folder of its own, and a server of images. */
export async function imageCloud(
  t: TestContext,
  addresses: readonly string[],
  storage: "local" | "shared" = "local",
  more: Partial<CloudOptions> = {},
) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const cloud = await place(t, addresses, storage, more, join(folder.path, "primary"));
  const url = join(folder.path, "store");
  const { call, done } = cloud;
  const store = (await call("AddImageStoreBackupStorage", { name: "images", zoneUuid: cloud.zone.uuid, url }))
    .inventory;
  // However full the disk of whoever runs the tests is.
  await call("UpdateGlobalConfig", { category: "backupStorage", name: "reservedCapacity", value: "0B" });
  const server = await imageServer(t);
  const images = {
    folder: folder.path,
    storeFolder: url,
    store,
    server,
    /** Names of the contents that are kept, and of the images that are being fetched. */
    kept: () => readdirSync(join(url, "content")),
    incoming: () => readdirSync(join(url, "incoming")),
    given: (path: string, more: Partial<CallInput<"AddImage">> = {}): Partial<CallInput<"AddImage">> => ({
      ...{ name: "debian", url: `${server.url}${path}`, format: "qcow2", backupStorageUuids: [store.uuid] },
      ...more,
    }),
    /** Adds an image with this content; gives its uuid. */
    async added(content: Buffer, more: Partial<CallInput<"AddImage">> = {}): Promise<string> {
      server.answers.set("/image", serving(content));
      const task = await done("AddImage", images.given("/image", more));
      assert.equal(task.state, "Succeeded", JSON.stringify(task.error));
      return task.resourceUuid ?? "";
    },
  };
  return { ...cloud, images };
}

/** A part of a content is sent, and then nothing, until `release`. */
export function stuck(server: ImageServer, path: string, content: Buffer, sentBytes: number) {
  server.answers.set(path, (_request, response) => {
    response.writeHead(200, { "content-length": content.length, etag: '"same"' });
    response.write(content.subarray(0, sentBytes));
  });
}
