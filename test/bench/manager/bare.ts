import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import Fastify from "fastify";

/*
 * What the API is compared with: fastify with one route for reads and one for writes, which do nothing. Run as a
 * program: bare FOLDER PORT serves over TLS with the key and certificate in the folder, and on its socket without.
 */

const record = { inventory: Object.fromEntries(Array.from({ length: 24 }, (_, n) => [`field${n}`, `value ${n}`])) };

export type Bare = { port: number; socketPath: string; close(): Promise<void> };

/** Starts it in a process of its own. `through` goes before its command. */
export async function startBare(folder: string, port: number, through: readonly string[]): Promise<Bare> {
  const [key, cert] = [join(folder, "bare.key"), join(folder, "bare.crt")];
  const made = spawnSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"],
    ...["-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
  ]);
  if (made.status !== 0) throw new Error(String(made.stderr));
  const [program = "", ...args] = [...through, process.execPath, import.meta.filename, folder, String(port)];
  const child: ChildProcess = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  if (child.stdout === null) throw new Error("It has no output.");
  await once(child.stdout, "data");
  const gone = once(child, "exit");
  return {
    port,
    socketPath: join(folder, "bare.sock"),
    async close() {
      child.kill();
      await gone;
    },
  };
}

async function serve(folder: string, port: number): Promise<void> {
  const tls = { key: readFileSync(join(folder, "bare.key")), cert: readFileSync(join(folder, "bare.crt")) };
  const server = Fastify();
  server.get("/v1/bare/:uuid", async (_request, reply) => reply.send(record));
  server.put("/v1/bare/:uuid", async (_request, reply) => reply.send(record));
  await server.listen({ path: join(folder, "bare.sock") });
  const overTls = createServer({ ...tls, minVersion: "TLSv1.2" }, (request, response) =>
    server.routing(request, response),
  );
  overTls.listen(port, "127.0.0.1");
  await once(overTls, "listening");
  process.stdout.write("ready\n");
}

if (import.meta.main) await serve(process.argv[2] ?? "", Number(process.argv[3]));
