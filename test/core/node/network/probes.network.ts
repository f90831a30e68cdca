import assert from "node:assert/strict";
import { it } from "node:test";
import { noIpv4 } from "../../../../core/model/network/configuration.ts";
import { describeOnGuest } from "../../../support/network/guest-test.ts";

/* What probes say of faults that only real cards, cables and partners have. */

describeOnGuest("on a whole machine a probe tells", ({ guest, zs, change }) => {
  const inSwitch = (command: string) => guest().run(`ip netns exec switch ${command}`);

  it("which leg of a bond has no carrier", async () => {
    await guest().setCable("p5p2", false);
    await zs("zs-bond-lacp -c bond0");
    await zs("zs-nic-to-bond -a bond0 p5p1");
    const told = await zs("zs-nic-to-bond -a bond0 p5p2");
    assert.match(told, /bond0 works, but p5p2 has no carrier: check the cable\./);
  });

  it("that a bond has no leg with a carrier", async () => {
    await guest().setCable("p5p1", false);
    await zs("zs-bond-lacp -c bond0");
    const told = await zs("zs-nic-to-bond -a bond0 p5p1");
    assert.match(told, /bond0 has no leg with a carrier \(p5p1\): check the cable and the switch's port\./);
  });

  it("which leg ends at a port that does not speak LACP", async (t) => {
    t.after(async () => {
      await inSwitch("ip link set s2 down");
      await inSwitch("ip link set s2 master lag");
    });
    await inSwitch("ip link set s2 nomaster");
    await inSwitch("ip link set s2 up");
    await zs("zs-bond-lacp -c bond0");
    await zs("zs-nic-to-bond -a bond0 p5p1");
    await guest().until("grep -q 'Partner Churn State: none' /proc/net/bonding/bond0");
    const told = await zs("zs-nic-to-bond -a bond0 p5p2");
    assert.match(told, /Nobody speaks LACP at the other end of p5p2: switch it on at the switch/);
  });

  it("that packets as large as the interface's MTU do not pass the switch, and small ones do", async (t) => {
    t.after(() => inSwitch("tc qdisc del dev lag ingress"));
    await inSwitch("tc qdisc add dev lag ingress");
    const police = "action police rate 10gbit burst 10mb mtu 1518 conform-exceed drop";
    await inSwitch(`tc filter add dev lag parent ffff: matchall ${police}`);
    await zs("zs-bond-lacp -c bond0");
    for (const leg of ["p5p1", "p5p2"]) await zs(`zs-nic-to-bond -a bond0 ${leg}`);
    const addresses = [{ address: "192.168.93.3", prefix: 24 }];
    const ended = await change(
      [
        { do: "mtu", link: "bond0", mtu: 9000 },
        { do: "address", link: "bond0", ipv4: { ...noIpv4, method: "static", addresses, gateway: "192.168.93.1" } },
      ],
      "probes",
    );
    assert.equal(ended.phase, "committed");
    assert.equal(await guest().run("cat /sys/class/net/bond0/mtu /sys/class/net/p5p1/mtu"), "9000\n9000");
    const told = ended.probes.map(({ description }) => description);
    const wanted = "Packets of 9000 bytes, the MTU of bond0, do not reach the gateway 192.168.93.1; small ones do.";
    assert.ok(told.includes(wanted), told.join("\n"));
  });

  it("that the management network's cable is out, and takes a change of it back", async () => {
    await guest().setCable("eno1", false);
    const told = await zs("zs-network-setting --seconds 10 -i eno1 10.0.0.9 24 10.0.0.1", 1);
    assert.match(told, /eno1 has no carrier: check the cable and the switch's port\./);
    await guest().holds("eno1", ["10.0.0.5/24"]);
    await guest().setCable("eno1", true);
    await guest().reached("10.0.0.5");
  });
});
