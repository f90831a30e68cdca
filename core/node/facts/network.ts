import type { FactValue } from "../../model/facts.ts";
import { linkOrNothing, type Machine, readOrNothing } from "../machine.ts";
import {
  type DefaultRoute,
  type IpLink,
  linkOf,
  parseBonding,
  parseLinks,
  parseNameServers,
  parseRoutes,
  type SysLink,
} from "./links.ts";
import { readNodeFile } from "./node-file.ts";
import { runText, type Source } from "./source.ts";

const timeoutMs = 4000;
/** How soon to listen again when `ip monitor` has ended. */
const listenAgainMs = 30_000;

/** Links, addresses, default routes and name servers. */
export function networkSource(): Source<"network"> {
  const routes = routeReader();
  return {
    name: "network",
    everyMs: 5000,
    idleEveryMs: 15_000,
    budgetMs: 8000,
    async read(machine, signal) {
      const limits = { timeoutMs, signal };
      const links = parseLinks(await runText(machine, "ip", ["-j", "-d", "-s", "addr", "show"], limits));
      const defaults = await routes(machine, limits);
      // Whoever mends a node with a damaged file needs its network most; the file's own fact says that it is damaged.
      const node = await readNodeFile(machine).catch(() => undefined);
      const managementLink = node?.managementLink ?? preferred(defaults)?.link;
      return {
        links: await Promise.all(links.map((link) => readLink(machine, link, links, managementLink))),
        gateways: defaults.flatMap(({ link, address, family }) =>
          address === null ? [] : [{ link, address, family }],
        ),
        nameServers: await readNameServers(machine),
      };
    },
    watch: watchLinks,
  };
}

/** The default route that packets without a better one take: IPv4 before IPv6, lowest metric first. */
function preferred(routes: DefaultRoute[]): DefaultRoute | undefined {
  return routes[0];
}

/**
 * Routes by `ip`, but only when the kernel's tables have changed: the tables cost a hundredth of two processes and are
 * used as nothing but a mark.
 */
function routeReader() {
  let mark: string | undefined;
  let known: DefaultRoute[] = [];
  return async (machine: Machine, limits: { timeoutMs: number; signal: AbortSignal }): Promise<DefaultRoute[]> => {
    const tables = await Promise.all([readOrNothing(machine, "/proc/net/route"), readIpv6Defaults(machine)]);
    const next = tables.join("\n");
    if (next === mark && next !== "\n") return known;
    const v4 = parseRoutes(await runText(machine, "ip", ["-j", "route", "show", "default"], limits), "inet");
    const v6 = parseRoutes(await runText(machine, "ip", ["-j", "-6", "route", "show", "default"], limits), "inet6");
    known = [...v4, ...v6];
    mark = next;
    return known;
  };
}

/** Lines of default routes without their counters of use. Source: the kernel's net/ipv6/route.c. */
async function readIpv6Defaults(machine: Machine): Promise<string> {
  const table = (await readOrNothing(machine, "/proc/net/ipv6_route")) ?? "";
  const defaults = table.split("\n").filter((line) => /^0{32} 00 /.test(line));
  return defaults.map((line) => line.split(/\s+/).toSpliced(6, 2).join(" ")).join("\n");
}

async function readLink(
  machine: Machine,
  ip: IpLink,
  all: IpLink[],
  managementLink: string | undefined,
): Promise<FactValue<"network">["links"][number]> {
  const isBond = ip.linkinfo?.info_kind === "bond";
  const bonding = isBond ? await readOrNothing(machine, `/proc/net/bonding/${ip.ifname}`) : undefined;
  const partners = parseBonding(bonding ?? "");
  return linkOf(ip, all, { sys: await readSys(machine, ip), partners, managementLink });
}

/** Kinds of links whose speed the kernel knows. Those of virtual machines can be hundreds and have none. */
const kindsWithSpeed = new Set([undefined, "bond", "bridge", "vlan"]);

async function readSys(machine: Machine, ip: IpLink): Promise<SysLink> {
  const folder = `/sys/class/net/${ip.ifname}`;
  const [path, driver] = await Promise.all([
    linkOrNothing(machine, folder),
    linkOrNothing(machine, `${folder}/device/driver`),
  ]);
  const hasSpeed = ip.flags.includes("LOWER_UP") && kindsWithSpeed.has(ip.linkinfo?.info_kind);
  const [speed, duplex] = hasSpeed
    ? await Promise.all([readOrNothing(machine, `${folder}/speed`), readOrNothing(machine, `${folder}/duplex`)])
    : [];
  return {
    path: path ?? null,
    driver: driver?.split("/").at(-1) ?? null,
    speedMbps: parseSpeed(speed),
    duplex: duplex === "full" || duplex === "half" ? duplex : null,
  };
}

/** Megabits a second; the kernel says -1, as a signed or an unsigned number, when it does not know. */
function parseSpeed(text: string | undefined): number | null {
  const speed = Number(text);
  return Number.isInteger(speed) && speed > 0 && speed < 0xffff_ffff ? speed : null;
}

/** systemd-resolved puts itself into resolv.conf; the servers that it asks are in its own copy. */
async function readNameServers(machine: Machine): Promise<string[]> {
  const servers = parseNameServers((await readOrNothing(machine, "/etc/resolv.conf")) ?? "");
  if (!servers.includes("127.0.0.53")) return servers;
  const asked = await readOrNothing(machine, "/run/systemd/resolve/resolv.conf");
  return asked === undefined ? servers : parseNameServers(asked);
}

/** A cable that is plugged in shows at once: `ip monitor` prints a line for each change of a link or an address. */
function watchLinks(machine: Machine, changed: () => void): () => void {
  let stopped = false;
  let end: () => void = () => {};
  function listen(): void {
    const stream = machine.stream("ip", ["-o", "monitor", "link", "address"], changed);
    end = stream.stop;
    const again = () => {
      if (!stopped) end = machine.after(listenAgainMs, listen);
    };
    stream.done.then(again, again);
  }
  listen();
  return () => {
    stopped = true;
    end();
  };
}
