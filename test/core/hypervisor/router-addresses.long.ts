import assert from "node:assert/strict";
import { test } from "node:test";
import { cardName } from "../../../core/hypervisor/libvirt/network/links.ts";
import { networkBed as bed, card } from "../../support/hypervisor/frame-bed.ts";
import { type Ear, frame, icmp6, packet4, packet6, send, udp } from "../../support/hypervisor/frames.ts";
import type { Computer, Guest } from "../../support/hypervisor/wire.ts";

/* Link-local addresses of routers that were heard, on the kernel's own bridges: which guest still has which. */

const [own, other, router] = ["52:54:00:00:00:0b", "52:54:00:00:00:0c", "52:54:00:00:00:01"];
const linkLocal = "fe80:0:0:0:5054:ff:fe00:b";
/** Of no MAC address: RFC 7217. */
const ownChoice = "fe80:0:0:0:6a1c:9d02:77e1:3b5f";

const six = (source: string, content: Buffer, protocol = 58) => ({
  ...{ from: own, type: 0x86dd, content: packet6(source, "ff02:0:0:0:0:0:0:1", protocol, content) },
});
const mine = { from: own, type: 0x0800, content: packet4("10.0.0.11", "10.0.0.255", 17, udp(5000, 5000)) };
const last = (word: string) => frame(word, mine);

/** Whether this kernel tells by which bridge a frame came. */
async function canTellBridges(host: Computer): Promise<boolean> {
  const rule =
    'add table bridge t; add chain bridge t c { type filter hook prerouting priority 0; }; add rule bridge t c meta ibrname "b"';
  return (await host.try("unshare", "-n", "nft", rule)).code === 0;
}

test("a link-local address of a router that was heard is none of a guest's, also after the rules were replaced", async (t) => {
  const { wire, host, start, ear, restart, settle } = await bed(t);
  const outside = await ear(wire, "port1");
  const guest = await start(11, card(11));
  const takesIt = async () => {
    await send(
      guest,
      frame("has it", six(ownChoice, udp(5000, 5000), 17)),
      frame("tells it", six(linkLocal, icmp6(136, ownChoice))),
      frame("asks for it", six("0:0:0:0:0:0:0:0", icmp6(135, ownChoice))),
      last("end"),
    );
    return outside.until("end");
  };
  await send(guest, frame("advertises itself", six(ownChoice, icmp6(134))));
  assert.deepEqual(
    await takesIt(),
    ["asks for it", "has it", "tells it"],
    "no guest keeps another one from its address",
  );
  const stranger = await wire.guest("stranger", "sw0", router);
  const inside = await ear(host, "eth0", `guest-${cardName(own)}`);
  await send(stranger, frame("advertises", { ...six(ownChoice, icmp6(134)), from: router }));
  await send(stranger, frame("after", { ...mine, from: router }));
  assert.deepEqual(await inside.until("after"), ["advertises"]);
  assert.deepEqual(await outside.until("after"), ["advertises"]);
  assert.deepEqual(await takesIt(), []);
  restart();
  await start(12, card(12));
  await settle();
  assert.deepEqual(await takesIt(), []);
});

test("a guest keeps the address of its own MAC address, whoever says to be a router by that", async (t) => {
  const { wire, host, start, ear } = await bed(t);
  const outside = await ear(wire, "port1");
  const guest = await start(11, card(11));
  const inside = await ear(host, "eth0", `guest-${cardName(own)}`);
  const stranger = await wire.guest("stranger", "sw0", router);
  await send(stranger, frame("forged", { ...six(linkLocal, icmp6(134)), from: router }));
  await send(stranger, frame("after", { ...mine, from: router }));
  assert.deepEqual(await inside.until("after"), ["forged"]);
  await outside.until("after");
  await send(
    guest,
    frame("has it", six(linkLocal, udp(5000, 5000), 17)),
    frame("tells it", six(linkLocal, icmp6(136, linkLocal))),
    frame("asks for it", six("0:0:0:0:0:0:0:0", icmp6(135, linkLocal))),
    last("end"),
  );
  assert.deepEqual(await outside.until("end"), ["asks for it", "has it", "tells it"]);
});

test("a router that was heard on one network takes no address from a guest of another, nor do any number of them room", async (t) => {
  const { wire, host, start, ear } = await bed(t);
  if (!(await canTellBridges(host))) {
    t.skip("this kernel does not tell bridges from each other");
    return;
  }
  await wire.bridge("sw1");
  await wire.cable("port2", "sw1", host, "eth1");
  const segment = { physicalInterface: "eth1", vlan: null, mtu: 1500 };
  const guest = await start(11, card(11));
  const elsewhere = await start(12, card(12, { segment }));
  const here = { mac: own, guest, outside: await ear(wire, "port1") };
  const there = { mac: other, guest: elsewhere, outside: await ear(wire, "port2") };
  const takesIt = async ({ mac, guest: sender, outside }: { mac: string; guest: Guest; outside: Ear }) => {
    const end = { from: mac, type: 0x0800, content: packet4(`10.0.0.${mac === own ? 11 : 12}`, "10.0.0.255", 17) };
    await send(sender, frame("has it", { ...six(ownChoice, udp(5000, 5000), 17), from: mac }), frame("end", end));
    return outside.until("end");
  };
  const stranger = await wire.guest("stranger", "sw0", router);
  const itsRouter = await wire.guest("router", "sw1", router);
  const advertises = async (from: Guest, at: typeof here, sources: readonly string[]) => {
    const inside = await ear(host, "eth0", `guest-${cardName(at.mac)}`);
    // As many as fit on a command line.
    for (let first = 0; first < sources.length; first += 200) {
      const some = sources.slice(first, first + 200).map((source) => ({ ...six(source, icmp6(134)), from: router }));
      await send(from, ...some.map((one) => frame("advertises", one)));
    }
    await send(from, frame("after", { ...mine, from: router }));
    assert.deepEqual(await inside.until("after"), ["advertises"]);
    await at.outside.until("after");
  };
  await advertises(stranger, here, [ownChoice]);
  assert.deepEqual(await takesIt(here), []);
  assert.deepEqual(await takesIt(there), ["has it"]);
  const invented = Array.from({ length: 2000 }, (_none, n) => `fe80:0:0:0:6a1c:9d02:1:${(n + 1).toString(16)}`);
  await advertises(stranger, here, invented);
  assert.deepEqual(await takesIt(here), [], "what was heard is not forgotten for them");
  await advertises(itsRouter, there, [ownChoice]);
  assert.deepEqual(await takesIt(there), []);
});
