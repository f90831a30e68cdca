import assert from "node:assert/strict";
import { test } from "node:test";
import { pkiFiles } from "../../../core/manager/pki-files.ts";
import { Renewals } from "../../../core/manager/renewals.ts";
import { Authority } from "../../../core/pki/authority.ts";
import { fingerprintOf } from "../../../core/pki/fingerprint.ts";
import { newRequest } from "../../../core/pki/openssl.ts";
import { place } from "../../support/cloud/place.ts";
import { temporaryFolder } from "../../support/programs.ts";
import { undoAfter } from "../../support/undo.ts";

const day = 86_400_000;

test("certificates of connected hosts are renewed when a third of their life is left, and once; of lost ones when they are back", async (t) => {
  const { cloud, hostUuids } = await place(t, ["10.0.0.2", "10.0.0.3"]);
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const files = pkiFiles();
  const authority = await Authority.open({ ...files, folder: folder.path, now: Date.now });
  for (const uuid of hostUuids) {
    const { request } = await newRequest(files.run, `${folder.path}/work`);
    const certificate = await authority.signHost(request, uuid);
    const value = { certificate, fingerprint: fingerprintOf(certificate) };
    await cloud.records.change((tx) => tx.put("HostCertificate", uuid, value));
  }
  const [first = "", second = ""] = hostUuids;
  await cloud.records.change((tx) => tx.update("Host", second, { status: "Disconnected" }));
  const clock = { now: Date.now() };
  const renewed: string[] = [];
  const renewals = new Renewals({
    mirror: cloud.mirror,
    now: () => clock.now,
    renew: async (uuid) => void renewed.push(uuid),
  });
  assert.equal(await renewals.look(), 0);
  clock.now += 260 * day;
  assert.equal(await renewals.look(), 0);
  clock.now += 10 * day;
  assert.equal(await renewals.look(), 1);
  await cloud.records.change((tx) => tx.update("Host", second, { status: "Connected" }));
  await cloud.records.change((tx) => tx.put("HostCertificate", first, { certificate: "", fingerprint: "AB" }));
  assert.equal(await renewals.look(), 1);
  assert.deepEqual(renewed, [first, second]);
});

test("a manager renews what is due by itself", async (t) => {
  const { cloud, hostUuids } = await place(t, ["10.0.0.2"]);
  const [uuid = ""] = hostUuids;
  const folder = temporaryFolder();
  undoAfter(t, folder.dispose);
  const files = pkiFiles();
  const authority = await Authority.open({ ...files, folder: folder.path, now: () => Date.now() - 300 * day });
  const { request } = await newRequest(files.run, `${folder.path}/work`);
  const certificate = await authority.signHost(request, uuid);
  const value = { certificate, fingerprint: fingerprintOf(certificate) };
  await cloud.records.change((tx) => tx.put("HostCertificate", uuid, value));
  await cloud.sweep();
  const renewal = [...cloud.mirror.all("Task")].find((task) => task.value.call === "RenewHostCertificate");
  assert.equal(renewal?.value.resourceUuid, uuid);
});
