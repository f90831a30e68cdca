import assert from "node:assert/strict";
import { afterEach, before, beforeEach, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { NodeError } from "../../../../core/model/error.ts";
import type { NetworkOperation } from "../../../../core/model/network/operation.ts";
import { root, skipFor, whyNot } from "../../../support/bed-needs.ts";
import type { NetworkBed } from "../../../support/network/bed.ts";
import { address, ChangingNode, profile, profileFile, profileFolder } from "../../../support/network/changing.ts";

/* Changes of the network on a node where other hands have been at work, or where NetworkManager has its own way. */

const why = await whyNot([root]);

describe("a change of the network", { skip: skipFor(why) }, () => {
  let node: ChangingNode;
  let bed: NetworkBed;

  before(() => assert.equal(why, undefined));
  beforeEach(async () => {
    node = await ChangingNode.start();
    bed = node.bed;
  });
  afterEach(() => node?.stop());

  const spoilt: [what: string, spoil: () => void, code: string][] = [
    ["that others may read", () => bed.run("chmod", ["644", profileFile]), "NET.PROFILE_REFUSED"],
    ["with a line that is none", () => bed.write(profileFile, `${profile}hunter2\n`, 0o600), "NET.PROFILE_BROKEN"],
  ];
  for (const [what, spoil, code] of spoilt)
    it(`does not begin while the profile in force lies in a file ${what}: NetworkManager would let go of it`, async () => {
      spoil();
      await assert.rejects(node.begin([address("eth1", "10.0.1.9", null)], "probes"), (error: unknown) => {
        assert.ok(error instanceof NodeError);
        assert.equal(error.code, code);
        assert.match(error.message, /management\.nmconnection/);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      });
      await node.holds("10.0.0.5");
      bed.write(profileFile, profile, 0o600);
      await node.end(await node.begin([address("eth1", "10.0.1.9", null)], "probes"));
      await node.holds("10.0.0.5");
    });

  it("that is kept while NetworkManager hangs stays, also when that wakes up with its own way back in mind", async () => {
    const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm", 10);
    await node.waiting(begun);
    bed.run("pkill", ["-STOP", "-x", "NetworkManager"]);
    await node.client.call("keepNetwork", { params: { id: begun.id } });
    const ended = await node.end(begun);
    bed.run("pkill", ["-CONT", "-x", "NetworkManager"]);
    assert.deepEqual([ended.phase, ended.error], ["committed", null]);
    // Countdown and grace of the checkpoint.
    await pause(75_000);
    await node.holds("10.0.0.9");
    assert.deepEqual(bed.list(profileFolder), ["management.nmconnection"]);
    assert.match(bed.read(profileFile), /address1=10\.0\.0\.9/);
  });

  it("whose agent died while it was saved is in force with the next one, though NetworkManager went back", async () => {
    const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm", 10);
    await node.waiting(begun);
    await bed.killAgent();
    const file = (address: string) => ({ path: profileFile, text: profile.replace("10.0.0.5", address), mode: 0o600 });
    const list = { id: begun.id, after: [file("10.0.0.9")], before: [file("10.0.0.5")] };
    bed.run("sh", ["-c", `printf %s "$1" >/var/lib/binnacle/agent/network/commit.json`, "sh", JSON.stringify(list)]);
    await pause(75_000);
    await node.holds("10.0.0.5");
    await node.startAgent();
    const ended = await node.end(begun);
    assert.deepEqual([ended.phase, ended.error], ["committed", null]);
    await node.holds("10.0.0.9");
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
      const ended = await node.end(await node.begin([address("eth0", address4)], "probes"));
      assert.deepEqual([ended.phase, ended.error], ["committed", null]);
      await node.holds(address4);
      await held();
    }
    const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm");
    await node.waiting(begun);
    await held();
    await node.client.call("rollBackNetwork", { params: { id: begun.id } });
    await node.end(begun);
    await node.holds("10.0.0.5");
    await held();
  });

  it("of a profile that was made for this boot is kept beside the one of /etc whose file has its name", async () => {
    const foreign = ["ifname", "eth2", "con-name", "management", "ipv4.method", "manual", "ipv4.addresses"];
    bed.run("nmcli", ["con", "add", "save", "no", "type", "ethernet", ...foreign, "10.0.2.2/24"]);
    const ended = await node.end(await node.begin([address("eth2", "10.0.2.3", null)], "probes"));
    assert.deepEqual([ended.phase, ended.error], ["committed", null]);
    await node.holds("10.0.0.5");
    assert.equal(bed.read(profileFile), profile);
    assert.deepEqual(bed.list(profileFolder), ["management-2.nmconnection", "management.nmconnection"]);
    await node.end(await node.begin([{ do: "delete", link: "eth2", kind: "ethernet" }], "always"));
    await node.holds("10.0.0.5");
    assert.deepEqual(bed.list(profileFolder), ["management.nmconnection"]);
  });

  it("lets names move up, each card keeping its address, but not change places at once", async () => {
    const rename = (link: string, to: string): NetworkOperation => ({ do: "rename", link, to });
    await node.end(await node.begin([address("eth1", "10.0.1.9", null)], "probes"));
    const swap = [rename("eth0", "spare"), rename("eth1", "eth0"), rename("spare", "eth1")];
    await assert.rejects(node.begin(swap, "always"), { code: "NET.RENAME_SWAP" });
    const up = [rename("eth0", "spare"), rename("eth1", "lan0"), rename("spare", "eth1")];
    const begun = await node.begin(up, "confirm");
    await node.waiting(begun);
    await node.holds("10.0.0.5", "eth1");
    assert.deepEqual(bed.addresses("lan0"), ["10.0.1.9/24"]);
    await node.client.call("rollBackNetwork", { params: { id: begun.id } });
    await node.end(begun);
    await node.holds("10.0.0.5");
    assert.deepEqual(bed.addresses("eth1"), ["10.0.1.9/24"]);
    await node.end(await node.begin(up, "probes"));
    await node.holds("10.0.0.5", "eth1");
    node.client.close();
    await bed.powerCut();
    await bed.powerOn();
    await node.holds("10.0.0.5", "eth1");
    assert.deepEqual(bed.addresses("lan0"), ["10.0.1.9/24"]);

    // And down again, to what was in force before.
    await node.startAgent();
    const [before] = await node.client.call("networkHistory", {});
    await node.end(await node.begin([{ do: "restore", id: before?.id ?? "" }], "probes"));
    await node.holds("10.0.0.5");
    assert.deepEqual(bed.addresses("eth1"), ["10.0.1.9/24"]);
  });

  /** Writes what is on trial into /etc, with something of its own. */
  const modify = (name = "management") => bed.run("nmcli", ["connection", "modify", name, "ipv4.dns", "10.0.0.53"]);
  const aside = "management-11111111-1111-4111-8111-111111111111.nmconnection~";

  /** How a trial ends, by which call, and what the node holds then. */
  const ends = [
    ["taken back", "rollBackNetwork", "10.0.0.5"],
    ["kept", "keepNetwork", "10.0.0.9"],
  ] as const;

  for (const [end, call, held] of ends)
    it(`of a profile that somebody modifies on trial is ${end} whole, and says where that lies now`, async () => {
      const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm");
      await node.waiting(begun);
      await node.holds("10.0.0.9");
      modify();
      await node.client.call(call, { params: { id: begun.id } });
      const ended = await node.end(begun);
      assert.deepEqual(
        [ended.phase, ended.error?.code],
        [end === "kept" ? "committed" : "rolledBack", "NET.OTHER_HANDS"],
      );
      assert.ok(ended.error?.description.includes(`${profileFolder}/${aside}`), ended.error?.description);
      await node.holds(held);
      assert.deepEqual(bed.list(profileFolder), [aside, "management.nmconnection"].sort());
      assert.match(bed.read(`${profileFolder}/${aside}`), /^dns=10\.0\.0\.53/m);
      assert.equal(bed.read(profileFile), profile.replace("10.0.0.5", held));
      node.client.close();
      await bed.powerCut();
      await bed.powerOn();
      await node.holds(held);
    });

  it("of a profile that somebody modifies on trial is taken back after a power cut, and says so", async () => {
    const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm");
    await node.waiting(begun);
    modify();
    node.client.close();
    await bed.powerCut();
    await bed.powerOn();
    await node.startAgent();
    const ended = await node.end(begun);
    assert.deepEqual(
      [ended.phase, ended.why, ended.error?.code],
      ["rolledBack", "machineRestarted", "NET.OTHER_HANDS"],
    );
    await node.holds("10.0.0.5");
    assert.equal(bed.read(profileFile), profile);
  });

  it("leaves no bridge behind that somebody has modified on trial", async () => {
    const begun = await node.begin([{ do: "bridge", link: "br_eth0", port: "eth0" }], "confirm");
    await node.waiting(begun);
    await node.holds("10.0.0.5", "br_eth0");
    modify("br_eth0");
    await node.client.call("rollBackNetwork", { params: { id: begun.id } });
    const ended = await node.end(begun);
    assert.deepEqual([ended.phase, ended.error?.code], ["rolledBack", "NET.OTHER_HANDS"]);
    await node.holds("10.0.0.5");
    assert.notEqual(bed.run("ip", ["link", "show", "br_eth0"]).code, 0);
    assert.deepEqual(bed.list(profileFolder), ["br_eth0.nmconnection~", "management.nmconnection"]);
  });

  for (const [end, call, held] of ends)
    it(`of a profile that somebody deletes on trial is ${end} all the same, also over a restart`, async () => {
      const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm");
      await node.waiting(begun);
      assert.equal(bed.run("nmcli", ["connection", "delete", "management"]).code, 0);
      await node.client.call(call, { params: { id: begun.id } });
      await node.end(begun);
      await node.holds(held);
      assert.deepEqual(bed.list(profileFolder), ["management.nmconnection"]);
      node.client.close();
      await bed.powerCut();
      await bed.powerOn();
      await node.holds(held);
    });

  it("keeps what somebody has written into the profile's file meanwhile, beside it, and says so", async () => {
    const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm");
    await node.waiting(begun);
    const written = profile.replace("[ipv4]\n", "[ipv4]\ndns=10.0.0.53\n");
    bed.write(profileFile, written, 0o600);
    await node.client.call("keepNetwork", { params: { id: begun.id } });
    const ended = await node.end(begun);
    assert.deepEqual([ended.phase, ended.error?.code], ["committed", "NET.OTHER_HANDS"]);
    assert.ok(ended.error?.description.includes(`${profileFile}~`), ended.error?.description);
    assert.equal(bed.read(`${profileFile}~`), written);
    await node.holds("10.0.0.9");
  });

  it("is possible beside somebody's routes of a table of their own, which stay", async () => {
    const own = "route1=0.0.0.0/0,10.0.0.254\nroute1_options=table=100\n";
    bed.write(profileFile, profile.replace("[ipv4]\n", `[ipv4]\n${own}`), 0o600);
    bed.run("nmcli", ["connection", "reload"]);
    assert.equal(bed.run("nmcli", ["connection", "up", "management"]).code, 0);
    const after = { to: "10.7.0.0/16", via: "10.0.0.1", metric: null };
    const ended = await node.end(await node.begin([{ do: "oneRoute", link: "eth0", before: null, after }], "probes"));
    assert.deepEqual([ended.phase, ended.error], ["committed", null]);
    await node.holds("10.0.0.5");
    assert.match(bed.run("ip", ["route", "show", "table", "100"]).stdout, /^default via 10\.0\.0\.254 /);
    assert.match(bed.run("ip", ["route"]).stdout, /^10\.7\.0\.0\/16 via 10\.0\.0\.1 /m);
  });

  it("that is kept is in force alone, though somebody has modified and activated its profile on trial", async () => {
    const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm");
    await node.waiting(begun);
    bed.run("nmcli", ["connection", "modify", "management", "+ipv4.addresses", "10.0.0.77/24"]);
    assert.equal(bed.run("nmcli", ["connection", "up", "management"]).code, 0);
    await node.client.call("keepNetwork", { params: { id: begun.id } });
    const ended = await node.end(begun);
    assert.deepEqual([ended.phase, ended.error?.code], ["committed", "NET.OTHER_HANDS"]);
    await node.holds("10.0.0.9");
  });
});
