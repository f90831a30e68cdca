import assert from "node:assert/strict";
import { it } from "node:test";
import { noIpv4 } from "../../../../core/model/network/configuration.ts";
import type { NetworkOperation } from "../../../../core/model/network/operation.ts";
import type { commands } from "../../../../scripts/network/commands.ts";
import { describeOnGuest } from "../../../support/network/guest-test.ts";

/* Bonds, VLANs, names and addresses on a whole machine, each also after a restart. */

describeOnGuest("on a whole machine", ({ guest, zs, change }) => {
  const bonding = (bond: string) => guest().run(`cat /proc/net/bonding/${bond}`);
  const isThere = async (link: string) => (await guest().try(`[ -e /sys/class/net/${link} ]`)).status === 0;

  it("each command says how it is used when it is used otherwise, with status 2", async () => {
    const wrong: Record<(typeof commands)[number]["name"], string> = {
      "zs-show-network": "all",
      "zs-network-setting": "-i eno1 10.0.0.300 24",
      "zs-change-nic": "-c eno1",
      "zs-vlan": "-c eno1 4095",
      "zs-bond-lacp": "-c bond0 p5p1",
      "zs-bond-ab": "",
      "zs-nic-to-bond": "-a bond0 p5p1 -d",
    };
    for (const [name, rest] of Object.entries(wrong)) assert.match(await zs(`${name} ${rest}`, 2), /usage: zs-/);
    assert.match(await zs("zs-network-setting -b p5p1 192.168.93.3 24 -h"), /NETMASK/);
  });

  it("an active-backup bond is made, goes on over the other leg when a cable is pulled, and is deleted", async () => {
    await zs("zs-bond-ab -c bond1");
    await zs("zs-nic-to-bond -a bond1 p6p1");
    await zs("zs-nic-to-bond -a bond1 p6p2");
    await zs("zs-network-setting -i bond1 10.3.0.3 255.255.255.0");
    assert.match(await bonding("bond1"), /fault-tolerance \(active-backup\)[\s\S]*MII Polling Interval \(ms\): 100/);
    assert.match(await bonding("bond1"), /Currently Active Slave: p6p1/);
    await guest().reached("10.3.0.3");
    await guest().setCable("p6p1", false);
    await guest().until("grep -q 'Currently Active Slave: p6p2' /proc/net/bonding/bond1");
    await guest().reached("10.3.0.3");
    await guest().setCable("p6p1", true);
    await guest().reboot();
    await guest().reached("10.3.0.3");
    const detached = await zs("zs-nic-to-bond -d bond1 p6p1");
    assert.match(detached, /\| bond1 +\| p6p2 +\| miimon=100 mode=1 +\|/);
    await guest().until("! grep -q p6p1 /proc/net/bonding/bond1");
    await guest().reached("10.3.0.3");
    await zs("zs-bond-ab -d bond1");
    assert.equal(await isThere("bond1"), false);
    await guest().reboot();
    assert.equal(await isThere("bond1"), false);
  });

  it("a VLAN on a bond is made, also a bridge on it; both outlive a restart, and the VLAN goes when nothing needs it", async () => {
    await zs("zs-bond-lacp -c bond0");
    for (const leg of ["p5p1", "p5p2"]) await zs(`zs-nic-to-bond -a bond0 ${leg}`);
    for (const id of [10, 20]) await zs(`zs-vlan -c bond0 ${id}`);
    await zs("zs-network-setting -i bond0.10 10.10.0.3 24");
    await zs("zs-network-setting -b bond0.20 10.20.0.3 255.255.255.0");
    for (const boot of ["first", "next"]) {
      if (boot === "next") await guest().reboot();
      await guest().until("ip -d -j link show bond0.10 | grep -q '\"id\":10'");
      await guest().reached("10.10.0.3");
      await guest().reached("10.20.0.3");
      await guest().holds("br_bond0.20", ["10.20.0.3/24"]);
    }
    assert.match(await zs("zs-vlan -d bond0 20", 1), /bond0\.20/);
    await zs("zs-vlan -d bond0 10");
    assert.equal(await isThere("bond0.10"), false);
    await guest().reached("10.20.0.3");
    assert.match(await zs("zs-bond-lacp -d bond0", 1), /bond0\.20/);
  });

  it("a card that is up with an address of its own becomes a leg, and the address goes", async () => {
    await zs("zs-network-setting -i p5p1 192.168.93.7 24");
    // The switch may prefer the other cable as long as nobody speaks LACP with it.
    await guest().holds("p5p1", ["192.168.93.7/24"]);
    await zs("zs-bond-lacp -c bond0");
    for (const leg of ["p5p2", "p5p1"]) await zs(`zs-nic-to-bond -a bond0 ${leg}`);
    await guest().until("[ $(cat /sys/class/net/bond0/bonding/slaves | wc -w) = 2 ]");
    await guest().holds("p5p1", []);
    await zs("zs-network-setting -i bond0 192.168.93.7 24");
    await guest().reached("192.168.93.7");
    const options = { miimon: "200", lacp_rate: "fast" };
    await change([{ do: "bond", link: "bond0", mode: "802.3ad", options, change: true }], "probes");
    assert.match(await bonding("bond0"), /Polling Interval \(ms\): 200[\s\S]*LACP rate: fast/);
    await guest().until("[ $(cat /sys/class/net/bond0/bonding/slaves | wc -w) = 2 ]");
    await guest().reached("192.168.93.7");
    await zs("zs-bond-lacp -d bond0");
    assert.equal(await isThere("bond0"), false);
    const macs = await guest().run("cat /sys/class/net/p5p1/address /sys/class/net/p5p2/address");
    assert.equal(new Set(macs.split("\n")).size, 2, "the legs have their own addresses again");
  });

  it("a change of a bond that nobody keeps brings bond, legs, VLAN and bridge back as they were", async () => {
    await zs("zs-bond-lacp -c bond0");
    for (const leg of ["p5p1", "p5p2"]) await zs(`zs-nic-to-bond -a bond0 ${leg}`);
    await zs("zs-vlan -c bond0 10");
    await zs("zs-network-setting -i bond0.10 10.10.0.3 24");
    await zs("zs-network-setting -b bond0 192.168.93.3 24");
    const shape = () => guest().run("ip -br link | sed 's/ .*//' | sort; ls -1 /etc/NetworkManager/system-connections");
    const before = await shape();
    const options = { miimon: "200" };
    const operations: NetworkOperation[] = [
      { do: "bond", link: "bond0", mode: "802.3ad", options, change: true },
      { do: "detach", bond: "bond0", leg: "p5p1" },
    ];
    const ended = await change(operations, "rollBack");
    assert.deepEqual([ended.phase, ended.why, ended.error], ["rolledBack", "asked", null]);
    assert.equal(await shape(), before);
    await guest().until("[ $(cat /sys/class/net/bond0/bonding/slaves | wc -w) = 2 ]");
    assert.match(await bonding("bond0"), /Polling Interval \(ms\): 100/);
    for (const address of ["192.168.93.3", "10.10.0.3", "10.0.0.5"]) await guest().reached(address);
  });

  it("the management network moves onto a bridge on a bond of its card, with its address and its MAC", async () => {
    const mac = await guest().run("cat /sys/class/net/eno1/address");
    const operations: NetworkOperation[] = [
      { do: "bond", link: "bond0", mode: "active-backup", options: { miimon: "100" }, change: false },
      { do: "attach", bond: "bond0", leg: "eno1" },
      {
        do: "address",
        link: "bond0",
        ipv4: { ...noIpv4, method: "static", addresses: [{ address: "10.0.0.5", prefix: 24 }], gateway: "10.0.0.1" },
      },
      { do: "bridge", link: "br_bond0", port: "bond0" },
    ];
    const ended = await change(operations, "probes");
    assert.deepEqual([ended.phase, ended.error], ["committed", null]);
    for (const boot of ["first", "next"]) {
      if (boot === "next") await guest().reboot();
      await guest().holds("br_bond0", ["10.0.0.5/24"]);
      assert.equal(await guest().run("cat /sys/class/net/br_bond0/address"), mac);
      await guest().reached("10.0.0.5");
    }
  });

  it("a card gets an IPv6 address beside its IPv4 one, and keeps both over a restart", async () => {
    await zs("zs-network-setting -i eno1 fd00::5 64 fd00::1");
    for (const boot of ["first", "next"]) {
      if (boot === "next") await guest().reboot();
      await guest().holds("eno1", ["10.0.0.5/24", "fd00::5/64"]);
      await guest().reached("fd00::5");
      assert.match(await guest().run("ip -c=never -6 route show default"), /default via fd00::1 dev eno1/);
    }
  });

  it("DHCP gives an address over a VLAN, and a VLAN without a server is told", async () => {
    const dhcp: NetworkOperation[] = [30, 40].flatMap((id): NetworkOperation[] => [
      { do: "vlan", parent: "p7p1", id },
      { do: "address", link: `p7p1.${id}`, ipv4: { ...noIpv4, method: "dhcp" } },
    ]);
    const ended = await change(dhcp, "probes");
    assert.equal(ended.phase, "committed");
    await guest().until("ip -4 addr show dev p7p1.30 | grep -q 'inet 10.30.0.1[01][0-9]/24 .* dynamic'");
    const told = ended.probes.map(({ description }) => description);
    const wanted = "No DHCP server has given p7p1.40 an address yet: check the VLAN and the server.";
    assert.ok(told.includes(wanted), told.join("\n"));
  });
});
