import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

/*
 * What stands in for manager, console proxy and UI in a guest: programs as small as they can be, as real units, so that
 * the service is real to systemd and to the agent.
 */

const managerProgram = `
import { existsSync, readFileSync, rmSync } from "node:fs";
import * as http from "node:http";
import { createServer } from "node:https";
if (existsSync("/run/manager-fails")) {
  console.error("the store is locked by another program");
  process.exit(1);
}
const [key, cert] = ["key", "crt"].map((end) => readFileSync("/etc/binnacle/tls/localhost." + end));
createServer({ key, cert }, (_request, response) => response.end("{}")).listen(8080);
// Root's door, of a cloud with nothing in it.
const answers = {
  ready: { ready: true },
  summary: {
    hosts: { total: 0, byState: {}, byStatus: {} },
    virtualMachines: { total: 0, byState: {} },
    tasks: { running: 0, waiting: 0 },
  },
};
const answerOf = (url) => answers[url.split("/").at(-1)] ?? { inventories: [], total: 0 };
rmSync("/run/binnacle/manager.sock", { force: true });
http.createServer((request, response) => response.end(JSON.stringify(answerOf(request.url)))).listen("/run/binnacle/manager.sock");
`;

/** Makes a store of three records; run by the product's own Node. */
export const storeProgram = `
import { DatabaseSync } from "node:sqlite";
const database = new DatabaseSync("/var/lib/binnacle/manager/store.sqlite");
database.exec("CREATE TABLE host (id); INSERT INTO host VALUES (1), (2), (3)");
`;

/** In place of the role's installation, which has tests of its own: it writes down how it was called. */
export const roleProgram = `#!/bin/sh
step='{ "id": "manager", "group": "g", "title": "Manager", "state": "pass", "at": null, "code": null, "remedy": null'
echo '{ "role": "management", "version": "1", "state": "ready", "attempts": 9, "steps":' \\
  "[$step, \\"why\\": \\"as $*\\" }] }" >/etc/binnacle/role.json
exec systemctl enable --now binnacle-manager.service
`;

/** Files of the guest by their absolute paths without the first slash; `folder` is for keys that are made here. */
export function fakeManagerFiles(folder: string): Record<string, string> {
  const tls = path.join(folder, "tls");
  fs.mkdirSync(tls);
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"],
      ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
      ...["-keyout", "localhost.key", "-out", "localhost.crt"],
    ],
    { cwd: tls, stdio: "ignore" },
  );
  const [key = "", certificate = ""] = ["localhost.key", "localhost.crt"].map((name) =>
    fs.readFileSync(path.join(tls, name), "utf8"),
  );
  const unit = (...service: string[]) =>
    ["[Service]", ...service, "[Install]", "WantedBy=multi-user.target", ""].join("\n");
  return {
    "etc/binnacle/tls/localhost.key": key,
    "etc/binnacle/tls/localhost.crt": certificate,
    "etc/binnacle/tls/ca.crt": certificate,
    "usr/lib/binnacle/manager.js": managerProgram,
    "etc/systemd/system/binnacle-manager.service": unit(
      "ExecStartPre=/bin/sh -c '[ ! -e /run/manager-slow ] || sleep 20'",
      "ExecStart=/usr/lib/binnacle/node /usr/lib/binnacle/manager.js",
    ),
    "etc/systemd/system/binnacle-console-proxy.service": unit("ExecStart=/bin/sleep infinity"),
    "etc/systemd/system/binnacle-ui.service": unit("ExecStart=/bin/sleep infinity"),
  };
}
