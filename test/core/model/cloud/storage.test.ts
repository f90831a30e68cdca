import assert from "node:assert/strict";
import { test } from "node:test";
import {
  backupStorageTypes,
  fittingRefusal,
  preferredForRoot,
  primaryStoragePermits,
  primaryStorageRefusal,
  primaryStorageStates,
  primaryStorageTypes,
  storageStatus,
} from "../../../../core/model/cloud/storage.ts";
import { hasCredentials, imageUrlRefusal, placeRefusal, shownUrl } from "../../../../core/model/cloud/storage-place.ts";
import { isoRefusal } from "../../../../core/model/cloud/vm.ts";
import { attachRefusal, deepestTree, depthRefusal, volumeStatuses } from "../../../../core/model/cloud/volume.ts";
import { readable } from "./support.ts";

test("what a storage gives depends on its state and status", () => {
  for (const state of primaryStorageStates)
    for (const status of ["Connecting", "Connected", "Disconnected"] as const)
      for (const what of ["newVolume", "startMachine"] as const) {
        const refusal = primaryStorageRefusal("ps", { state, status }, what);
        const states: readonly string[] = primaryStoragePermits[what];
        assert.equal(refusal === undefined, status === "Connected" && states.includes(state));
        if (refusal !== undefined)
          assert.equal(readable(refusal).code, status === "Connected" ? "STORAGE.1003" : "STORAGE.1002");
      }
  const disabled = { state: "Disabled", status: "Connected" } as const;
  assert.equal(primaryStorageRefusal("ps", disabled, "newVolume")?.code, "STORAGE.1003");
  assert.equal(primaryStorageRefusal("ps", disabled, "startMachine"), undefined);
});

test("a storage is Connected while one host reaches it", () => {
  assert.equal(storageStatus([false, true, false]), "Connected");
  assert.equal(storageStatus([false, "pending"]), "Connecting");
  assert.equal(storageStatus([]), "Connecting");
  assert.equal(storageStatus([false, false]), "Disconnected");
});

test("image stores fit primary storages as the specification says", () => {
  const fits = {
    ImageStore: ["LocalStorage", "NFS", "SharedMountPoint", "Ceph"],
    SFTP: ["LocalStorage", "NFS", "SharedMountPoint"],
    Ceph: ["Ceph"],
  } as const;
  for (const backup of backupStorageTypes)
    for (const primary of primaryStorageTypes) {
      const refusal = fittingRefusal(backup, primary, true);
      const expected: readonly string[] = fits[backup];
      assert.equal(refusal === undefined, expected.includes(primary), `${backup} ${primary}`);
      if (refusal !== undefined) assert.equal(readable(refusal).code, "STORAGE.1010");
    }
  const other = fittingRefusal("Ceph", "Ceph", false);
  assert.ok(other !== undefined && readable(other).code === "STORAGE.1010");
  assert.equal(other.details, "Images of Ceph can't be brought to Ceph unless both are the same Ceph.");
  assert.equal(fittingRefusal("SFTP", "Ceph", true)?.details, "Images of SFTP can't be brought to Ceph.");
});

test("root volumes go to local storage where there is one", () => {
  const local = { type: "LocalStorage" } as const;
  const shared = { type: "NFS" } as const;
  assert.deepEqual(preferredForRoot([shared, local]), [local]);
  assert.deepEqual(preferredForRoot([shared]), [shared]);
});

test("a local storage is a folder of its own, and none of the system's", () => {
  for (const path of [
    "/binnacle_ps",
    "/data/vm/",
    "/binary",
    "/usr/binnacle",
    "/device",
    "/云",
    `/${"a".repeat(1023)}`,
  ])
    assert.equal(placeRefusal("LocalStorage", path), undefined, path);
  const hostile = [
    "",
    "data",
    "/",
    "//",
    "/dev",
    "/dev/",
    "//dev//sda",
    "/proc/1",
    "/sys",
    "/usr/bin",
    "/usr//bin/x",
    "/bin",
    "/bin/",
    "/data/../dev",
    "/./dev",
    "/data/..",
    "/a\nb",
    "/a\0b",
    "/\u001b[2J",
    `/${"a".repeat(1024)}`,
  ];
  for (const type of ["LocalStorage", "SharedMountPoint"] as const)
    for (const path of hostile) {
      const refusal = placeRefusal(type, path);
      assert.ok(refusal !== undefined, JSON.stringify(path));
      assert.equal(readable(refusal).code, "STORAGE.1006");
    }
  assert.equal(placeRefusal("LocalStorage", "/bin/")?.details, '"/bin/" belongs to the system.');
  assert.equal(
    placeRefusal("LocalStorage", "/dev/x")?.details,
    '"/dev/x" lies under /dev, which belongs to the system.',
  );
});

test("an NFS storage is a server and a folder", () => {
  for (const url of ["192.168.0.1:/nfs_root", "nas.example.com:/a/b", "[fd00::1]:/nfs"])
    assert.equal(placeRefusal("NFS", url), undefined, url);
  for (const url of [
    "/nfs_root",
    "192.168.0.1",
    "192.168.0.1:nfs",
    "192.168.0.300:/a",
    ":/a",
    "fd00::1:/a",
    "-o x:/a",
    "a b:/c",
    "nas:/a/../b",
    "nas:/a\n",
    "$(reboot):/a",
    "",
  ]) {
    const refusal = placeRefusal("NFS", url);
    assert.ok(refusal !== undefined && readable(refusal).code === "STORAGE.1006", url);
  }
  assert.equal(placeRefusal("Ceph", "vms"), undefined);
  assert.equal(placeRefusal("Ceph", "-p vms")?.code, "STORAGE.1006");
});

test("images come by http, https or from a file of the manager", () => {
  for (const url of [
    "http://a/b.iso",
    "https://example.com:8443/x.qcow2?y=1",
    "file:///images/a.raw",
    `http://a/${"x".repeat(2039)}`,
  ])
    assert.equal(imageUrlRefusal(url), undefined, url);
  for (const url of [
    "",
    "ftp://a/b",
    "file://a/b",
    "file:///../etc/shadow",
    "file:///a/../b",
    "file:///a/%2e%2e/b",
    "file:///a/.%2E/b",
    "http://u:p@a/b",
    "http://u@a/b",
    "http://:p@a/b",
    "http://a b",
    "HTTP:/a",
    "javascript:1",
    "http://",
    "http://a/\u001b[2J",
    `http://a/${"x".repeat(2040)}`,
  ]) {
    const refusal = imageUrlRefusal(url);
    assert.ok(refusal !== undefined && readable(refusal).code === "STORAGE.1011", url);
  }
});

test("of an image's address neither a password nor what follows a question mark is told", () => {
  for (const url of [
    "http://u:secret@a/b",
    "http:///u:secret@a/b",
    "http:u:secret@a/b",
    " HTTP:\\\\u:secret@a/b",
    "ftp://secret@a/b",
    "http://a b/?token=secret",
  ]) {
    const refusal = imageUrlRefusal(url);
    assert.ok(refusal !== undefined, url);
    assert.doesNotMatch(JSON.stringify(refusal), /secret/, url);
    assert.equal(hasCredentials(url), !url.includes("?"), url);
  }
  assert.equal(hasCredentials("file:///a@b/c"), false);
  assert.equal(hasCredentials("http://a/b@c?d=e@f"), false);
  assert.equal(shownUrl("https://a/b.qcow2?Signature=secret#x"), "https://a/b.qcow2?...");
});

test("a data volume is attached once, ready or not yet made, and only up to the limit", () => {
  const volume = { type: "Data", state: "Enabled", status: "Ready", vmInstanceUuid: null } as const;
  const machine = { dataVolumes: 0, most: 24 };
  for (const status of volumeStatuses) {
    const refusal = attachRefusal("v", { ...volume, status }, machine);
    assert.equal(refusal === undefined, status === "Ready" || status === "NotInstantiated", status);
  }
  for (const wrong of [{ type: "Root" }, { state: "Disabled" }, { vmInstanceUuid: "x" }] as const) {
    const refusal = attachRefusal("v", { ...volume, ...wrong }, machine);
    assert.ok(refusal !== undefined && readable(refusal).code === "STORAGE.1007");
  }
  assert.equal(attachRefusal("v", volume, { dataVolumes: 23, most: 24 }), undefined);
  assert.equal(attachRefusal("v", volume, { dataVolumes: 24, most: 24 })?.code, "VM.1007");
});

test("a snapshot tree has a bottom", () => {
  assert.equal(depthRefusal("v", deepestTree), undefined);
  const refusal = depthRefusal("v", deepestTree + 1);
  assert.ok(refusal !== undefined && readable(refusal).code === "STORAGE.1009");
});

test("a machine has three ISO images at most, and none twice", () => {
  assert.equal(isoRefusal("vm", ["a", "b"], "c"), undefined);
  for (const attached of [["a", "b", "d"], ["c"]]) {
    const refusal = isoRefusal("vm", attached, "c");
    assert.ok(refusal !== undefined && readable(refusal).code === "VM.1007");
  }
});
