import type { Disk, FactValue, Link } from "../../../core/model/facts.ts";
import { type Missing, type Reading, valueOf } from "../../../core/model/reading.ts";
import type { Canvas, Style } from "../../terminal/canvas.ts";
import {
  formatBytes,
  formatBytesOf,
  formatDateTime,
  formatDuration,
  formatPercent,
  formatSpeed,
  formatTime,
  formatUsed,
} from "../../widgets/format.ts";
import { drawGraph } from "../../widgets/graph.ts";
import { healthWhy } from "../disk-words.ts";
import type { View } from "../screen.ts";
import { linkState, reasonOf } from "../words.ts";
import { mainAddress, neighbourOf, orderLinks } from "./links.ts";
import { drawMore, type Figure, fitting, line, panel, some } from "./panel.ts";
import { drawUnreadyRole, isUnready } from "./role.ts";

/** As the agent names it when a management node's image has none. */
const managerUnit = "binnacle-manager.service";

const healthStyle: Record<Disk["health"], Style> = { healthy: "good", failing: "bad", unknown: "dim" };

export function drawNode(canvas: Canvas, view: View): void {
  const { t, state } = view;
  const { management } = state.facts;
  const title = t("panel.node");
  const top = 1 + drawUnreadyRole(canvas.part(0, 1), view);
  if (management?.state === "missing" && management.why.code === "notConfigured") {
    canvas.text(0, 0, title, "heading");
    drawPlainNode(canvas.part(0, top), view);
    return;
  }
  if (management?.state === "missing" && isWithoutManager(management.why)) {
    canvas.text(0, 0, title, "heading");
    canvas.part(0, top).text(0, 0, `-  ${t("node.noManager")}`, "dim");
    return;
  }
  // Beside a role that is not ready, nothing may look as if the node did its work.
  const running: Style = isUnready(view) ? "text" : "good";
  const draw = (body: Canvas, m: FactValue<"management">) => {
    const stateStyle: Record<typeof m.service, Style> = { running, stopped: "bad", unknown: "warn" };
    const why: readonly (readonly [string, Style])[] =
      m.why === undefined ? [] : [[t(`service.why.${m.why}`), stateStyle[m.service]]];
    line(body, 0, t("node.service"), [
      [t(`service.${m.service}`), stateStyle[m.service]],
      ...why,
      [m.pid === null ? "" : t("node.pid", { pid: m.pid }), "text"],
    ]);
    line(body, 1, t("node.ui"), [
      [t(`service.${m.ui}`), stateStyle[m.ui]],
      [m.uiAddress ?? "", "text"],
    ]);
    line(body, 2, t("node.ha"), [[t(`ha.${m.ha}`), "text"], ...taskWords(view)]);
  };
  panel(canvas, view, title, management, draw, top);
}

/** How much the manager has to do; nothing while that is nothing. */
function taskWords({ t, state }: View): Figure[] {
  const { cloud } = state.facts;
  if (cloud?.state !== "value") return [];
  const { running, waiting } = cloud.value.tasks;
  return some(running + waiting, t("node.tasks", { count: running + waiting }), "text");
}

/** Without systemctl nothing is known of the manager: that is `notInstalled` too, but of something else. */
function isWithoutManager(why: Missing): boolean {
  return why.code === "notInstalled" && why.detail === managerUnit;
}

/** `Debian GNU/Linux 13 (trixie)` without its nickname: half a panel has no room for both. */
function withoutCodename(os: string): string {
  return os.replace(/ \([^)]*\)$/, "");
}

/** `ntp1` of `ntp1.example.com`, `0.pool` of `0.pool.ntp.org`; addresses stay whole. */
function shortName(host: string): string {
  if (!/[a-z]/i.test(host) || host.includes(":")) return host;
  return /^(\d+\.)*[^.]+/.exec(host)?.[0] ?? host;
}

/** A node that is not meant to run a manager: what it runs on takes the room. */
function drawPlainNode(body: Canvas, { t, state }: View): void {
  const identity = valueOf(state.facts.identity);
  const lines: (readonly [string, string, Style])[] = [[t("node.service"), `-  ${t("node.noService")}`, "dim"]];
  if (identity !== undefined) {
    const hardware = [identity.vendor, identity.model].filter((part) => part !== null).join(" ");
    lines.push([t("node.os"), withoutCodename(identity.os), "text"]);
    lines.push([t("node.machine"), hardware === "" ? (identity.virtualization ?? "-") : hardware, "text"]);
  }
  for (const [y, [label, text, style]] of lines.entries()) line(body, y, label, [[text, style]]);
}

export function drawTime(canvas: Canvas, view: View): void {
  const { t, state } = view;
  panel(canvas, view, t("panel.time"), state.facts.time, (body, time) => {
    line(body, 0, t("time.booted"), [
      [formatDateTime(time.bootAt).slice(0, 16), "text"],
      [t("time.up", { duration: formatDuration(time.uptimeSeconds) }), "text"],
    ]);
    line(body, 1, t("time.time"), [[formatTime(view.now), "text"], clockWords(view)]);
    line(body, 2, t("time.load"), [[time.load.map((l) => l.toFixed(2)).join("  "), "text"]]);
  });
}

function clockWords({ t, state }: View): readonly [string, Style] {
  const { clock } = state.facts;
  if (clock === undefined) return ["-", "dim"];
  if (clock.state === "missing") {
    // Two names of daemons don't fit here, and mean less than what their absence means.
    const noSource = clock.why.code === "notRunning" || clock.why.code === "notInstalled";
    return noSource ? [t("time.noSource"), "warn"] : [`-  ${reasonOf(t, clock.why)}`, "dim"];
  }
  const { inSync, source } = clock.value;
  if (!inSync) return [t("time.notInSync"), "warn"];
  return [source === null ? t("time.inSync") : t("time.inSyncWith", { source: shortName(source) }), "good"];
}

export function drawDisks(canvas: Canvas, view: View, key: string): void {
  const { t, state } = view;
  panel(canvas, view, t("panel.disk"), state.facts.filesystems, (body, filesystems) => {
    filesystems.forEach((fs, y) => {
      const share = fs.sizeBytes === 0 ? 0 : 1 - fs.freeBytes / fs.sizeBytes;
      const style: Style = share >= 0.95 || fs.readOnly ? "bad" : share >= 0.8 ? "warn" : "text";
      line(body, y, t(`fs.${fs.purpose}`), [
        [t("fs.free", { free: formatBytes(fs.freeBytes).padStart(6), size: formatBytes(fs.sizeBytes) }), style],
        [fs.readOnly ? t("fs.readOnly") : share >= 0.8 ? formatUsed(share) : "", style],
      ]);
    });
    drawDiskHealth(body.part(0, filesystems.length), view, key);
  });
  if (state.facts.filesystems?.state === "missing") drawDiskHealth(canvas.part(0, 2), view, key);
}

function drawDiskHealth(body: Canvas, { t, state }: View, key: string): void {
  const { disks } = state.facts;
  if (disks === undefined || body.height === 0) return;
  if (disks.state === "missing") {
    line(body, 0, t("disk.disks"), [[`-  ${reasonOf(t, disks.why)}`, "dim"]]);
    return;
  }
  const order: Record<Disk["health"], number> = { failing: 0, unknown: 1, healthy: 2 };
  const sorted = [...disks.value].sort((a, b) => order[a.health] - order[b.health]);
  const shown = fitting(sorted.length, body.height);
  sorted.slice(0, shown).forEach((disk, y) => {
    const temperature = disk.temperatureC === null ? "" : `${disk.temperatureC} C`;
    line(body, y, disk.name, [
      [t(`health.${disk.health}`), healthStyle[disk.health]],
      [disk.health === "healthy" ? temperature : healthWhy(t, disk) || temperature, healthStyle[disk.health]],
    ]);
  });
  drawMore(body, t, key, sorted.length - shown);
}

export function drawNics(canvas: Canvas, view: View, key: string): void {
  const { t, state } = view;
  panel(canvas, view, t("panel.nic"), state.facts.network, (body, network) => {
    const rows = orderLinks(network.links);
    const shown = fitting(rows.length, body.height);
    const nameWidth = Math.min(
      Math.max(9, ...rows.map((r) => r.link.name.length + 2 * r.depth)),
      body.width >= 49 ? 17 : 9,
    );
    rows.slice(0, shown).forEach(({ link, depth }, y) => drawLink(body, y, view, link, depth, nameWidth));
    drawMore(body, t, key, rows.length - shown);
    if (rows.length === 0) body.text(0, 0, `-  ${t("nic.none")}`, "dim");
  });
}

function drawLink(body: Canvas, y: number, view: View, link: Link, depth: number, nameWidth: number): void {
  const { t, state } = view;
  const up = link.carrier === true && link.adminUp;
  body.text(2 * depth, y, shortLinkName(link.name, nameWidth - 2 * depth, body.glyphs.ellipsis), "text");
  body.text(nameWidth + 1, y, linkState(t, link), up ? "good" : "warn", 4);
  const hasSpeed = body.width >= 36;
  if (hasSpeed) body.textRight(nameWidth + 10, y, formatSpeed(up ? link.speedMbps : null));
  const x = nameWidth + (hasSpeed ? 11 : 6);
  const room = body.width - x - (link.management ? 3 : 0);
  const [text, style] = linkDetail(view, link, valueOf(state.facts.neighbours), room);
  body.text(x, y, text, style, room);
  if (link.management) body.textRight(body.width, y, t("nic.mn"), "strong");
}

/** The ports of one card differ at the end of their names: `enp129s0f0np0` is cut in its middle. */
function shortLinkName(name: string, width: number, ellipsis: string): string {
  if (name.length <= width) return name;
  const head = 3;
  return `${name.slice(0, head)}${ellipsis}${name.slice(name.length - (width - head - 1))}`;
}

/** What a line has room for beside name, state and speed: the address, else who is at the other end, else the reason. */
function linkDetail(
  view: View,
  link: Link,
  neighbours: Parameters<typeof neighbourOf>[1],
  room: number,
): readonly [string, Style] {
  const { t } = view;
  const address = mainAddress(link);
  if (address !== undefined && address.scope !== "link") {
    const whole = `${address.address}/${address.prefix}`;
    // An address that is cut would be another address; the mask can be missed.
    return [whole.length <= room ? whole : address.address, "text"];
  }
  const neighbour = neighbourOf(link, neighbours);
  if (neighbour !== undefined) return [`${neighbour.system} ${neighbour.port}`, "text"];
  if (!link.adminUp) return [t("nic.off"), "dim"];
  if (link.carrier === false) return [t("nic.noCarrier"), "warn"];
  if (link.bond !== null) return [t("nic.bondMode", { mode: link.bond.mode }), "text"];
  if (link.master !== null) return [t("nic.memberOf", { master: link.master }), "dim"];
  return [t("nic.noAddress"), "dim"];
}

export function drawCpu(canvas: Canvas, view: View): void {
  const { t, state } = view;
  const title = t("panel.cpu");
  panel(canvas, view, title, state.facts.cpu, (_, cpu, end) => {
    canvas.text(end + 3, 0, formatPercent(cpu.usage), "strong");
  });
  drawHistory(canvas, view, state.facts.cpu, state.histories.cpu.values);
}

export function drawMemory(canvas: Canvas, view: View): void {
  const { t, state } = view;
  const title = t("panel.memory");
  panel(canvas, view, title, state.facts.memory, (_, memory, end) => {
    const share = memory.totalBytes === 0 ? null : memory.usedBytes / memory.totalBytes;
    const x = canvas.text(end + 3, 0, formatPercent(share), "strong");
    const { part, whole } = formatBytesOf(memory.usedBytes, memory.totalBytes);
    const of = t("memory.of", { used: part, total: whole });
    canvas.text(x + 3, 0, of);
  });
  drawHistory(canvas, view, state.facts.memory, state.histories.memory.values);
}

function drawHistory(
  canvas: Canvas,
  _view: View,
  now: Reading<unknown> | undefined,
  values: readonly (number | null)[],
): void {
  if (now === undefined || now.state === "missing") return;
  const width = Math.min(canvas.width - 1, canvas.width > 60 ? canvas.width - 4 : 32);
  drawGraph(canvas.part(0, 1, width), values);
}
