import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { writeDurably } from "../../../core/node/durable.ts";
import { readIfThere, realMachine } from "../../../core/node/machine.ts";
import { Authority } from "../../../core/pki/authority.ts";
import { renewalTime } from "../../../core/pki/fingerprint.ts";
import { newRequest } from "../../../core/pki/openssl.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

const day = 86_400_000;
const uuid = "00000000000040008000000000000001";
const machine = realMachine();

async function bed(t: TestContext) {
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const clock = { now: Date.UTC(2026, 0, 10) };
  const open = () =>
    Authority.open({
      folder: folder.path,
      run: machine.run,
      read: (file) => readIfThere(machine, file),
      write: writeDurably,
      now: () => clock.now,
    });
  return { folder: folder.path, clock, open };
}

test("a host's certificate names the host and nothing that its request asks for, for 397 days", async (t) => {
  const { folder, clock, open } = await bed(t);
  const authority = await open();
  const { request } = await newRequest(machine.run, join(folder, "work"));
  const made = new X509Certificate(await authority.signHost(request, uuid));
  assert.equal(made.subject, `O=Binnacle\nCN=${uuid}`);
  assert.equal(made.subjectAltName, `URI:urn:uuid:${uuid}`);
  assert.equal(made.ca, false);
  assert.ok(made.verify(new X509Certificate(authority.certificate).publicKey));
  assert.equal(made.validToDate.getTime(), clock.now + 397 * day);
  assert.equal(renewalTime(made.toString()), clock.now + 397 * day - (397 * day) / 3);
});

test("what is no request for a key on P-256 gets no certificate", async (t) => {
  const { open } = await bed(t);
  const authority = await open();
  await assert.rejects(authority.signHost("nonsense", uuid), { code: "CERT.BAD_REQUEST" });
  const { stdout } = await machine.run(
    "openssl",
    ["req", "-new", "-newkey", "rsa:1024", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=x"],
    { timeoutMs: 30_000, reason: "a weak key" },
  );
  await assert.rejects(authority.signHost(stdout, uuid), { code: "CERT.BAD_REQUEST" });
});

test("an authority stays the same, its key for root alone; many who ask at once get one manager's certificate", async (t) => {
  const { folder, open } = await bed(t);
  const authority = await open();
  const all = await Promise.all(Array.from({ length: 20 }, () => authority.manager()));
  assert.equal(new Set(all).size, 1);
  const again = await open();
  assert.equal(again.fingerprint, authority.fingerprint);
  assert.equal((await again.manager()).certificate, all[0]?.certificate);
  for (const name of ["ca.key", "manager.key"]) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
});

test("a manager's certificate is made anew when a third of its life is left", async (t) => {
  const { clock, open } = await bed(t);
  const authority = await open();
  const first = await authority.manager();
  clock.now = renewalTime(first.certificate) - 1000;
  assert.equal(await authority.manager(), first);
  clock.now += 1000;
  const second = await authority.manager();
  assert.notEqual(second.certificate, first.certificate);
  assert.equal(second.key, first.key);
});
