import * as fs from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import * as path from "node:path";
import { Client } from "../../../core/api/client.ts";
import { rootConsole } from "../../../core/api/contract.ts";
import { managementProfile } from "../network/management-profile.ts";
import { type GuestDisk, guestKernelArguments, makeGuestDisk } from "./debian.ts";
import type { VmNic } from "./options.ts";
import type { Answer } from "./shell.ts";
import { startVm, type Vm } from "./vm.ts";

/*
 * A node with the product, NetworkManager and six cards, and at the other end of their cables a switch that is a
 * namespace of the same machine: two emulated machines at once would be slower than one by more than twice. So bonds,
 * LACP partners, VLANs, DHCP, udev, systemd, reboots and power cuts are all real. What `network-switch.sh` makes is the
 * switch; `onSwitch` changes it until the next boot.
 */

const packages = [
  "chrony",
  "dnsmasq-base",
  "ethtool",
  "iputils-arping",
  "iputils-ping",
  "lldpd",
  "man-db",
  "ndisc6",
  "network-manager",
];

/** The node's cards; the cable of each ends in the switch's s0, s1 and so on. */
export const cards = ["eno1", "p5p1", "p5p2", "p6p1", "p6p2", "p7p1"] as const;
export type Card = (typeof cards)[number];

/** Under emulation everything is some ten times slower; this only bounds how long a failure takes. */
const bootTimeoutMs = 400_000;
const doorPort = 7000;
/** Of root, to begin with. */
export const guestPassword = "lantern 71 fog";
const rootSocket = "/run/binnacle/root.sock";

export class NetworkGuest {
  readonly #folder: string;
  readonly #disk: GuestDisk;
  #vm: Vm | undefined;
  #door: Server | undefined;
  readonly #through = new Set<Socket>();
  #client: Client | undefined;

  private constructor(folder: string, disk: GuestDisk) {
    this.#folder = folder;
    this.#disk = disk;
  }

  /**
   * Makes the guest in an empty folder; it is switched off. The build has to be there.
   *
   * @param what it runs besides NetworkManager: the agent and its consoles on screen and serial line, or only the agent
   * @param more files of the guest, by their absolute paths without the first slash
   */
  static make(
    folder: string,
    what: "agent" | "consoles" = "agent",
    more: Readonly<Record<string, string>> = {},
  ): NetworkGuest {
    const masked = what === "agent" ? [...consoleUnits, ...idleTimers] : idleTimers;
    const extras = {
      packages,
      files: { ...files(), ...more },
      links: { ...startedUnits, ...maskLinks(masked) },
      journal: true,
    };
    return new NetworkGuest(folder, makeGuestDisk(folder, guestPassword, undefined, extras));
  }

  get vm(): Vm {
    if (this.#vm === undefined) throw new Error("The guest is switched off.");
    return this.#vm;
  }

  /** Boots it, until the agent answers. */
  async powerOn(): Promise<void> {
    const { disk, kernel, initrd } = this.#disk;
    this.#vm = await startVm({
      folder: this.#folder,
      disks: [{ file: disk }],
      memoryMiB: 1536,
      // Each ping lets the kernel rewrite a jump in its own code (its static keys). Under emulation another processor
      // may still run into the breakpoint of that moment after it is gone, and the kernel panics: "Oops: int3".
      cpus: 1,
      kernel: { file: kernel, initrd, append: guestKernelArguments },
      nics: nics(),
    });
    await this.#booted();
  }

  async powerCut(): Promise<void> {
    await this.#closeDoor();
    await this.vm.powerCut();
    this.#vm = undefined;
  }

  async reboot(): Promise<void> {
    await this.#closeDoor();
    await this.vm.shell.try("systemctl reboot --no-block");
    await this.vm.qmp.event("RESET", 120_000);
    await this.#booted();
  }

  async stop(): Promise<void> {
    await this.#closeDoor();
    await this.#vm?.stop();
    this.#vm = undefined;
  }

  /** Calls of the agent, through a port of the switch that nothing of the node's network depends on. */
  client(): Client {
    if (this.#client === undefined) throw new Error("The guest is switched off.");
    return this.#client;
  }

  run(command: string, timeoutMs?: number): Promise<string> {
    return this.vm.shell.run(command, timeoutMs);
  }

  try(command: string, timeoutMs?: number): Promise<Answer> {
    return this.vm.shell.try(command, timeoutMs);
  }

  /** Runs a command at the other end of the cables. */
  onSwitch(command: string, timeoutMs?: number): Promise<Answer> {
    return this.try(`ip netns exec switch ${command}`, timeoutMs);
  }

  /** Whether the node answers at an address, seen from the switch. */
  async answers(address: string): Promise<boolean> {
    return (await this.onSwitch(`ping -n -c 3 -i 0.3 -W 2 ${address}`)).status === 0;
  }

  /** Waits until it does: NetworkManager sets its links up while other things start. */
  reached(address: string): Promise<void> {
    return this.until(`ip netns exec switch ping -n -c 1 -W 2 ${address}`);
  }

  /** Plugs a cable in or out, at both ends. */
  async setCable(card: Card, isIn: boolean): Promise<void> {
    for (const end of [card, `s${cards.indexOf(card)}`]) await this.vm.setLink(end, isIn);
  }

  /** Waits until a link of the node has these addresses, as `10.0.0.5/24`, and no others. */
  holds(link: string, addresses: readonly string[]): Promise<void> {
    const own = `ip -o addr show dev ${link} scope global | awk '{ print $4 }' | sort | xargs`;
    return this.until(`[ "$(${own})" = "${addresses.toSorted().join(" ")}" ]`);
  }

  /** Waits until a command of the guest succeeds. */
  async until(command: string, seconds = 60): Promise<void> {
    const { status, output } = await this.try(
      `timeout ${seconds} sh -c "until { ${command.replace(/["\\$`]/g, "\\$&")} ; } >/tmp/until 2>&1; do sleep 0.3; done"`,
      (seconds + 30) * 1000,
    );
    if (status !== 0) throw new Error(`${command} never succeeded: ${output}\n${await this.evidence()}`);
  }

  /** Gives the node its first network again, whatever was made of it, and plugs in all cables. */
  async reset(): Promise<void> {
    for (const card of cards) await this.setCable(card, true);
    await this.run("systemctl start NetworkManager && /usr/local/sbin/network-reset", 120_000);
    await this.waitForAgent();
  }

  /** What a person would look at when something is wrong. */
  async evidence(): Promise<string> {
    const folders =
      "/run/NetworkManager/system-connections /etc/NetworkManager/system-connections /etc/systemd/network";
    const log = "journalctl -b --no-pager -o short-monotonic -n 80 -u binnacle-agent -u NetworkManager";
    return (await this.try(`ip -c=never addr; nmcli device; ls -l ${folders}; ${log}`)).output;
  }

  async waitForAgent(): Promise<void> {
    const isThere = `systemctl is-active --quiet binnacle-agent && [ -S ${rootSocket} ]`;
    const waited = await this.try(`timeout 150 sh -c 'until ${isThere}; do sleep 0.3; done'`, 600_000);
    if (waited.status === 0) return;
    const { output } = await this.try(
      "systemctl list-jobs; systemctl --failed; systemctl status binnacle-agent",
      300_000,
    );
    throw new Error(`The agent does not start: ${output}\n${await this.evidence()}`);
  }

  async #booted(): Promise<void> {
    await this.vm.shell.open(bootTimeoutMs);
    await this.waitForAgent();
    await this.#openDoor();
  }

  /** The API's client speaks to a socket: this one leads through the port that QEMU forwards. */
  async #openDoor(): Promise<void> {
    const port = await this.vm.port(doorPort);
    const socketPath = path.join(this.#folder, "agent.sock");
    fs.rmSync(socketPath, { force: true });
    const door = createServer((socket) => {
      const inner = connect(port, "127.0.0.1");
      for (const [one, other] of [[socket, inner] as const, [inner, socket] as const]) {
        this.#through.add(one);
        one.on("close", () => this.#through.delete(one));
        one.pipe(other);
        one.on("error", () => other.destroy());
      }
    });
    await new Promise<void>((resolve) => door.listen(socketPath, resolve));
    this.#door = door;
    this.#client = new Client({ socketPath, console: rootConsole, timeoutMs: 60_000 });
  }

  async #closeDoor(): Promise<void> {
    this.#client?.close();
    this.#client = undefined;
    const door = this.#door;
    this.#door = undefined;
    // A call that is under way would keep it open for ever.
    for (const socket of this.#through) socket.destroy();
    if (door !== undefined) await new Promise((resolve) => door.close(resolve));
  }
}

const macOf = (index: number) => `52:54:00:00:01:${index.toString(16).padStart(2, "0")}`;

function nics(): VmNic[] {
  const cables = cards.flatMap((card, index) => {
    const common = { speedMbps: 1000, network: { cable: index + 1 } };
    return [
      { id: card, mac: macOf(index), ...common },
      { id: `s${index}`, mac: macOf(0x80 + index), ...common },
    ];
  });
  return [...cables, { id: "door", mac: macOf(0xff), network: "user", forward: [doorPort] }];
}

/** Names by udev; a higher number than that of the product's own link files, as an administrator's may have too. */
function linkFile(mac: string, name: string): [string, string] {
  return [`etc/systemd/network/80-${name}.link`, `[Match]\nPermanentMACAddress=${mac}\n\n[Link]\nName=${name}\n`];
}

const nodeFile = '{ "role": "compute", "managementLink": "eno1" }\n';

function files() {
  const unit = (description: string, exec: string, type = "exec") =>
    `[Unit]\nDescription=${description}\nAfter=network-switch.service\nRequires=network-switch.service\n` +
    `[Service]\nType=${type}\nExecStart=${exec}\n`;
  const inside = "/usr/sbin/ip netns exec switch";
  return {
    ...Object.fromEntries(nics().map(({ id, mac }) => linkFile(mac ?? "", id ?? ""))),
    "etc/binnacle/node.json": nodeFile,
    "root/node.json": nodeFile,
    "etc/NetworkManager/system-connections/management.nmconnection": { text: managementProfile("eno1"), mode: 0o600 },
    "usr/local/sbin/network-switch": {
      text: fs.readFileSync(path.join(import.meta.dirname, "network-switch.sh"), "utf8"),
      mode: 0o755,
    },
    "usr/local/sbin/network-reset": {
      text: fs.readFileSync(path.join(import.meta.dirname, "network-reset.sh"), "utf8"),
      mode: 0o755,
    },
    "root/management.nmconnection": managementProfile("eno1"),
    "etc/systemd/system/network-switch.service":
      "[Unit]\nDescription=The switch\nBefore=network-pre.target NetworkManager.service lldpd.service\n" +
      "Wants=network-pre.target\n" +
      "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/local/sbin/network-switch\n",
    "etc/systemd/system/switch-dhcp.service": unit(
      "DHCP on VLAN 30 of the switch",
      `${inside} /usr/sbin/dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --bind-interfaces ` +
        "--interface=free.30 --except-interface=lo --dhcp-range=10.30.0.100,10.30.0.110,1h --dhcp-authoritative " +
        "--dhcp-leasefile=/run/switch.leases --pid-file=",
    ),
    "etc/systemd/system/switch-lldp.service": unit(
      "LLDP of the switch",
      `${inside} /usr/sbin/lldpd -d -u /run/switch-lldpd.socket`,
    ),
    "etc/systemd/system/switch-door.service": unit(
      "The test's way to the agent",
      `${inside} /usr/bin/systemd-socket-activate -l ${doorPort} /usr/lib/systemd/systemd-socket-proxyd ${rootSocket}`,
    ),
  };
}

/** What a boot starts besides. */
const startedUnits = Object.fromEntries(
  ["network-switch", "switch-dhcp", "switch-lldp", "switch-door"].map((name) => [
    `etc/systemd/system/multi-user.target.wants/${name}.service`,
    `../${name}.service`,
  ]),
);

/** What would only cost time. */
const idleTimers = ["apt-daily.timer", "apt-daily-upgrade.timer", "man-db.timer"];
const consoleUnits = ["binnacle-console@tty1.service", "binnacle-serial@ttyS0.service"];

function maskLinks(units: readonly string[]): Record<string, string> {
  return Object.fromEntries(units.map((unit) => [`etc/systemd/system/${unit}`, "/dev/null"]));
}
