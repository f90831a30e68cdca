import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CloudClient } from "../../../core/api/cloud-client.ts";
import { createCloudServer } from "../../../core/manager/server.ts";
import { createLog } from "../../../core/node/log.ts";
import { perform } from "../../../scripts/cloud/perform.ts";
import { readRequest } from "../../../scripts/cloud/request.ts";
import { imageCloud } from "../../support/images/cloud.ts";
import { imageContentOf } from "../../support/images/content.ts";
import { md5Of, sha256Of } from "../../support/images/files.ts";
import { undoAfter } from "../../support/undo.ts";

const mebibyte = 1024 ** 2;

/** A client at root's door of a real manager, and what the command does with a line. */
async function bed(t: TestContext) {
  const cloud = await imageCloud(t, []);
  const { server, rootDoor } = createCloudServer({
    dispatcher: cloud.cloud.dispatcher,
    mirror: cloud.cloud.mirror,
    authenticate: () => undefined,
    images: imageContentOf(cloud),
    log: createLog({ level: "silent" }),
  });
  await server.ready();
  const socketPath = join(cloud.images.folder, "manager.sock");
  await new Promise<void>((resolve) => rootDoor.listen(socketPath, resolve));
  const client = new CloudClient({ socketPath, token: cloud.token });
  undoAfter(t, async () => {
    client.close();
    rootDoor.closeAllConnections();
    rootDoor.close();
    await server.close();
  });
  const add = (file: string, ...more: string[]) => {
    const words = ["AddImage", "name=mine", `url=upload://${file}`, `backupStorageUuids=${cloud.images.store.uuid}`];
    return perform(readRequest([...words, "format=raw", ...more]), {
      client,
      secrets: async () => new Map(),
      confirm: undefined,
      ...{ isSure: true, isTable: false, isWaiting: true, signal: new AbortController().signal },
      warn: () => undefined,
    });
  };
  return { ...cloud, add };
}

test("AddImage url=upload://FILE sends a file of this machine, and gives the image when it is Ready", async (t) => {
  const { add, images } = await bed(t);
  const content = Buffer.alloc(17 * mebibyte, "somebody's own image ");
  const file = join(images.folder, "my image (1).raw");
  writeFileSync(file, content);
  const answer = await add(file, `md5=${md5Of(content)}`);
  const { inventory } = answer as { inventory: Record<string, unknown> };
  assert.deepEqual([inventory["status"], inventory["url"]], ["Ready", "upload://my_image__1_.raw"]);
  assert.ok(readFileSync(join(images.storeFolder, "content", sha256Of(content))).equals(content));
});

test("a file that is not there is told of before anything is asked; one that is refused leaves no task that waits", async (t) => {
  const { add, images, cloud } = await bed(t);
  await assert.rejects(add(join(images.folder, "absent")), { code: "CLOUD.NO_FILE" });
  await assert.rejects(add(images.folder), { code: "CLOUD.NO_FILE" });
  assert.equal(cloud.mirror.count("Image"), 0);
  const file = join(images.folder, "mine.raw");
  writeFileSync(file, Buffer.alloc(mebibyte));
  await assert.rejects(add(file, `md5=${"0".repeat(32)}`), { code: "STORAGE.1023" });
  rmSync(join(images.storeFolder, "binnacle-image-store.json"));
  await assert.rejects(add(file), { code: "STORAGE.1030" });
  const tasks = [...cloud.mirror.all("Task")].filter(({ value }) => value.call === "AddImage");
  assert.ok(tasks.every(({ value }) => value.state === "Failed" || value.state.startsWith("Cancel")));
});
