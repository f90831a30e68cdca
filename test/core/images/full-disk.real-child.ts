import { mkdirSync, readdirSync, statfsSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { LocalImageStore } from "../../../core/images/local-image-store.ts";
import { NodeError } from "../../../core/model/error.ts";
import { runCommand } from "../../../core/node/command.ts";

/*
 * A store on a file system of 4 MiB, in this process's own mount namespace: it fills up while an image comes whose server
 * does not say how large it is. Prints as JSON what came of it.
 */

const mebibyte = 1024 ** 2;
const imageUuid = "0f8fad5bd9cb469fa16570867728950e";

async function main(folder: string): Promise<void> {
  mkdirSync(folder);
  await runCommand("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], { timeoutMs: 30_000 });
  const store = { uuid: "11111111222243338444555566667777", url: folder };
  const images = new LocalImageStore({ checkpointBytes: mebibyte, pauseMs: () => 1 });
  await images.prepare(folder);
  await images.claim(store);
  const server = createServer((request, response) => {
    const said = request.url === "/said" ? { "content-length": 8 * mebibyte } : {};
    response.writeHead(200, said).end(Buffer.alloc(8 * mebibyte, 7));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const codeOf = (path: string, reservedBytes: number) =>
    images
      .fetch(store, {
        ...{ imageUuid, url: `http://127.0.0.1:${port}${path}`, md5: null, idleMs: 60_000, reservedBytes },
        ...{ onProgress: () => undefined, signal: new AbortController().signal },
      })
      .then(
        () => "fetched",
        (error: unknown) => (error instanceof NodeError ? error.code : String(error)),
      );
  const said = await codeOf("/said", 0);
  const reserved = await codeOf("/unsaid", 2 * mebibyte);
  const { bavail, bsize } = statfsSync(folder);
  const full = await codeOf("/unsaid", 0);
  await images.discard(store, imageUuid);
  const left = readdirSync(join(folder, "incoming"));
  const { availableBytes } = await images.room(store);
  server.closeAllConnections();
  server.close();
  process.stdout.write(JSON.stringify({ said, reserved, freeAtReserve: bavail * bsize, full, left, availableBytes }));
}

await main(process.argv[2] ?? "");
