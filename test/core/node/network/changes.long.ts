import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { NodeError } from "../../../../core/model/error.ts";
import type { NetworkOperation } from "../../../../core/model/network/operation.ts";
import { root, skipFor, whyNot } from "../../../support/bed-needs.ts";
import type { NetworkBed } from "../../../support/network/bed.ts";
import { address, ChangingNode, profile, profileFile, profileFolder } from "../../../support/network/changing.ts";

/* Changes of the network on a real NetworkManager, with the agent and the node dying in between. */

const why = await whyNot([root]);

describe("a change of the network", { skip: skipFor(why) }, () => {
  let node: ChangingNode;
  let bed: NetworkBed;

  before(async () => {
    assert.equal(why, undefined);
    node = await ChangingNode.start();
    bed = node.bed;
  });
  after(() => node?.stop());

  const tried = () =>
    bed
      .run("ls", ["/run/NetworkManager/system-connections"])
      .stdout.split("\n")
      .filter((name) => name !== "" && name !== "lo.nmconnection");

  it("is kept by itself when what was asked answers, and lies in /etc then", async () => {
    const ended = await node.end(await node.begin([address("eth0", "10.0.0.9")], "probes"));
    assert.deepEqual([ended.phase, ended.why, ended.error], ["committed", "probesPassed", null]);
    await node.holds("10.0.0.9");
    assert.match(bed.read(profileFile), /address1=10\.0\.0\.9\/24,10\.0\.0\.1/);
    assert.deepEqual(tried(), []);
    assert.deepEqual(bed.list(profileFolder), ["management.nmconnection"]);
    await node.end(await node.begin([address("eth0", "10.0.0.5")], "probes"));
    await node.holds("10.0.0.5");
  });

  it("is in force but not in /etc while it waits, and goes when nobody keeps it", async () => {
    const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm", 10);
    await node.waiting(begun);
    await node.holds("10.0.0.9");
    assert.equal(bed.read(profileFile), profile);
    const ended = await node.end(begun);
    assert.deepEqual([ended.phase, ended.why], ["rolledBack", "timeout"]);
    await node.holds("10.0.0.5");
    assert.deepEqual(tried(), []);
    assert.deepEqual(bed.list(profileFolder), ["management.nmconnection"]);
  });

  it("is taken back at once when a person says so", async () => {
    const begun = await node.begin([{ do: "bridge", link: "br_eth0", port: "eth0" }], "confirm", 30);
    await node.waiting(begun);
    await node.holds("10.0.0.5", "br_eth0");
    await node.client.call("rollBackNetwork", { params: { id: begun.id } });
    const ended = await node.end(begun);
    assert.deepEqual([ended.phase, ended.why], ["rolledBack", "asked"]);
    await node.holds("10.0.0.5");
    assert.notEqual(bed.run("ip", ["link", "show", "br_eth0"]).code, 0);
  });

  it("to an address that another machine has is refused before anything changes, with that machine's MAC", async () => {
    bed.partner("ip", ["addr", "add", "10.0.0.77/24", "dev", "sw0"]);
    const ended = await node.end(await node.begin([address("eth0", "10.0.0.77")], "probes"));
    assert.equal(ended.error?.code, "NET.ADDRESS_TAKEN");
    assert.match(ended.error?.description ?? "", /10\.0\.0\.77 is used by another machine already: [0-9a-f:]{17}/);
    await node.holds("10.0.0.5");
  });

  it("to a gateway that nobody has is taken back by itself, and says so", async () => {
    const ended = await node.end(await node.begin([address("eth0", "10.0.0.9", "10.0.0.200")], "probes", 10));
    assert.deepEqual([ended.phase, ended.why, ended.error?.code], ["rolledBack", "probeFailed", "NET.PROBE_GATEWAY"]);
    assert.match(ended.error?.description ?? "", /The gateway 10\.0\.0\.200 does not answer on eth0\./);
    await node.holds("10.0.0.5");
  });

  it("can't be kept before it is in force", async () => {
    const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm", 30);
    const early = node.client.call("keepNetwork", { params: { id: begun.id } });
    await assert.rejects(early, (error: unknown) => error instanceof NodeError && error.code === "NET.NOT_WAITING");
    await node.waiting(begun);
    await node.client.call("rollBackNetwork", { params: { id: begun.id } });
    assert.equal((await node.end(begun)).why, "asked");
    await node.holds("10.0.0.5");
  });

  it("is the only one at a time", async () => {
    const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm", 30);
    await assert.rejects(node.begin([address("eth1", "10.0.1.9", null)], "probes"), (error: unknown) => {
      assert.ok(error instanceof NodeError);
      assert.equal(error.code, "NET.BUSY");
      assert.equal(error.message, "root is changing the network at the moment.");
      return true;
    });
    await node.waiting(begun);
    await node.client.call("rollBackNetwork", { params: { id: begun.id } });
    await node.end(begun);
    await node.holds("10.0.0.5");
  });

  it("is taken back by the next agent when the agent dies", async () => {
    const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm", 60);
    await node.waiting(begun);
    await bed.killAgent();
    await node.startAgent();
    const ended = await node.end(begun);
    assert.deepEqual([ended.phase, ended.why], ["rolledBack", "agentRestarted"]);
    await node.holds("10.0.0.5");
    assert.deepEqual(tried(), []);
  });

  it("is taken back by NetworkManager when no agent comes back", async () => {
    // Countdown and grace of the checkpoint are 10 s and 60 s; a shorter grace would race with the agent's own way back.
    const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm", 10);
    await node.waiting(begun);
    await bed.killAgent();
    node.client.close();
    await pause(71_000);
    await node.holds("10.0.0.5");
    await node.startAgent();
    const ended = await node.end(begun);
    assert.deepEqual([ended.phase, ended.why], ["rolledBack", "agentRestarted"]);
    await node.holds("10.0.0.5");
    assert.deepEqual(bed.list(profileFolder), ["management.nmconnection"]);
    assert.deepEqual(tried(), []);
  });

  const ways: [how: string, isCut: boolean][] = [
    ["and the next agent gives the old names back", false],
    ["and after a power cut the node has them, agent or none", true],
  ];
  for (const [how, isCut] of ways)
    it(`keeps its addresses under new names of cards when no agent comes back, ${how}`, async () => {
      await node.end(await node.begin([address("eth1", "10.0.1.9", null)], "probes"));
      const operations: NetworkOperation[] = [
        { do: "rename", link: "eth0", to: "lan0" },
        { do: "rename", link: "eth1", to: "store0" },
        address("store0", "10.0.1.8", null),
      ];
      const begun = await node.begin(operations, "confirm", 10);
      await node.waiting(begun);
      await node.holds("10.0.0.5", "lan0");
      assert.deepEqual(bed.addresses("store0"), ["10.0.1.8/24"]);
      await bed.killAgent();
      node.client.close();
      await pause(71_000);
      await node.holds("10.0.0.5", "lan0");
      assert.deepEqual(bed.addresses("store0"), ["10.0.1.9/24"]);
      if (isCut) {
        await bed.powerCut();
        await bed.powerOn();
        await node.holds("10.0.0.5");
        assert.deepEqual(bed.addresses("eth1"), ["10.0.1.9/24"]);
      }
      await node.startAgent();
      const ended = await node.end(begun);
      assert.deepEqual([ended.phase, ended.why], ["rolledBack", isCut ? "machineRestarted" : "agentRestarted"]);
      await node.holds("10.0.0.5");
      assert.deepEqual(bed.addresses("eth1"), ["10.0.1.9/24"]);
      assert.deepEqual(tried(), []);
      await node.end(await node.begin([{ do: "delete", link: "eth1", kind: "ethernet" }], "probes"));
      assert.deepEqual(bed.list(profileFolder), ["management.nmconnection"]);
    });

  it("is gone after a power cut, and the record says why", async () => {
    const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm", 60);
    await node.waiting(begun);
    node.client.close();
    await bed.powerCut();
    await bed.powerOn();
    await node.startAgent();
    await node.holds("10.0.0.5");
    const ended = await node.end(begun);
    assert.deepEqual([ended.phase, ended.why], ["rolledBack", "machineRestarted"]);
  });

  it("is taken back also when NetworkManager died in between", async () => {
    const begun = await node.begin([address("eth0", "10.0.0.9")], "confirm", 60);
    await node.waiting(begun);
    bed.run("pkill", ["-KILL", "-x", "NetworkManager"]);
    await node.client.call("rollBackNetwork", { params: { id: begun.id } });
    const ended = await node.end(begun);
    assert.deepEqual([ended.phase, ended.why], ["rolledBack", "asked"]);
    await node.holds("10.0.0.5");
  });

  it("leaves no bridge behind when NetworkManager died in between and does not know it any more", async () => {
    const begun = await node.begin([{ do: "bridge", link: "br_eth0", port: "eth0" }], "confirm", 60);
    await node.waiting(begun);
    bed.run("pkill", ["-KILL", "-x", "NetworkManager"]);
    // What it notes about devices that it has made: it had no time for that.
    bed.run("sh", ["-c", "rm /run/NetworkManager/devices/*"]);
    await node.client.call("rollBackNetwork", { params: { id: begun.id } });
    const ended = await node.end(begun);
    assert.deepEqual([ended.phase, ended.why], ["rolledBack", "asked"]);
    await node.holds("10.0.0.5");
    assert.notEqual(bed.run("ip", ["link", "show", "br_eth0"]).code, 0);
  });

  it("to an earlier configuration brings that back", async () => {
    await node.end(await node.begin([address("eth0", "10.0.0.9")], "probes"));
    await node.holds("10.0.0.9");
    const [newest] = await node.client.call("networkHistory", {});
    assert.equal(newest?.configuration.links[0]?.ipv4.addresses[0]?.address, "10.0.0.5");
    await node.end(await node.begin([{ do: "restore", id: newest?.id ?? "" }], "probes"));
    await node.holds("10.0.0.5");
  });

  it("sets up a card that was free once, though NetworkManager begins with it by itself", async () => {
    bed.run("sh", ["-c", "ip -o monitor address >/tmp/seen 2>&1 </dev/null & echo $! >/tmp/monitor"]);
    const ended = await node.end(await node.begin([address("eth1", "10.5.0.9", null)], "probes"));
    assert.equal(ended.phase, "committed");
    const seen = bed.run("sh", ["-c", "kill $(cat /tmp/monitor); cat /tmp/seen"]).stdout;
    assert.deepEqual(bed.addresses("eth1"), ["10.5.0.9/24"]);
    assert.match(seen, /10\.5\.0\.9/);
    assert.doesNotMatch(seen, /Deleted.*10\.5\.0\.9/);
    await node.end(await node.begin([{ do: "delete", link: "eth1", kind: "ethernet" }], "probes"));
  });

  it("is possible with a damaged file of the node", async () => {
    const whole = bed.read("/etc/binnacle/node.json");
    bed.run("sh", ["-c", ": >/etc/binnacle/node.json"]);
    await node.end(await node.begin([address("eth0", "10.0.0.9")], "probes"));
    await node.holds("10.0.0.9");
    bed.run("sh", ["-c", `cat >/etc/binnacle/node.json <<'EOF'\n${whole}\nEOF`]);
    await node.end(await node.begin([address("eth0", "10.0.0.5")], "probes"));
    await node.holds("10.0.0.5");
  });

  it("gives a card another name, and back", async () => {
    const ended = await node.end(await node.begin([{ do: "rename", link: "eth0", to: "lan0" }], "probes"));
    assert.deepEqual([ended.phase, ended.error], ["committed", null]);
    await node.holds("10.0.0.5", "lan0");
    assert.match(bed.read("/etc/binnacle/node.json"), /"managementLink": "lan0"/);
    assert.equal(bed.list("/etc/systemd/network").length, 1);
    await node.end(await node.begin([{ do: "rename", link: "lan0", to: "eth0" }], "probes"));
    await node.holds("10.0.0.5");
  });

  it("gives a card a name that it has beside its own, as udev's other names are", async () => {
    bed.run("ip", ["link", "property", "add", "dev", "eth0", "altname", "enp9s0"]);
    const ended = await node.end(await node.begin([{ do: "rename", link: "eth0", to: "enp9s0" }], "probes"));
    assert.deepEqual([ended.phase, ended.error], ["committed", null]);
    await node.holds("10.0.0.5", "enp9s0");
    await node.end(await node.begin([{ do: "rename", link: "enp9s0", to: "eth0" }], "probes"));
    await node.holds("10.0.0.5");
  });

  it("gives a card a name that lasts, though others have named it in a file of theirs", async () => {
    const foreign = "/etc/systemd/network/10-other.link";
    bed.write(foreign, "[Match]\nPermanentMACAddress=02:00:00:00:00:00\n\n[Link]\nName=eth0\nMTUBytes=1400\n");
    await node.end(await node.begin([{ do: "rename", link: "eth0", to: "lan0" }], "probes"));
    node.client.close();
    await bed.powerCut();
    await bed.powerOn();
    await node.holds("10.0.0.5", "lan0");
    await node.startAgent();
    bed.run("rm", [foreign]);
    await node.end(await node.begin([{ do: "rename", link: "lan0", to: "eth0" }], "probes"));
    await node.holds("10.0.0.5");
  });

  it("to a name that the kernel refuses leaves the card up, with its routes", async () => {
    const refusing = 'case " $* " in *" name "*) echo "RTNETLINK answers: Device busy" >&2; exit 2 ;; esac';
    bed.write("/usr/local/bin/ip", `#!/bin/sh\n${refusing}\nexec /usr/sbin/ip "$@"\n`, 0o755);
    const ended = await node.end(await node.begin([{ do: "rename", link: "eth0", to: "lan0" }], "probes"));
    assert.deepEqual([ended.phase, ended.error?.code], ["rolledBack", "NET.RENAME_REFUSED"]);
    await node.holds("10.0.0.5");
    assert.match(bed.run("ip", ["route"]).stdout, /^default via 10\.0\.0\.1 dev eth0/m);
  });

  it("does not give a card a name that would not last", async () => {
    const rename: NetworkOperation = { do: "rename", link: "eth0", to: "lan0" };
    bed.run("sh", ["-c", "mkdir /run/unpinned && touch /run/unpinned/eth0"]);
    await assert.rejects(node.begin([rename], "probes"), { code: "NET.RENAME_UNPINNED" });
    bed.run("rm", ["-r", "/run/unpinned"]);
    bed.run("sh", [
      "-c",
      "mkdir -p /run/systemd/network && printf '[Match]\nOriginalName=*\n' >$0",
      "/run/systemd/network/00-a.link",
    ]);
    await assert.rejects(node.begin([rename], "probes"), { code: "NET.RENAME_OVERRULED" });
    bed.run("rm", ["-r", "/run/systemd/network"]);
    await node.holds("10.0.0.5");
  });
});
