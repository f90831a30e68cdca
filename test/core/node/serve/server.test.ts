import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import http from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { partsOf } from "../../../../core/node/serve/files.ts";
import { type FileServer, newToken, startFileServer } from "../../../../core/node/serve/server.ts";
import { temporaryFolder } from "../../../support/programs.ts";

const token = newToken();
let folder: { path: string; dispose(): void };
let server: FileServer;
let wrong: string[];
let answered: string[];

beforeEach(async () => {
  folder = temporaryFolder();
  const inside = join(folder.path, "n1");
  mkdirSync(join(inside, "a&b"), { recursive: true });
  writeFileSync(join(folder.path, "n1.tar.gz"), Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 256)));
  writeFileSync(join(inside, "INDEX.txt"), "index\n");
  writeFileSync(join(inside, "page.html"), "<script>alert(1)</script>");
  writeFileSync(join(inside, ".hidden"), "hidden");
  writeFileSync(join(inside, 'x"><script>.log'), "odd");
  writeFileSync(join(folder.path, "n0.tar.gz"), "not shared");
  writeFileSync(join(folder.path, "secret"), "not shared");
  symlinkSync("/etc/passwd", join(inside, "link"));
  symlinkSync("/etc", join(inside, "etc"));
  wrong = [];
  answered = [];
  server = await startFileServer({
    share: { root: folder.path, names: ["n1.tar.gz", "n1"] },
    token,
    ports: [0],
    host: "127.0.0.1",
    onAnswer: (what) => answered.push(what),
    onWrong: (from) => wrong.push(from),
    onTrouble: (error) => assert.fail(String(error)),
    wrongDelayMs: 20,
  });
});
afterEach(async () => {
  await server.close();
  folder.dispose();
});

type Answer = { status: number; headers: http.IncomingHttpHeaders; body: Buffer };

/** The path goes out as it is: fetch and URL would tidy it up. */
function ask(path: string, options: http.RequestOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: "127.0.0.1", port: server.port, path, agent: false, ...options },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        );
      },
    );
    request.on("error", reject);
    request.end();
  });
}
const get = (path: string, options: http.RequestOptions = {}) => ask(`/${token}/${path}`, options);

describe("whoever has the address", () => {
  test("sees what is handed out, and nothing beside it", async () => {
    const { status, headers, body } = await get("");
    assert.equal(status, 200);
    assert.equal(headers["content-type"], "text/html; charset=utf-8");
    assert.match(body.toString(), /href="\.\/n1\/".*href="\.\/n1\.tar\.gz"/s);
    assert.doesNotMatch(body.toString(), /n0|secret/);
    assert.equal((await ask(`/${token}`)).headers.location, `/${token}/`);
    assert.equal((await get("n1")).headers.location, "n1/");
  });

  test("reads a folder whose names are escaped, without hidden files and links", async () => {
    const { body } = await get("n1/");
    assert.match(body.toString(), /x&quot;&gt;&lt;script&gt;\.log/);
    assert.match(body.toString(), /a&amp;b\//);
    assert.doesNotMatch(body.toString(), /<script>|hidden|link|etc/);
    assert.equal((await get("n1/x%22%3E%3Cscript%3E.log")).body.toString(), "odd");
  });

  test("gets every log as text that no browser runs, and the archive as a file to save", async () => {
    for (const name of ["INDEX.txt", "page.html"]) {
      const { status, headers } = await get(`n1/${name}`);
      assert.equal(status, 200);
      assert.equal(headers["content-type"], "text/plain; charset=utf-8");
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["cache-control"], "no-store");
      assert.equal(headers["referrer-policy"], "no-referrer");
      assert.match(String(headers["content-security-policy"]), /default-src 'none'/);
    }
    const { headers, body } = await get("n1.tar.gz");
    assert.equal(headers["content-type"], "application/gzip");
    assert.equal(headers["content-disposition"], 'attachment; filename="n1.tar.gz"');
    assert.equal(body.length, 1000);
  });

  test("may type the token in capitals", async () => {
    assert.equal((await ask(`/${token.toUpperCase()}/n1/INDEX.txt`)).body.toString(), "index\n");
  });

  test("goes on with a download where it broke off", async () => {
    const part = await get("n1.tar.gz", { headers: { range: "bytes=990-" } });
    assert.equal(part.status, 206);
    assert.equal(part.headers["content-range"], "bytes 990-999/1000");
    assert.deepEqual([...part.body], [222, 223, 224, 225, 226, 227, 228, 229, 230, 231]);
    assert.equal((await get("n1.tar.gz", { headers: { range: "bytes=2000-" } })).status, 416);
    const changed = { range: "bytes=990-", "if-range": "Wed, 21 Oct 2015 07:28:00 GMT" };
    assert.equal((await get("n1.tar.gz", { headers: changed })).status, 200);
  });

  test("gets no body for a HEAD, and nothing at all for any other method", async () => {
    const head = await get("n1.tar.gz", { method: "HEAD" });
    assert.equal(head.headers["content-length"], "1000");
    assert.equal(head.body.length, 0);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) assert.equal((await get("", { method })).status, 405);
  });
});

describe("nothing outside is given", () => {
  const ways = [
    "../secret",
    "n1/../../secret",
    "n1/../secret",
    "%2e%2e/secret",
    "n1/%2e%2e/secret",
    "n1/%2E%2E%2Fsecret",
    "n1%2f..%2fsecret",
    "..%5csecret",
    "n1/..\\..\\secret",
    "n1//INDEX.txt",
    "//etc/passwd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "n1/link",
    "n1/etc/passwd",
    "n1/etc/",
    "n1/.hidden",
    "n1/INDEX.txt%00",
    "n1/INDEX.txt%00.log",
    "n1/INDEX.txt/",
    "n1/INDEX.txt/x",
    "n0.tar.gz",
    "secret",
    "n1/%",
    "n1/%c0%ae%c0%ae/secret",
    "n1/nothing",
    ".",
    "./",
  ];
  for (const way of ways)
    test(`by ${way}`, async () => {
      const { status, body } = await get(way);
      assert.equal(status, 404);
      assert.equal(body.toString(), "Not found.\n");
    });

  test("whatever the path is, its names are plain ones", () => {
    const pieces = ["..", ".", "/", "\\", "%2e", "%2f", "%5c", "%00", "a", "%25", "%", "?", "~", " ", "%0a"];
    for (let i = 0; i < 20_000; i++) {
      const path = Array.from({ length: 1 + (i % 7) }, () => pieces[Math.floor(Math.random() * pieces.length)]).join(
        "",
      );
      for (const part of partsOf(path) ?? []) assert.ok(!/^\.|[/\\\0\n]/.test(part), path);
    }
  });
});

describe("a wrong token", () => {
  test("gets 404 after a while, and is counted; what browsers ask for by themselves is not", async () => {
    const started = performance.now();
    for (const path of [`/${newToken()}/`, `/${token}x/`, "/n1/", `/x/${token}/`])
      assert.equal((await ask(path)).status, 404);
    assert.ok(performance.now() - started >= 4 * 20 - 1);
    assert.deepEqual(wrong, ["127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"]);
    for (const path of ["/", "/favicon.ico"]) assert.equal((await ask(path)).status, 404);
    assert.equal(wrong.length, 4);
    assert.deepEqual(answered, []);
  });

  test("learns nothing by another method", async () => {
    assert.equal((await ask("/x/", { method: "DELETE" })).status, 404);
  });

  test("tokens are long, alike to nobody's eye, and never the same", () => {
    const some = new Set(Array.from({ length: 1000 }, newToken));
    assert.equal(some.size, 1000);
    for (const one of some) assert.match(one, /^[a-km-np-z2-9]{16}$/);
  });
});

describe("the server", () => {
  test("takes no more than 24 connections, and goes on when some have gone", async () => {
    const sockets = Array.from({ length: 40 }, () => connect(server.port, "127.0.0.1"));
    const outcomes = await Promise.all(
      sockets.map(
        (socket) =>
          new Promise<"open" | "refused">((resolve) => {
            socket.on("error", () => resolve("refused"));
            socket.on("close", () => resolve("refused"));
            socket.on("data", () => resolve("open"));
            socket.write(`HEAD /${token}/ HTTP/1.1\r\nhost: x\r\n\r\n`);
          }),
      ),
    );
    assert.equal(outcomes.filter((one) => one === "open").length, 24);
    for (const socket of sockets) socket.destroy();
    for (;;) {
      const { status } = await get("").catch(() => ({ status: 0 }));
      if (status === 200) break;
    }
  });

  test("ends at once, in the middle of a download too", async () => {
    writeFileSync(join(folder.path, "n1/large.log"), Buffer.alloc(64 * 1024 * 1024));
    const broken = new Promise<void>((resolve) => {
      http.get({ host: "127.0.0.1", port: server.port, path: `/${token}/n1/large.log`, agent: false }, (response) => {
        response.once("data", () => {
          response.pause();
          void server.close();
          response.on("error", () => resolve());
          response.resume();
        });
      });
    });
    await broken;
    await assert.rejects(get(""), /ECONNREFUSED/);
  });

  test("takes another port when the first one is taken", async () => {
    const other = await startFileServer({
      share: { root: folder.path, names: [] },
      token,
      ports: [server.port, 0],
      host: "127.0.0.1",
      onAnswer: () => undefined,
      onWrong: () => undefined,
      onTrouble: () => undefined,
    });
    assert.notEqual(other.port, server.port);
    await other.close();
  });
});
