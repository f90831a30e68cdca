import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { textOrNothing, writeDurably } from "../../../node/durable.ts";
import { type DhcpFiles, type DhcpServer, dhcpFiles, inside } from "./dhcp-files.ts";
import { cablePrefix, dhcpRules } from "./dhcp-rules.ts";
import { networkFailed } from "./errors.ts";
import { findLink, type Links, ownGroup } from "./links.ts";

/*
 * One DHCP server for each network that machines of this host are in: dnsmasq in a network namespace of its own, with a
 * cable into the network's bridge. So it has an address in the network without the host having one, whatever the
 * networks' addresses are: two of them may have the same, and no guest reaches the host by it.
 */

const namespacePrefix = "binnacle-";

/** Of a network; other parts of the host may offer something there. */
export function namespaceOf(l3NetworkUuid: string): string {
  return `${namespacePrefix}${l3NetworkUuid}`;
}

function cableOf(l3NetworkUuid: string): string {
  return `${cablePrefix}${l3NetworkUuid.slice(0, 12)}`;
}

/** The same on every host: a machine that moves goes on asking it. Locally administered, unicast. */
function macOf(l3NetworkUuid: string): string {
  return ["f6", ...(l3NetworkUuid.slice(-10).match(/../g) ?? [])].join(":");
}

export class DhcpServers {
  readonly #links: Links;
  readonly #folder: string;
  #systemd: Promise<boolean> | undefined;

  /** @param folder for their files, which dnsmasq reads as nobody: everybody may look into it */
  constructor(links: Links, folder: string) {
    this.#links = links;
    this.#folder = folder;
  }

  /** Loads the rules for these servers, before any of them is plugged in. @throws HYPERVISOR.NETWORK_FAILED */
  async guard(servers: readonly DhcpServer[]): Promise<void> {
    // Those of the last one go after it. A host that never had one needs no nft.
    if (servers.length > 0) await this.#load(servers);
  }

  async #load(servers: readonly DhcpServer[]): Promise<void> {
    const rules = dhcpRules(servers.map((server) => ({ ...server, cable: cableOf(server.l3NetworkUuid) })));
    await this.#links.must("nft", ["-f", "-"], { input: rules });
  }

  /**
   * Makes it answer as told. @param isThorough whether to look after it also when it was told the same before
   * @throws HYPERVISOR.NETWORK_FAILED
   */
  async ensure(server: DhcpServer, { isThorough }: { isThorough: boolean }): Promise<void> {
    const { l3NetworkUuid } = server;
    const folder = this.#folderOf(l3NetworkUuid);
    for (const each of [dirname(this.#folder), this.#folder, folder]) await openFolder(each);
    const files = dhcpFiles(server, folder);
    const there = await this.#filesIn(folder);
    if (!isThorough && there !== undefined && isSame(there, files)) return;
    const isNew = await this.#plug(server);
    const isRunning = (await this.#pids(l3NetworkUuid)).length > 0;
    if (!isNew && there !== undefined && isSame(there, files) && isRunning) return;
    const unfinished = join(folder, "unfinished");
    await writeFile(unfinished, "");
    for (const name of fileNames) await writeDurably(join(folder, name), files[name], 0o644);
    await this.#restart(l3NetworkUuid, folder);
    await rm(unfinished, { force: true });
  }

  /** Ends all servers but these, and clears what a killed agent has left of one. @throws HYPERVISOR.NETWORK_FAILED */
  async removeOthers(needed: ReadonlySet<string>): Promise<void> {
    const there = (await this.#namespaces()).filter((name) => name.startsWith(namespacePrefix));
    const files = await readdir(this.#folder).catch(() => []);
    const networks = new Set([...there.map((name) => name.slice(namespacePrefix.length)), ...files]);
    const others = [...networks].filter((uuid) => !needed.has(uuid));
    for (const uuid of others) await this.#remove(uuid);
    const cables = new Set([...needed].map(cableOf));
    for (const { ifname, group } of await this.#links.all())
      if (group === ownGroup && ifname.startsWith(cablePrefix) && !cables.has(ifname)) await this.#unplug(ifname);
    if (needed.size === 0 && others.length > 0) await this.#load([]);
    // Last: while they are there, an agent that is started anew knows that something may be left.
    for (const uuid of others) await rm(this.#folderOf(uuid), { recursive: true, force: true });
  }

  /** Namespace and cable as they have to be; whether they were made. */
  async #plug({ l3NetworkUuid, bridge, mtu, ip, prefixLen }: DhcpServer): Promise<boolean> {
    const [namespace, cable] = [namespaceOf(l3NetworkUuid), cableOf(l3NetworkUuid)];
    const isThere = (await this.#namespaces()).includes(namespace);
    const end = isThere ? findLink(await this.#links.all(namespace), inside) : undefined;
    const outer = findLink(await this.#links.all(), cable);
    const hasAddress = end?.addr_info.some(({ local, prefixlen }) => local === ip && prefixlen === prefixLen) === true;
    const isUp = end?.flags.includes("UP") === true && outer?.flags.includes("UP") === true;
    if (hasAddress && isUp && outer?.master === bridge && outer.mtu === mtu) return false;
    await this.#remove(l3NetworkUuid);
    const run = (...args: string[]) => this.#links.ip(...args);
    await run("netns", "add", namespace);
    await this.#links.silence("default", namespace);
    const peer = ["peer", "name", inside, "netns", namespace];
    // High, as libvirt has it for guests: an administrator's bridge takes the lowest address of its ports, and whoever
    // has the host's in mind would not reach it for a while.
    const mac = `fe${macOf(l3NetworkUuid).slice(2)}`;
    const own = ["address", mac, "mtu", String(mtu), "group", ownGroup, "type", "veth"];
    await run("link", "add", "name", cable, ...own, ...peer);
    await this.#links.silence(cable);
    const set = ["link", "set", "dev", inside, "address", macOf(l3NetworkUuid), "mtu", String(mtu), "up"];
    await run("-n", namespace, ...set);
    await run("-n", namespace, "address", "add", `${ip}/${prefixLen}`, "dev", inside);
    await run("link", "set", "dev", cable, "master", bridge, "up");
    return true;
  }

  async #remove(l3NetworkUuid: string): Promise<void> {
    const namespace = namespaceOf(l3NetworkUuid);
    await this.#end(l3NetworkUuid);
    await this.#unplug(cableOf(l3NetworkUuid));
    if ((await this.#namespaces()).includes(namespace)) await this.#links.ip("netns", "delete", namespace);
  }

  async #unplug(cable: string): Promise<void> {
    if (findLink(await this.#links.all(), cable) !== undefined) await this.#links.ip("link", "delete", "dev", cable);
  }

  /**
   * Every change is a new start, of a few hundredths of a second: dnsmasq 2.86 to 2.90 die of a SIGHUP as soon as they
   * have given an address to anybody, and none gives an address to another machine while it remembers who had it.
   *
   * Started outside of the agent's own unit, with which it would end; systemd starts it anew after a crash. Where systemd
   * does not run it is a daemon, and is missed when the driver looks the next time.
   */
  async #restart(l3NetworkUuid: string, folder: string): Promise<void> {
    const conf = `--conf-file=${join(folder, "conf")}`;
    const command = ["netns", "exec", namespaceOf(l3NetworkUuid), "dnsmasq", conf];
    await this.#links.ip(...command, "--test");
    await this.#end(l3NetworkUuid);
    if (!(await this.#hasSystemd())) {
      await this.#links.ip(...command);
      return;
    }
    const properties = ["Description=DHCP of a network of virtual machines", "Restart=always", "RestartSec=1"];
    await this.#links.must("systemd-run", [
      "--quiet",
      "--collect",
      `--unit=${unitOf(l3NetworkUuid)}`,
      ...[...properties, "OOMScoreAdjust=-500", "LimitCORE=0"].map((property) => `--property=${property}`),
      "--",
      "ip",
      ...command,
      "--keep-in-foreground",
    ]);
  }

  /** Whatever runs in its namespace, for it is the network's own. */
  async #end(l3NetworkUuid: string): Promise<void> {
    // No unit of this name is loaded, as a rule after it was stopped: nothing to say about it.
    if (await this.#hasSystemd()) await this.#links.try("systemctl", ["stop", unitOf(l3NetworkUuid)]);
    for (let tries = 0; tries < 50; tries++) {
      const pids = await this.#pids(l3NetworkUuid);
      if (pids.length === 0) return;
      await this.#links.try("kill", ["-KILL", ...pids]);
    }
    throw networkFailed(`What runs in the namespace ${namespaceOf(l3NetworkUuid)} can't be ended.`);
  }

  async #pids(l3NetworkUuid: string): Promise<string[]> {
    const { code, stdout } = await this.#links.try("ip", ["netns", "pids", namespaceOf(l3NetworkUuid)]);
    return code === 0 ? stdout.split(/\s+/).filter((pid) => pid !== "") : [];
  }

  async #namespaces(): Promise<string[]> {
    const { stdout } = await this.#links.try("ip", ["netns", "list"]);
    return stdout.split("\n").flatMap((line) => /^(\S+)/.exec(line)?.[1] ?? []);
  }

  /** It is asked once: what a computer was started with it has to its end. */
  #hasSystemd(): Promise<boolean> {
    this.#systemd ??= this.#links
      .try("test", ["-d", "/run/systemd/system"])
      .then(({ code }) => code === 0)
      .catch((error: unknown) => {
        this.#systemd = undefined;
        throw error;
      });
    return this.#systemd;
  }

  #folderOf(l3NetworkUuid: string): string {
    return join(this.#folder, l3NetworkUuid);
  }

  /** What dnsmasq has read; undefined when that is not known. */
  async #filesIn(folder: string): Promise<DhcpFiles | undefined> {
    if ((await textOrNothing(join(folder, "unfinished"))) !== undefined) return undefined;
    const [conf, hosts, options] = await Promise.all(fileNames.map((name) => textOrNothing(join(folder, name))));
    if (conf === undefined || hosts === undefined || options === undefined) return undefined;
    return { conf, hosts, options };
  }
}

const fileNames = ["conf", "hosts", "options"] as const satisfies readonly (keyof DhcpFiles)[];

function unitOf(l3NetworkUuid: string): string {
  return `binnacle-dhcp-${l3NetworkUuid}.service`;
}

/** Whatever the agent's umask says. */
async function openFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o755);
}

function isSame(before: DhcpFiles, after: DhcpFiles): boolean {
  return fileNames.every((name) => before[name] === after[name]);
}
