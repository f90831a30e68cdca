import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "../../../../core/api/client.ts";
import { NodeError } from "../../../../core/model/error.ts";
import type { NetworkOperation } from "../../../../core/model/network/operation.ts";
import { hasEnded, type KeepMode, type NetworkTransaction } from "../../../../core/model/network/transaction.ts";
import { installPackages } from "../../../../scripts/dev/test-packages.ts";
import { NetworkBed } from "../../../support/network/bed.ts";
import { managementProfile } from "../../../support/network/management-profile.ts";

/* Changes of the network on a real NetworkManager, with the agent and the node dying in between. */

const profileFile = "/etc/NetworkManager/system-connections/management.nmconnection";
const profileFolder = path.dirname(profileFile);
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

  before(async () => {
    assert.equal(why, undefined);
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "binnacle-network-"));
    bed = new NetworkBed(folder);
    await bed.start({ [profileFile]: profile });
    client = await bed.startAgent();
    await holds("10.0.0.5");
  });
  after(async () => {
    client?.close();
    await bed?.stop();
    if (folder !== undefined) fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const begin = (operations: NetworkOperation[], keep: KeepMode, seconds = 15) =>
    client.call("changeNetwork", { body: { operations, keep, seconds } });
  const until = async (
    { id }: NetworkTransaction,
    isSo: (transaction: NetworkTransaction) => boolean,
  ): Promise<NetworkTransaction> => {
    for (;;) {
      const transaction = await client.call("networkChange", { params: { id } });
      if (isSo(transaction)) return transaction;
      if (hasEnded(transaction)) assert.fail(`it ended as ${JSON.stringify(transaction)}`);
      await pause(20);
    }
  };
  const end = (transaction: NetworkTransaction) => until(transaction, hasEnded);
  /** The node answers at an address, and eth0 (or another link) has it and no other. */
  async function holds(address: string, link = "eth0"): Promise<void> {
    for (let i = 0; ; i++) {
      const has = bed.addresses(link);
      if (has.length === 1 && has[0] === `${address}/24` && bed.answers(address)) return;
      if (i === 40) assert.fail(`${link} has ${has.join(", ")} and not ${address}`);
      await pause(100);
    }
  }
  const tried = () =>
    bed
      .run("ls", ["/run/NetworkManager/system-connections"])
      .stdout.split("\n")
      .filter((name) => name !== "" && name !== "lo.nmconnection");

  it("is kept by itself when what was asked answers, and lies in /etc then", async () => {
    const ended = await end(await begin([address("eth0", "10.0.0.9")], "probes"));
    assert.deepEqual([ended.phase, ended.why, ended.error], ["committed", "probesPassed", null]);
    await holds("10.0.0.9");
    assert.match(bed.read(profileFile), /address1=10\.0\.0\.9\/24,10\.0\.0\.1/);
    assert.deepEqual(tried(), []);
    assert.deepEqual(bed.list(profileFolder), ["management.nmconnection"]);
    await end(await begin([address("eth0", "10.0.0.5")], "probes"));
    await holds("10.0.0.5");
  });

  it("is in force but not in /etc while it waits, and goes when nobody keeps it", async () => {
    const begun = await begin([address("eth0", "10.0.0.9")], "confirm", 10);
    await until(begun, ({ phase }) => phase === "waiting");
    await holds("10.0.0.9");
    assert.equal(bed.read(profileFile), profile);
    const ended = await end(begun);
    assert.deepEqual([ended.phase, ended.why], ["rolledBack", "timeout"]);
    await holds("10.0.0.5");
    assert.deepEqual(tried(), []);
    assert.deepEqual(bed.list(profileFolder), ["management.nmconnection"]);
  });

  it("is taken back at once when a person says so", async () => {
    const begun = await begin([{ do: "bridge", link: "br_eth0", port: "eth0" }], "confirm", 30);
    await until(begun, ({ phase }) => phase === "waiting");
    await holds("10.0.0.5", "br_eth0");
    await client.call("rollBackNetwork", { params: { id: begun.id } });
    const ended = await end(begun);
    assert.deepEqual([ended.phase, ended.why], ["rolledBack", "asked"]);
    await holds("10.0.0.5");
    assert.notEqual(bed.run("ip", ["link", "show", "br_eth0"]).code, 0);
  });

  it("to an address that another machine has is refused before anything changes, with that machine's MAC", async () => {
    bed.partner("ip", ["addr", "add", "10.0.0.77/24", "dev", "sw0"]);
    const ended = await end(await begin([address("eth0", "10.0.0.77")], "probes"));
    assert.equal(ended.error?.code, "NET.ADDRESS_TAKEN");
    assert.match(ended.error?.description ?? "", /10\.0\.0\.77 is used by another machine already: [0-9a-f:]{17}/);
    await holds("10.0.0.5");
  });

  it("to a gateway that nobody has is taken back by itself, and says so", async () => {
    const ended = await end(await begin([address("eth0", "10.0.0.9", "10.0.0.200")], "probes", 10));
    assert.deepEqual([ended.phase, ended.why, ended.error?.code], ["rolledBack", "probeFailed", "NET.PROBE_GATEWAY"]);
    assert.match(ended.error?.description ?? "", /The gateway 10\.0\.0\.200 does not answer on eth0\./);
    await holds("10.0.0.5");
  });

  it("is the only one at a time", async () => {
    const begun = await begin([address("eth0", "10.0.0.9")], "confirm", 30);
    await assert.rejects(begin([address("eth1", "10.0.1.9", null)], "probes"), (error: unknown) => {
      assert.ok(error instanceof NodeError);
      assert.equal(error.code, "NET.BUSY");
      assert.equal(error.message, "root is changing the network at the moment.");
      return true;
    });
    await until(begun, ({ phase }) => phase === "waiting");
    await client.call("rollBackNetwork", { params: { id: begun.id } });
    await end(begun);
    await holds("10.0.0.5");
  });

  it("is taken back by the next agent when the agent dies", async () => {
    const begun = await begin([address("eth0", "10.0.0.9")], "confirm", 60);
    await until(begun, ({ phase }) => phase === "waiting");
    await bed.killAgent();
    client.close();
    client = await bed.startAgent();
    const ended = await end(begun);
    assert.deepEqual([ended.phase, ended.why], ["rolledBack", "agentRestarted"]);
    await holds("10.0.0.5");
    assert.deepEqual(tried(), []);
  });

  it("is taken back by NetworkManager when no agent comes back", async () => {
    // Countdown and grace of the checkpoint are 10 s and 60 s; a shorter grace would race with the agent's own way back.
    const begun = await begin([address("eth0", "10.0.0.9")], "confirm", 10);
    await until(begun, ({ phase }) => phase === "waiting");
    await bed.killAgent();
    client.close();
    await pause(71_000);
    await holds("10.0.0.5");
    client = await bed.startAgent();
    const ended = await end(begun);
    assert.deepEqual([ended.phase, ended.why], ["rolledBack", "agentRestarted"]);
    await holds("10.0.0.5");
    assert.deepEqual(bed.list(profileFolder), ["management.nmconnection"]);
    assert.deepEqual(tried(), []);
  });

  it("is gone after a power cut, and the record says why", async () => {
    const begun = await begin([address("eth0", "10.0.0.9")], "confirm", 60);
    await until(begun, ({ phase }) => phase === "waiting");
    client.close();
    await bed.powerCut();
    await bed.powerOn();
    client = await bed.startAgent();
    await holds("10.0.0.5");
    const ended = await end(begun);
    assert.deepEqual([ended.phase, ended.why], ["rolledBack", "machineRestarted"]);
  });

  it("is taken back also when NetworkManager died in between", async () => {
    const begun = await begin([address("eth0", "10.0.0.9")], "confirm", 60);
    await until(begun, ({ phase }) => phase === "waiting");
    bed.run("pkill", ["-KILL", "-x", "NetworkManager"]);
    await client.call("rollBackNetwork", { params: { id: begun.id } });
    const ended = await end(begun);
    assert.deepEqual([ended.phase, ended.why], ["rolledBack", "asked"]);
    await holds("10.0.0.5");
  });

  it("leaves no bridge behind when NetworkManager died in between and does not know it any more", async () => {
    const begun = await begin([{ do: "bridge", link: "br_eth0", port: "eth0" }], "confirm", 60);
    await until(begun, ({ phase }) => phase === "waiting");
    bed.run("pkill", ["-KILL", "-x", "NetworkManager"]);
    // What it notes about devices that it has made: it had no time for that.
    bed.run("sh", ["-c", "rm /run/NetworkManager/devices/*"]);
    await client.call("rollBackNetwork", { params: { id: begun.id } });
    const ended = await end(begun);
    assert.deepEqual([ended.phase, ended.why], ["rolledBack", "asked"]);
    await holds("10.0.0.5");
    assert.notEqual(bed.run("ip", ["link", "show", "br_eth0"]).code, 0);
  });

  it("to an earlier configuration brings that back", async () => {
    await end(await begin([address("eth0", "10.0.0.9")], "probes"));
    await holds("10.0.0.9");
    const [newest] = await client.call("networkHistory", {});
    assert.equal(newest?.configuration.links[0]?.ipv4.addresses[0]?.address, "10.0.0.5");
    await end(await begin([{ do: "restore", id: newest?.id ?? "" }], "probes"));
    await holds("10.0.0.5");
  });

  it("sets up a card that was free once, though NetworkManager begins with it by itself", async () => {
    bed.run("sh", ["-c", "ip -o monitor address >/tmp/seen 2>&1 </dev/null & echo $! >/tmp/monitor"]);
    const ended = await end(await begin([address("eth1", "10.5.0.9", null)], "probes"));
    assert.equal(ended.phase, "committed");
    const seen = bed.run("sh", ["-c", "kill $(cat /tmp/monitor); cat /tmp/seen"]).stdout;
    assert.deepEqual(bed.addresses("eth1"), ["10.5.0.9/24"]);
    assert.match(seen, /10\.5\.0\.9/);
    assert.doesNotMatch(seen, /Deleted.*10\.5\.0\.9/);
    await end(await begin([{ do: "delete", link: "eth1", kind: "ethernet" }], "probes"));
  });

  it("gives a card another name, and back", async () => {
    const ended = await end(await begin([{ do: "rename", link: "eth0", to: "lan0" }], "probes"));
    assert.deepEqual([ended.phase, ended.error], ["committed", null]);
    await holds("10.0.0.5", "lan0");
    assert.match(bed.read("/etc/binnacle/node.json"), /"managementLink": "lan0"/);
    assert.equal(bed.list("/etc/systemd/network").length, 1);
    await end(await begin([{ do: "rename", link: "lan0", to: "eth0" }], "probes"));
    await holds("10.0.0.5");
  });

  it("gives a card a name that it has beside its own, as udev's other names are", async () => {
    bed.run("ip", ["link", "property", "add", "dev", "eth0", "altname", "enp9s0"]);
    const ended = await end(await begin([{ do: "rename", link: "eth0", to: "enp9s0" }], "probes"));
    assert.deepEqual([ended.phase, ended.error], ["committed", null]);
    await holds("10.0.0.5", "enp9s0");
    await end(await begin([{ do: "rename", link: "enp9s0", to: "eth0" }], "probes"));
    await holds("10.0.0.5");
  });
});
