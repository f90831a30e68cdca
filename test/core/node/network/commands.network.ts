import assert from "node:assert/strict";
import { it } from "node:test";
import { describeOnGuest, lacpTable } from "../../../support/network/guest-test.ts";

/* The network of a node on a whole machine: a sample of `guest.network.ts`. */

describeOnGuest("the network of a whole machine", ({ guest, zs }) => {
  it("is built by the worked example as it is printed, with a partner that speaks LACP, and outlives a restart", async (t) => {
    await zs("zs-bond-lacp -c bond0");
    await zs("zs-nic-to-bond -a bond0 p5p1");
    const attached = await zs("zs-nic-to-bond -a bond0 p5p2");
    assert.ok(attached.endsWith(lacpTable), attached);
    await zs("zs-network-setting -b bond0 192.168.93.3 255.255.255.0 192.168.93.1");
    for (const boot of ["first", "next"]) {
      if (boot === "next") await guest().reboot();
      const partner = await guest().run("ip netns exec switch cat /sys/class/net/lag/address");
      const shown = await zs("zs-show-network");
      assert.ok(shown.includes(lacpTable), shown);
      await guest().until(`[ $(grep -c 'system mac address: ${partner}' /proc/net/bonding/bond0) = 2 ]`);
      await guest().reached("192.168.93.3");
      await guest().reached("10.0.0.5");
    }
    await guest().until("zs-show-network | grep -E '^p5p1 +node01 +s1$'");
    t.diagnostic(await zs("zs-show-network"));
  });

  it("keeps the new name of the management network's card over a restart, and can have the old one back", async () => {
    await zs("zs-change-nic -c eno1 lan0");
    await zs("zs-change-nic -c p6p1 lan1");
    await guest().reboot();
    await guest().holds("lan0", ["10.0.0.5/24"]);
    await guest().reached("10.0.0.5");
    await guest().run("[ -e /sys/class/net/lan1 ] && [ ! -e /sys/class/net/eno1 ]");
    await zs("zs-change-nic -c lan0 eno1");
    await guest().holds("eno1", ["10.0.0.5/24"]);
  });

  it("tells a wrong gateway and a duplicate address, and stays as it was", async () => {
    await guest().run("ip netns exec switch ip addr add 10.0.0.77/24 dev mgmt");
    const mac = await guest().run("ip netns exec switch cat /sys/class/net/mgmt/address");
    const taken = await zs("zs-network-setting -i eno1 10.0.0.77 255.255.255.0 10.0.0.1", 1);
    assert.match(taken, new RegExp(`10\\.0\\.0\\.77 is used by another machine already: ${mac} answers on eno1\\.`));
    const silent = await zs("zs-network-setting --seconds 10 -i eno1 10.0.0.9 255.255.255.0 10.0.0.200", 1);
    assert.match(silent, /The gateway 10\.0\.0\.200 does not answer on eno1\./);
    assert.match(silent, /The change was taken back: a probe failed\. The old network is in force again\./);
    await guest().holds("eno1", ["10.0.0.5/24"]);
    await guest().reached("10.0.0.5");
  });
});
