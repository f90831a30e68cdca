import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:https";
import { type TestContext, test } from "node:test";
import { connect } from "node:tls";
import { ServerCertificate, serverNames } from "../../../core/manager/certificate.ts";
import { pkiFiles } from "../../../core/manager/pki-files.ts";
import { Authority } from "../../../core/pki/authority.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

const interfaces = {
  lo: [{ address: "127.0.0.1" }, { address: "::1" }],
  eno1: [{ address: "10.0.0.5" }, { address: "fd00::5" }, { address: "fe80::1" }],
  eno2: undefined,
};

test("a manager is named by its host name, its addresses and the management address, not by what holds on one link only", () => {
  const names = serverNames({ hostname: "mn-1", interfaces, managementIp: "10.0.0.100" });
  assert.deepEqual(names, [
    ...["DNS:localhost", "DNS:mn-1", "IP:127.0.0.1", "IP:::1"],
    ...["IP:10.0.0.100", "IP:10.0.0.5", "IP:fd00::5"],
  ]);
  const odd = serverNames({ hostname: "bad_name,DNS:evil", interfaces: {}, managementIp: "" });
  assert.deepEqual(odd, ["DNS:localhost", "IP:127.0.0.1", "IP:::1"]);
  const many = { eno1: Array.from({ length: 1000 }, (_, i) => ({ address: `10.1.${i >> 8}.${i & 255}` })) };
  assert.equal(serverNames({ hostname: "mn", interfaces: many, managementIp: "10.0.0.1" }).length, 104);
});

async function bed(t: TestContext) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const authority = await Authority.open({ ...pkiFiles(), folder: folder.path, now: Date.now });
  const present = { names: ["DNS:localhost", "IP:fd00::5"] };
  const errors: unknown[] = [];
  const open = () =>
    ServerCertificate.open({
      server: (names) => authority.server(names),
      names: () => present.names,
      everyMs: 20,
      onError: (error) => errors.push(error),
    });
  return { authority, present, errors, open };
}

test("the certificate stays over restarts while the names do, and its key also when they change", async (t) => {
  const { present, open } = await bed(t);
  const first = (await open()).tls;
  assert.deepEqual((await open()).tls, first);
  present.names = ["DNS:localhost", "IP:fd00::6"];
  const second = (await open()).tls;
  assert.notEqual(second.cert, first.cert);
  assert.equal(second.key, first.key);
});

test("a server shows the new certificate to new connections soon after an address has come, and goes on when none can be made", async (t) => {
  const { authority, present, errors, open } = await bed(t);
  const certificate = await open();
  const server = createServer(certificate.tls);
  undoAfter(t, () => server.close());
  undoAfter(t, () => certificate.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const shownNames = async () => {
    const socket = connect({ host: "127.0.0.1", port, ca: authority.certificate, servername: "localhost" });
    await once(socket, "secureConnect");
    const { subjectaltname } = socket.getPeerCertificate();
    socket.destroy();
    return subjectaltname ?? "";
  };
  certificate.follow(server, {});
  assert.doesNotMatch(await shownNames(), /10\.0\.0\.9/);
  present.names = ["nonsense"];
  while (errors.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  present.names = ["DNS:localhost", "IP:10.0.0.9"];
  while (!(await shownNames()).includes("IP Address:10.0.0.9")) await new Promise((resolve) => setTimeout(resolve, 5));
});
