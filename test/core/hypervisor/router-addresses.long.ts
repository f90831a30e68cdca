import assert from "node:assert/strict";
import { test } from "node:test";
import { cardName } from "../../../core/hypervisor/libvirt/network/links.ts";
import { networkBed as bed, card } from "../../support/hypervisor/frame-bed.ts";
import { frame, icmp6, packet4, send, toAllNodes, udp } from "../../support/hypervisor/frames.ts";

/* Link-local addresses of routers that were heard, on the kernel's own bridges: which guest still has which. */

const [own, router] = ["52:54:00:00:00:0b", "52:54:00:00:00:01"];
const linkLocal = "fe80:0:0:0:5054:ff:fe00:b";
/** Of no MAC address: RFC 7217. */
const ownChoice = "fe80:0:0:0:6a1c:9d02:77e1:3b5f";

const six = (source: string, content: Buffer, protocol?: number) => toAllNodes(own, source, content, protocol);
const mine = { from: own, type: 0x0800, content: packet4("10.0.0.11", "10.0.0.255", 17, udp(5000, 5000)) };
const last = (word: string) => frame(word, mine);

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
