import assert from "node:assert/strict";
import * as z from "zod";
import { type ConfigurationItem, openItem, selectLine, untilTitle } from "../steps.ts";
import {
  type Drive,
  fields,
  keep,
  kernelLinks,
  openFromAnywhere,
  type Place,
  secondCard,
  selectRow,
  submit,
} from "./place.ts";

/** The entries about the network, each with a look at the kernel, at the files, at the other end of the cable. */
export const networkDrives = {
  async rename(place) {
    const { seat, node } = place;
    const before = await secondCard(node);
    const to = before === "p7p1" ? "stor0" : "p7p1";
    await openItem(seat, "rename");
    await selectLine(seat, before);
    seat.press("enter");
    await seat.until("New name");
    seat.type(`${fields(to)}\r`);
    await keep(place);
    const names = (await kernelLinks(node)).map(({ ifname }) => ifname);
    assert.ok(names.includes(to) && !names.includes(before), names.join(" "));
    assert.match(await node.guest.run("cat /etc/systemd/network/*binnacle*.link"), new RegExp(`Name=${to}`));
  },

  async ping({ seat, node }) {
    const echoes = async () =>
      Number((await node.guest.onSwitch("awk '/^Icmp: [0-9]/ { print $10 }' /proc/net/snmp")).output);
    const before = await echoes();
    await openItem(seat, "ping");
    seat.type(fields("10.0.0.1"));
    submit(seat, 0);
    await seat.until(/64 bytes from 10\.0\.0\.1[\s\S]*icmp_seq=2/);
    seat.press("esc");
    await seat.until("Enter Start");
    assert.ok((await echoes()) >= before + 2, "the other side has seen no ping");
  },

  async networks(place) {
    const { seat, node } = place;
    const link = await secondCard(node);
    const address = place.name === "tty1" ? "10.5.0.8" : "10.5.0.9";
    await openItem(seat, "networks");
    await selectRow(seat, link);
    seat.press("enter");
    await untilTitle(seat, "Interface");
    await seat.until("fixed address");
    seat.type(`\t${fields(address, "255.255.255.0", "-")}`);
    submit(seat, 3);
    await keep(place);
    await node.guest.holds(link, [`${address}/24`]);
    await selectRow(seat, link);
    if (place.name === "ttyS0") await makeAndUnmake(place, link);
  },

  async management(place) {
    const { seat, node } = place;
    const second = await secondCard(node);
    const now = z.object({ managementLink: z.string() });
    const carrier = async () =>
      now.parse(JSON.parse(await node.guest.run("cat /etc/binnacle/node.json"))).managementLink;
    const to = (await carrier()) === "eno1" ? second : "eno1";
    await openItem(seat, "management");
    await selectRow(seat, to);
    seat.press("enter");
    await keep(place);
    assert.equal(await carrier(), to);
    await openFromAnywhere(place, "management");
    await seat.until((text) => new RegExp(`${to} .* MN `).test(text));
  },

  async names(place) {
    const { seat, node } = place;
    const name = place.name === "tty1" ? "node02" : "node03";
    const server = place.name === "tty1" ? "10.0.0.1" : "10.0.0.3";
    await openItem(seat, "names");
    await seat.until("Time servers");
    seat.type(fields(name, server, server));
    submit(seat, 2);
    await keep(place);
    await node.guest.until(`[ "$(hostname)" = ${name} ] && [ "$(cat /etc/hostname)" = ${name} ]`);
    await node.guest.until(`grep -q 'nameserver ${server}$' /etc/resolv.conf`);
    await node.guest.until(`chronyc -n sources | grep -q '${server.replaceAll(".", "\\.")} '`);
  },

  /** Back to before the last change, which gave the node its name. */
  async earlier(place) {
    const { seat, node } = place;
    const before = await node.guest.run("hostname");
    await openItem(seat, "earlier");
    await seat.until(/host name: (\S+) -> /);
    const [, former] = /host name: (\S+) -> /.exec(seat.text()) ?? [];
    assert.notEqual(former, before);
    seat.press("enter");
    await keep(place);
    await node.guest.until(`[ "$(hostname)" = ${former} ]`);
  },
} satisfies Partial<Record<ConfigurationItem, Drive>>;

/** A route, a further address, a bond, a VLAN and a bridge from the list of Configure Networks, and away again. */
async function makeAndUnmake(place: Place, link: string): Promise<void> {
  const { seat, node } = place;
  seat.type("a");
  await untilTitle(seat, "Addresses and Routes");
  seat.type("a");
  await seat.until("A further address");
  seat.type("10.6.0.9/24\r");
  await seat.until(/address +10\.6\.0\.9\/24 .*new/);
  seat.type("r");
  await seat.until("A new route");
  seat.type("10.77.0.0/16\t10.5.0.1\t\r");
  await seat.until(/route +10\.77\.0\.0\/16 .*new/);
  seat.type("s");
  await keep(place);
  await node.guest.until(`ip -c=never addr show dev ${link} | grep -q 'inet 10.6.0.9/24 '`);
  await node.guest.until(`ip -c=never route show dev ${link} | grep -q '^10.77.0.0/16 via 10.5.0.1 '`);

  await openFromAnywhere(place, "networks");
  await selectRow(seat, link);
  seat.type("v");
  await seat.until("VLAN id");
  seat.type("30\r");
  await keep(place);
  assert.ok((await kernelLinks(node)).some(({ ifname, link: parent }) => ifname === `${link}.30` && parent === link));

  await openFromAnywhere(place, "networks");
  await selectRow(seat, "p6p1");
  seat.type("r");
  await seat.until("br_p6p1");
  submit(seat, 0);
  await keep(place);
  assert.ok((await kernelLinks(node)).some(({ ifname, master }) => ifname === "p6p1" && master === "br_p6p1"));

  await openFromAnywhere(place, "networks");
  await selectRow(seat, "p5p1");
  seat.type("b");
  await seat.until(/Leg p5p2/);
  // Name, mode and options stand before the legs.
  const offered = [...seat.text().matchAll(/^ *Leg (\S+)/gm)].map(([, leg]) => leg);
  const field = 3 + offered.indexOf("p5p2");
  seat.type(`${"\t".repeat(field)} `);
  await seat.until(/Leg p5p2 .*\[x\]/);
  submit(seat, field);
  await keep(place);
  const legs = (await kernelLinks(node)).filter(({ master }) => master === "bond0").map(({ ifname }) => ifname);
  assert.deepEqual(legs.sort(), ["p5p1", "p5p2"]);
  assert.match(await node.guest.run("cat /proc/net/bonding/bond0"), /802\.3ad[\s\S]*layer2\+3/);

  for (const made of ["bond0", "br_p6p1", `${link}.30`]) {
    await openFromAnywhere(place, "networks");
    await selectRow(seat, made);
    seat.type("d");
    await keep(place);
    assert.ok(!(await kernelLinks(node)).some(({ ifname }) => ifname === made), `${made} is still there`);
  }
}
