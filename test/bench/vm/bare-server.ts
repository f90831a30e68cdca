import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { pipeline } from "node:stream";

/* What loopback itself gives: node bare-server.ts SOCKET FILE takes pieces and drops them, and gives FILE. */

const [socket = "", file = ""] = process.argv.slice(2);
createServer((request, response) => {
  if (request.method === "GET") pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), response, () => {});
  else request.resume().once("end", () => response.end("{}"));
}).listen(socket, () => console.log("ready"));
