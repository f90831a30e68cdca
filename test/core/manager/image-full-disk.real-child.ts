import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../../../core/node/command.ts";
import { answered, become, ContentClient } from "../../support/images/content-client.ts";
import { contentServer } from "../../support/images/content-server.ts";

/* A store on a file system of 8 MiB, in this process's own mount namespace. Prints as JSON what came of uploads to it. */

const mebibyte = 1024 ** 2;
const [uuid, other] = ["0f8fad5bd9cb469fa16570867728950e", "1f8fad5bd9cb469fa16570867728950e"];
const total = 6 * mebibyte;

async function main(folder: string): Promise<void> {
  const small = join(folder, "small");
  mkdirSync(small);
  await runCommand("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", small], { timeoutMs: 30_000 });
  const { server } = await contentServer({ folder: small });
  const socketPath = join(folder, "http.sock");
  await server.listen({ path: socketPath });
  const client = new ContentClient({ socketPath });
  const codeOf = (answer: Awaited<ReturnType<typeof client.put>>) => answer.json().error?.code;
  const said = codeOf(await client.put(uuid, 0, 9 * mebibyte, Buffer.alloc(9 * mebibyte)));
  const content = randomBytes(total);
  const sending = client.begin(uuid, 0, total, total);
  sending.asked.write(content.subarray(0, 2 * mebibyte));
  await become(
    () => client.offsetOf(uuid, total),
    (offset) => offset === 2 * mebibyte,
  );
  // What the first one has announced is not there for a second one.
  const together = codeOf(await client.put(other, 0, 3 * mebibyte, Buffer.alloc(3 * mebibyte)));
  writeFileSync(join(small, "somebody's"), Buffer.alloc(4 * mebibyte));
  sending.asked.end(content.subarray(2 * mebibyte));
  const full = codeOf(answered(await sending.answer));
  rmSync(join(small, "somebody's"));
  const offset = await client.offsetOf(uuid, total);
  const { isWhole } = (await client.put(uuid, offset, total, content.subarray(offset))).json();
  const isSame = readFileSync(join(small, "incoming", uuid, "content")).equals(content);
  await server.close();
  process.stdout.write(JSON.stringify({ said, together, full, offset, isWhole, isSame }));
}

await main(process.argv[2] ?? "");
