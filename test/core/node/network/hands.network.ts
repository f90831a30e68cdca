import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "../../../../core/api/client.ts";
import { NodeError } from "../../../../core/model/error.ts";
import type { NetworkOperation } from "../../../../core/model/network/operation.ts";
import { hasEnded, type KeepMode, type NetworkTransaction } from "../../../../core/model/network/transaction.ts";
import { installPackages } from "../../../../scripts/dev/test-packages.ts";
import { NetworkBed } from "../../../support/network/bed.ts";
import { managementProfile } from "../../../support/network/management-profile.ts";

/* Changes of the network on a node where other hands have been at work, or where NetworkManager has its own way. */

const profileFolder = "/etc/NetworkManager/system-connections";
const profileFile = `${profileFolder}/management.nmconnection`;
const profile = managementProfile("eth0");

async function whyNot(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "needs root, for namespaces";
  const absent = await installPackages("long");
  return absent.length === 0 ? undefined : `needs the packages ${absent.map(({ name }) => name).join(", ")}`;
}

const why = await whyNot();
const isCi = process.env["CI"] === "true";

function address(link: string, text: string, gateway: string | null = "10.0.0.1"): NetworkOperation {
  const addresses = [{ address: text, prefix: 24 }];
  return { do: "address", link, ipv4: { method: "static", addresses, gateway, routes: [], nameServers: [] } };
}

describe("a change of the network", { skip: why !== undefined && !isCi ? why : false }, () => {
  let folder: string;
  let bed: NetworkBed;
  let client: Client;

  before(() => assert.equal(why, undefined));
  beforeEach(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-network-"));
    bed = new NetworkBed(folder);
    await bed.start({ [profileFile]: profile });
    client = await bed.startAgent();
    await holds("10.0.0.5");
  });
  afterEach(async () => {
    client?.close();
    await bed?.stop();
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const begin = (operations: NetworkOperation[], keep: KeepMode, seconds = 15) =>
    client.call("changeNetwork", { body: { operations, keep, seconds } });
  async function until(
    { id }: NetworkTransaction,
    isSo: (transaction: NetworkTransaction) => boolean,
  ): Promise<NetworkTransaction> {
    for (;;) {
      const transaction = await client.call("networkChange", { params: { id } });
      if (isSo(transaction)) return transaction;
      if (hasEnded(transaction)) assert.fail(`it ended as ${JSON.stringify(transaction)}`);
      await pause(20);
    }
  }
  const end = (transaction: NetworkTransaction) => until(transaction, hasEnded);
  const waiting = (transaction: NetworkTransaction) => until(transaction, ({ phase }) => phase === "waiting");
  async function holds(address: string, link = "eth0"): Promise<void> {
    for (let i = 0; ; i++) {
      const has = bed.addresses(link);
      if (has.length === 1 && has[0] === `${address}/24` && bed.answers(address)) return;
      if (i === 40) assert.fail(`${link} has ${has.join(", ")} and not ${address}`);
      await pause(100);
    }
  }

  const spoilt: [what: string, spoil: () => void, code: string][] = [
    ["that others may read", () => bed.run("chmod", ["644", profileFile]), "NET.PROFILE_REFUSED"],
    ["with a line that is none", () => bed.write(profileFile, `${profile}hunter2\n`, 0o600), "NET.PROFILE_BROKEN"],
  ];
  for (const [what, spoil, code] of spoilt)
    it(`does not begin while the profile in force lies in a file ${what}: NetworkManager would let go of it`, async () => {
      spoil();
      await assert.rejects(begin([address("eth1", "10.0.1.9", null)], "probes"), (error: unknown) => {
        assert.ok(error instanceof NodeError);
        assert.equal(error.code, code);
        assert.match(error.message, /management\.nmconnection/);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      });
      await holds("10.0.0.5");
      bed.write(profileFile, profile, 0o600);
      await end(await begin([address("eth1", "10.0.1.9", null)], "probes"));
      await holds("10.0.0.5");
    });

  it("that is kept while NetworkManager hangs stays, also when that wakes up with its own way back in mind", async () => {
    const begun = await begin([address("eth0", "10.0.0.9")], "confirm", 10);
    await waiting(begun);
    bed.run("pkill", ["-STOP", "-x", "NetworkManager"]);
    await client.call("keepNetwork", { params: { id: begun.id } });
    const ended = await end(begun);
    bed.run("pkill", ["-CONT", "-x", "NetworkManager"]);
    assert.deepEqual([ended.phase, ended.error], ["committed", null]);
    // Countdown and grace of the checkpoint.
    await pause(75_000);
    await holds("10.0.0.9");
    assert.deepEqual(bed.list(profileFolder), ["management.nmconnection"]);
    assert.match(bed.read(profileFile), /address1=10\.0\.0\.9/);
  });

  it("whose agent died while it was saved is in force with the next one, though NetworkManager went back", async () => {
    const begun = await begin([address("eth0", "10.0.0.9")], "confirm", 10);
    await waiting(begun);
    await bed.killAgent();
    const file = (address: string) => ({ path: profileFile, text: profile.replace("10.0.0.5", address), mode: 0o600 });
    const list = { id: begun.id, after: [file("10.0.0.9")], before: [file("10.0.0.5")] };
    bed.run("sh", ["-c", `printf %s "$1" >/var/lib/binnacle/agent/network/commit.json`, "sh", JSON.stringify(list)]);
    await pause(75_000);
    await holds("10.0.0.5");
    client.close();
    client = await bed.startAgent();
    const ended = await end(begun);
    assert.deepEqual([ended.phase, ended.error], ["committed", null]);
    await holds("10.0.0.9");
    assert.deepEqual(bed.list(profileFolder), ["management.nmconnection"]);
  });

  it("leaves a profile that somebody has made for this boot, though its file has the name of ours", async () => {
    const foreign = ["ifname", "eth2", "con-name", "management", "ipv4.method", "manual", "ipv4.addresses"];
    bed.run("nmcli", ["con", "add", "save", "no", "type", "ethernet", ...foreign, "10.0.2.2/24"]);
    const held = async () => {
      for (let i = 0; bed.addresses("eth2")[0] !== "10.0.2.2/24"; i++) {
        assert.ok(i < 40, "eth2 has lost the address that somebody gave it");
        await pause(100);
      }
    };
    await held();
    for (const address4 of ["10.0.0.9", "10.0.0.5"]) {
      const ended = await end(await begin([address("eth0", address4)], "probes"));
      assert.deepEqual([ended.phase, ended.error], ["committed", null]);
      await holds(address4);
      await held();
    }
    const begun = await begin([address("eth0", "10.0.0.9")], "confirm");
    await waiting(begun);
    await held();
    await client.call("rollBackNetwork", { params: { id: begun.id } });
    await end(begun);
    await holds("10.0.0.5");
    await held();
  });

  it("of a profile that was made for this boot is kept beside the one of /etc whose file has its name", async () => {
    const foreign = ["ifname", "eth2", "con-name", "management", "ipv4.method", "manual", "ipv4.addresses"];
    bed.run("nmcli", ["con", "add", "save", "no", "type", "ethernet", ...foreign, "10.0.2.2/24"]);
    const ended = await end(await begin([address("eth2", "10.0.2.3", null)], "probes"));
    assert.deepEqual([ended.phase, ended.error], ["committed", null]);
    await holds("10.0.0.5");
    assert.equal(bed.read(profileFile), profile);
    assert.deepEqual(bed.list(profileFolder), ["management-2.nmconnection", "management.nmconnection"]);
    await end(await begin([{ do: "delete", link: "eth2", kind: "ethernet" }], "always"));
    await holds("10.0.0.5");
    assert.deepEqual(bed.list(profileFolder), ["management.nmconnection"]);
  });

  it("lets names move up, each card keeping its address, but not change places at once", async () => {
    const rename = (link: string, to: string): NetworkOperation => ({ do: "rename", link, to });
    await end(await begin([address("eth1", "10.0.1.9", null)], "probes"));
    const swap = [rename("eth0", "spare"), rename("eth1", "eth0"), rename("spare", "eth1")];
    await assert.rejects(begin(swap, "always"), { code: "NET.RENAME_SWAP" });
    const up = [rename("eth0", "spare"), rename("eth1", "lan0"), rename("spare", "eth1")];
    const begun = await begin(up, "confirm");
    await waiting(begun);
    await holds("10.0.0.5", "eth1");
    assert.deepEqual(bed.addresses("lan0"), ["10.0.1.9/24"]);
    await client.call("rollBackNetwork", { params: { id: begun.id } });
    await end(begun);
    await holds("10.0.0.5");
    assert.deepEqual(bed.addresses("eth1"), ["10.0.1.9/24"]);
    await end(await begin(up, "probes"));
    await holds("10.0.0.5", "eth1");
    client.close();
    await bed.powerCut();
    await bed.powerOn();
    await holds("10.0.0.5", "eth1");
    assert.deepEqual(bed.addresses("lan0"), ["10.0.1.9/24"]);
  });
});
