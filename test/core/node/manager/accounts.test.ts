import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { readManagerPasswords } from "../../../../core/node/manager/accounts.ts";
import { managerPaths } from "../../../../core/node/manager/configuration.ts";
import { manager, type ServiceBed, serviceBed } from "../service/bed.ts";

const beds: ServiceBed[] = [];
afterEach(() => Promise.all(beds.splice(0).map((bed) => bed.dispose())));

async function passwords(
  prepare: (bed: ServiceBed) => void = () => undefined,
  options: Parameters<typeof serviceBed>[0] = {},
) {
  const bed = await serviceBed(options);
  beds.push(bed);
  prepare(bed);
  const { refusals, ...others } = await readManagerPasswords({ service: bed.world, paths: managerPaths() });
  const codes = Object.values(refusals).map((refusal) => refusal?.code.replace("PASSWORDS.", "") ?? "-");
  return { codes: codes.join(" "), ...others };
}

const configured = (...lines: string[]) => {
  return (bed: ServiceBed) => void bed.files.set("/etc/binnacle/manager.conf", lines.join("\n"));
};
/** Nobody listens there. */
const etcd = ["store.type=etcd", "store.etcd.endpoints=http://127.0.0.1:1"];

test("the embedded store has no password; the cloud and the channel have theirs while a manager answers", async () => {
  const { codes, hosts } = await passwords((bed) => {
    bed.state.cloud.hosts = 4;
  });
  assert.deepEqual([codes, hosts], ["EMBEDDED EMBEDDED - -", 4]);
  const stopped = await passwords((bed) => void bed.units.set(manager, "inactive"));
  assert.deepEqual([stopped.codes, stopped.hosts], ["EMBEDDED EMBEDDED MANAGER_STOPPED MANAGER_STOPPED", null]);
});

test("a store in etcd has them where the manager is a user there", async () => {
  assert.equal((await passwords(configured(...etcd))).codes, "NO_STORE_USER NO_STORE_USER - -");
  const file = "store.etcd.passwordFile=/etc/binnacle/store-password";
  const { codes, storeUser, otherManagers } = await passwords((bed) => {
    configured(...etcd, "store.etcd.user=binnacle", file)(bed);
    bed.files.set("/etc/binnacle/store-password", "x\n");
  });
  assert.deepEqual([codes, storeUser, otherManagers], ["- - - -", "binnacle", []]);
});

test("a configuration that can't be used says why, and other nodes that they have none", async () => {
  assert.equal((await passwords(configured("store.type=files"))).codes, "CONFIGURATION CONFIGURATION - -");
  assert.equal((await passwords(undefined, { role: "compute" })).codes, Array(4).fill("NOT_MANAGEMENT").join(" "));
  const none = await passwords((bed) => bed.units.clear(), { library: [] });
  assert.equal(none.codes, Array(4).fill("NO_MANAGER").join(" "));
});
