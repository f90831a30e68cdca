import assert from "node:assert/strict";
import { type ConfigurationItem, type Console, openItem, selectLine, titleOf, untilTitle } from "../steps.ts";
import { guestPassword } from "../vm/network-guest.ts";
import { type Drive, fields, type Node, openFromAnywhere, type Place, submit } from "./place.ts";

export const nextPassword = "harbour 88 mist";
/** Written into the log; must not be in an archive. */
const planted = "thistle-4417-plover";

/** The entries about passwords, archives, the service and the console itself. */
export const nodeDrives = {
  async passwords({ seat, node }) {
    const [before, then] = [node.password, node.password === guestPassword ? nextPassword : guestPassword];
    await openItem(seat, "passwords");
    if (node.role === "management") {
      await selectLine(seat, "System root");
      seat.press("enter");
    }
    await seat.until("Old password");
    seat.type(`${before}\t${then}\t${then}\r`);
    await seat.until("All other sessions end");
    seat.type("y");
    await seat.until("The password is changed");
    node.password = then;
    const opens = (given: string) => node.guest.try(`printf '%s\\0' '${given}' | unix_chkpwd root nonull`);
    assert.equal((await opens(then)).status, 0);
    assert.notEqual((await opens(before)).status, 0);
  },

  async consoleProxy({ seat, node, name }) {
    const port = name === "tty1" ? "5901" : "5902";
    const pid = () => node.guest.run("systemctl show --value -p MainPID binnacle-manager");
    await node.guest.run("systemctl start binnacle-manager");
    const before = await pid();
    await openItem(seat, "consoleProxy");
    await seat.until("Proxy port");
    await seat.until("goes there at once");
    seat.type(fields("10.0.0.5", port));
    submit(seat, 1);
    await seat.until(`Set the console proxy to 10.0.0.5, port ${port}?`);
    seat.type("y");
    await seat.until("the proxy runs with it");
    assert.equal(await pid(), before);
    await openItem(seat, "consoleProxy");
    await seat.until("These are the values that are set.");
    await seat.until(port);
  },

  async collect({ seat, node }) {
    await node.guest.run(`logger -t planted 'mark of this test, password=${planted}'`);
    await openItem(seat, "collect");
    await seat.until("the last hour");
    await selectLine(seat, "the last hour");
    seat.press("enter");
    const address = await servedAt(seat);
    const at = new URL(address);
    const [page, wrong] = [await fetched(node, address), await fetched(node, `${at.origin}/aaaaaaaaaaaaaaaa/`)];
    assert.equal(page.status, 200);
    assert.equal(wrong.status, 404);
    const file = /href="([^"]+\.tar\.(?:gz|zst|xz))"/.exec(page.text)?.[1] ?? "";
    assert.equal((await fetched(node, new URL(file, address).href)).status, 200);
    await node.guest.run("rm -rf /root/archive; mkdir /root/archive; tar -xf /root/fetched -C /root/archive");
    const found = (what: string) => node.guest.try(`grep -rqa '${what}' /root/archive`);
    assert.equal((await found("mark of this test")).status, 0, "the log is not in the archive");
    assert.notEqual((await found(planted)).status, 0, "the archive tells a secret");
    await endServing(seat);
  },

  async backup({ seat, node }) {
    await node.guest.run(
      "install -d -m 700 /var/lib/binnacle/manager; rm -f /var/lib/binnacle/manager/store.sqlite*; " +
        "/usr/lib/binnacle/node /root/store.mjs",
    );
    await openItem(seat, "backup");
    await seat.until(/> .*now/i);
    seat.press("enter");
    const address = await servedAt(seat);
    const page = await fetched(node, address);
    const file = /href="([^"]+\.sqlite)"/.exec(page.text)?.[1] ?? "";
    assert.equal((await fetched(node, `${new URL(address).origin}/${file}`)).status, 404);
    assert.equal((await fetched(node, new URL(file, address).href)).status, 200);
    const count =
      "const { DatabaseSync } = require('node:sqlite'); " +
      "console.log(String(new DatabaseSync('/root/fetched').prepare('SELECT count(*) AS n FROM host').get().n))";
    assert.match(await node.guest.run(`/usr/lib/binnacle/node -e "${count}"`), /^3$/m);
    await endServing(seat);
  },

  async service(place) {
    const { guest } = place.node;
    const pid = () => guest.run("systemctl show --value -p MainPID binnacle-manager");
    await guest.run("systemctl start binnacle-manager binnacle-console-proxy binnacle-ui");
    const first = await pid();
    await serviceAction(place, "Restart", "restart zstack");
    const second = await pid();
    assert.ok(second !== first && second !== "0", `${first}, ${second}`);
    await serviceAction(place, "Stop", "stop zstack");
    assert.equal(await pid(), "0");
    await serviceAction(place, "Start", "start zstack");
    assert.equal((await guest.try("systemctl is-active binnacle-manager")).output, "active");
  },

  async reset(place) {
    const { seat, node } = place;
    await node.guest.run("install -m 755 /root/role /usr/bin/binnacle-role; rm -f /etc/binnacle/role.json");
    await openItem(seat, "reset");
    await phrase(seat, "reset zstack");
    assert.match(await node.guest.run("cat /etc/binnacle/role.json"), /as management --yes/);
    assert.equal((await node.guest.try("systemctl is-active binnacle-manager")).output, "active");
  },

  async resetDrop(place) {
    const { seat, node } = place;
    await node.guest.run(
      "install -d -m 700 /var/lib/binnacle/manager; rm -f /var/lib/binnacle/manager/store.sqlite*; " +
        "/usr/lib/binnacle/node /root/store.mjs; rm -rf /var/lib/binnacle/kept-stores",
    );
    await openItem(seat, "resetDrop", "Reset & Drop Database");
    await seat.until("3 records");
    await phrase(seat, "reset zstack drop database");
    assert.equal(await node.guest.run("ls /var/lib/binnacle/manager"), "");
    assert.equal(await node.guest.run("ls /var/lib/binnacle/kept-stores/*"), "store.sqlite");
  },

  async terminals({ seat, name }) {
    await openItem(seat, "terminals");
    await seat.until(/Ctrl\+Alt\+F2 +login to a shell/);
    await seat.until(`You are on ${name}`);
  },

  async language({ seat }) {
    await openItem(seat, "language");
    await seat.until("English only");
    seat.press("enter");
    await untilTitle(seat, "System Configuration");
  },

  async settings({ seat, node, name }) {
    const minutes = name === "tty1" ? 20 : 30;
    await openItem(seat, "settings");
    seat.type(fields(String(minutes)));
    submit(seat, 0);
    await untilTitle(seat, "System Configuration");
    const kept = await node.guest.run("cat /var/lib/binnacle/agent/settings.json");
    assert.match(kept, new RegExp(`"lockMinutes": ?${minutes}`));
  },
} satisfies Partial<Record<ConfigurationItem, Drive>>;

async function serviceAction(place: Place, action: string, words: string): Promise<void> {
  const { seat } = place;
  await openFromAnywhere(place, "service", "ZStack Service");
  await seat.until(/binnacle-manager +\w/);
  await selectLine(seat, action);
  seat.press("enter");
  await phrase(seat, words);
}

/** Types the phrase of a dangerous action once its impact is known, and waits for the end of its job. */
async function phrase(seat: Console, words: string): Promise<void> {
  await seat.until(/takes seconds as a rule|more$/m);
  await seat.until(`type ${words} and press Enter`);
  seat.type(`${words}\r`);
  await untilTitle(seat, "Jobs");
  await seat.until(/ZStack.* {3}(done|FAILED)/i, 60_000);
  assert.match(seat.text(), / done/);
}

/** The address that the page of a finished archive shows. */
async function servedAt(seat: Console): Promise<string> {
  await untilTitle(seat, "Address");
  await seat.until(/http:\/\/\S+:7071\/[a-z0-9]{16}\//);
  return /http:\/\/\S+\//.exec(seat.text())?.[0] ?? "";
}

async function endServing(seat: Console): Promise<void> {
  seat.type("e");
  await seat.until((text) => titleOf(text) !== "Address");
}

/** Fetches from outside the node, from the switch; the body is in /root/fetched. */
async function fetched({ guest }: Node, url: string): Promise<{ status: number; text: string }> {
  const { output } = await guest.onSwitch(`/usr/lib/binnacle/node /root/fetch.mjs '${url}'`);
  const [status = "", ...lines] = output.split("\n");
  if (!/^\d{3}$/.test(status)) throw new Error(`${url} can't be fetched: ${output}`);
  return { status: Number(status), text: lines.join("\n") };
}

/** `node FETCH URL` prints the status and a text; what came is in /root/fetched. */
export const fetchProgram = `
import { writeFileSync } from "node:fs";
const answer = await fetch(process.argv[2]);
const body = Buffer.from(await answer.arrayBuffer());
writeFileSync("/root/fetched", body);
console.log(String(answer.status));
if ((answer.headers.get("content-type") ?? "").startsWith("text/")) console.log(body.toString());
`;
