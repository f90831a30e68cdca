import assert from "node:assert/strict";
import { type ConfigurationItem, openItem } from "../steps.ts";
import { guestPassword } from "../vm/network-guest.ts";
import { nextPassword } from "./node-drives.ts";
import { type Drive, secondCard } from "./place.ts";

/** The entries under "Watch": what they show is what others say of this node. */
export const watchDrives = {
  async diagnostics({ seat, node }) {
    await node.guest.run("systemctl start ssh; systemd-run --unit=broken-thing false; true");
    await openItem(seat, "diagnostics");
    const failed = /FAILED .*(unit|broken-thing)|(unit|broken-thing).*fail/i;
    const isBusy = /could not run +The units could not be checked/;
    // A machine that is busy with other things may not answer in time; the screen says so, and a person asks again.
    for (let tries = 0; tries < 3; tries++) {
      await seat.until((text) => /passed: \d+/.test(text) && (failed.test(text) || isBusy.test(text)));
      if (failed.test(seat.text())) break;
      seat.type("r");
      await seat.until((text) => !isBusy.test(text));
    }
    await seat.until(failed);
    await node.guest.run("systemctl reset-failed broken-thing");
  },

  async cloud({ seat, node }) {
    const file = "/etc/binnacle/tls/node.crt";
    const told = await node.guest.run(`openssl x509 -noout -fingerprint -sha256 -in ${file} 2>/dev/null || :`);
    await openItem(seat, "cloud");
    const [, digits] = /=(.{47})/.exec(told) ?? [];
    await seat.until(digits ?? "does not listen to a manager");
  },

  async hardware({ seat }) {
    await openItem(seat, "hardware");
    await seat.until(/QEMU/);
  },

  async interfaces({ seat, node }) {
    const card = await secondCard(node);
    await openItem(seat, "interfaces");
    await seat.until(/eno1 +UP .*1G .*10\.0\.0\.5\/24/);
    await seat.until(card);
  },

  async disks({ seat }) {
    await openItem(seat, "disks");
    await seat.until(/ vda /);
    await seat.until(/ext4 on \/dev\/vda/);
  },

  async services({ seat, node }) {
    const pid = await node.guest.run("systemctl show --value -p MainPID binnacle-agent");
    await openItem(seat, "services");
    await seat.until(new RegExp(`binnacle-agent +active .* ${pid}`));
  },

  async machines({ seat }) {
    await openItem(seat, "machines");
    await seat.until("virsh not installed");
  },

  async cpu({ seat }) {
    await openItem(seat, "cpu");
    await seat.until(/cores: 1 .*\d+ % busy/);
  },

  async memory({ seat, node }) {
    const total = Number(await node.guest.run("awk '/^MemTotal/ { print $2 }' /proc/meminfo")) / 1024 ** 2;
    await openItem(seat, "memory");
    await seat.until(new RegExp(`used .* of ${total.toFixed(1)} G`));
  },

  async logs({ seat, node, name }) {
    await node.guest.run(`logger -t planted 'seen at ${name}'`);
    await openItem(seat, "logs");
    await seat.until(`seen at ${name}`);
  },

  async jobs({ seat }) {
    await openItem(seat, "jobs");
    await seat.until(/ping +10\.0\.0\.1 /);
  },

  async audit({ seat, node, name }) {
    await openItem(seat, "audit");
    await seat.until(new RegExp(`${name} +settings\\.node +ok +lockMinutes=`));
    const log = await node.guest.run("tail -n 200 /var/lib/binnacle/agent/audit.jsonl");
    for (const secret of [guestPassword, nextPassword])
      assert.ok(!log.includes(secret), "the audit log tells a password");
  },
} satisfies Partial<Record<ConfigurationItem, Drive>>;
