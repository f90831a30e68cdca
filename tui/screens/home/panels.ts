import type { Disk, FactValue, Link, VirtualMachine } from "../../../core/model/facts.ts";
import { type Missing, type Reading, valueOf } from "../../../core/model/reading.ts";
import type { Canvas, Style } from "../../terminal/canvas.ts";
import { displayWidth } from "../../terminal/width.ts";
import {
  formatAge,
  formatBytes,
  formatBytesOf,
  formatDateTime,
  formatDuration,
  formatPercent,
  formatSpeed,
  formatTime,
  formatUsed,
  unknown,
} from "../../widgets/format.ts";
import { drawGraph } from "../../widgets/graph.ts";
import { healthWhy } from "../disk-words.ts";
import { machineMemory, machineStyle, orderMachines } from "../machine-words.ts";
import type { View } from "../screen.ts";
import { linkState, reasonOf, virtualMachineState } from "../words.ts";
import { mainAddress, neighbourOf, orderLinks } from "./links.ts";
import { drawUnreadyRole, isUnready } from "./role.ts";

/** Width of the first column of a panel: the label of a line. */
const labelWidth = 9;

/** As the agent names it when a management node's image has none. */
const managerUnit = "binnacle-manager.service";

/**
 * Draws a panel whose figures come from one reading: the heading, and then, from the line `top`, either the figures,
 * marked when they are old, or a dash with the reason.
 */
function panel<T>(
  canvas: Canvas,
  view: View,
  title: string,
  reading: Reading<T> | undefined,
  draw: (body: Canvas, value: T, headingEnd: number) => void,
  top = 1,
): void {
  let end = canvas.text(0, 0, title, "heading");
  const body = canvas.part(0, top);
  if (reading === undefined || reading.state === "missing") {
    const reason = reading === undefined ? view.t("missing.pending") : reasonOf(view.t, reading.why);
    body.text(0, 0, `-  ${reason}`, "dim");
    return;
  }
  if (reading.state === "stale") {
    const age = view.t("panel.stale", { age: formatAge(view.now - reading.at) });
    end = canvas.text(end + 2, 0, age, "warn");
  }
  draw(body, reading.value, end);
}

/** One figure of a line, or a dash with the reason when its fact is not there. */
function line(canvas: Canvas, y: number, label: string, parts: readonly (readonly [string, Style])[]): void {
  canvas.text(0, y, label, "text", labelWidth);
  let x = labelWidth;
  for (const [text, style] of parts) x = canvas.text(x, y, text, style) + 2;
}

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

/** What the manager is busy with; nothing while it has nothing to do. */
function taskWords({ t, state }: View): (readonly [string, Style])[] {
  const { cloud } = state.facts;
  if (cloud?.state !== "value") return [];
  const { running, waiting } = cloud.value.tasks;
  if (running + waiting === 0) return [];
  return [[t(waiting === 0 ? "node.tasks" : "node.tasksWaiting", { running, waiting }), "text"]];
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

export function drawHosts(canvas: Canvas, view: View): void {
  const { t, state } = view;
  const { hosts: reading } = state.facts;
  if (reading?.state === "missing" && reading.why.code === "notConfigured") {
    canvas.text(0, 0, t("panel.host"), "heading");
    canvas.text(0, 1, `-  ${t("host.noManager")}`, "dim");
    return;
  }
  panel(canvas, view, t("panel.host"), reading, (body, hosts) => {
    drawFigures(body, [
      [t("host.total", { count: hosts.total }), "text"],
      [t("host.enabled", { count: hosts.enabled }), "text"],
      [t("host.connected", { count: hosts.connected }), "text"],
      [t("host.disconnected", { count: hosts.disconnected }), hosts.disconnected > 0 ? "bad" : "text"],
      ...some(hosts.connecting, t("host.connecting", { count: hosts.connecting }), "warn"),
      ...some(hosts.maintenance, t("host.maintenance", { count: hosts.maintenance }), "text"),
      ...some(hosts.disabled, t("host.disabled", { count: hosts.disabled }), "text"),
    ]);
  });
}

type Figure = readonly [text: string, style: Style];

/** A figure that is worth its room only where there is something to count. */
function some(count: number, text: string, style: Style): Figure[] {
  return count === 0 ? [] : [[text, style]];
}

/** Figures one behind the other, on as many lines as there are; those that find no room are the last ones. */
function drawFigures(body: Canvas, figures: readonly Figure[]): void {
  const fits = (gap: number) => placed(figures, body.width, gap).every(({ y }) => y < body.height);
  for (const { x, y, text, style } of placed(figures, body.width, fits(3) ? 3 : 2))
    if (y < body.height) body.text(x, y, text, style);
}

function placed(figures: readonly Figure[], width: number, gap: number) {
  let [x, y] = [0, 0];
  return figures.map(([text, style]) => {
    const textWidth = displayWidth(text);
    if (x > 0 && x + textWidth > width) [x, y] = [0, y + 1];
    const place = { x, y, text, style };
    x += textWidth + gap;
    return place;
  });
}

/** On a management node those of the whole cloud, counted; on others this node's own, one by one. */
export function drawMachines(canvas: Canvas, view: View, key: string): void {
  if (valueOf(view.state.facts.identity)?.role === "management") drawCloudMachines(canvas, view);
  else drawOwnMachines(canvas, view, key);
}

function drawCloudMachines(canvas: Canvas, view: View): void {
  const { t, state } = view;
  panel(canvas, view, t("panel.vm"), state.facts.cloud, (body, { machines: all }) => {
    drawFigures(body, [
      [t("vm.total", { count: all.total }), "text"],
      [t("vm.running", { count: all.running }), "text"],
      [t("vm.stopped", { count: all.stopped }), "text"],
      [t("vm.unknown", { count: all.unknown }), all.unknown > 0 ? "warn" : "text"],
      ...some(all.failed, t("vm.failed", { count: all.failed }), "bad"),
      ...some(all.changing, t("vm.changing", { count: all.changing }), "text"),
      ...some(all.paused, t("vm.paused", { count: all.paused }), "text"),
      ...some(all.deleted, t("vm.deleted", { count: all.deleted }), "dim"),
      ...some(all.others, t("vm.others", { count: all.others }), "text"),
    ]);
  });
}

function drawOwnMachines(canvas: Canvas, view: View, key: string): void {
  const { t, state } = view;
  panel(canvas, view, t("panel.vm"), state.facts.virtualMachines, (body, machines, end) => {
    const { list, total, running, stopped, unknown: lost } = machines;
    if (list === null || list.length === 0) {
      drawFigures(body, [
        [t("vm.total", { count: total }), "text"],
        [t("vm.running", { count: running }), "text"],
        [t("vm.stopped", { count: stopped }), "text"],
        ...some(lost, t("vm.unknown", { count: lost }), "warn"),
      ]);
      return;
    }
    canvas.text(end + 3, 0, t("vm.ofTotal", { running, total }), "strong");
    const shown = fitting(list.length, body.height);
    orderMachines(list)
      .slice(0, shown)
      .forEach((vm, y) => drawMachine(body, y, view, vm));
    drawMore(body, t, key, list.length - shown);
  });
}

function drawMachine(body: Canvas, y: number, { t }: View, vm: VirtualMachine): void {
  const uuidWidth = body.width >= 80 ? 36 : 8;
  body.text(0, y, vm.uuid.slice(0, uuidWidth), "dim");
  const nameWidth = body.width - uuidWidth - 22;
  body.text(uuidWidth + 1, y, vm.name, "text", nameWidth);
  const x = uuidWidth + nameWidth + 2;
  body.textRight(x + 4, y, vm.cpus !== null ? t("vm.cpus", { cpus: vm.cpus }) : unknown);
  body.textRight(x + 10, y, machineMemory(vm));
  body.text(x + 11, y, virtualMachineState(t, vm.state), machineStyle[vm.state], 9);
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

/** How many of `count` lines fit, one of them kept for "n more" when not all do. */
function fitting(count: number, height: number): number {
  return count <= height ? count : Math.max(height - 1, 0);
}

/** Says how many lines are hidden and, where there is room, the key behind which they are. */
export function drawMore(canvas: Canvas, t: View["t"], key: string, count: number): void {
  if (count === 0 || canvas.height === 0) return;
  const long = t("panel.moreAt", { count, key });
  const text = displayWidth(long) <= canvas.width ? long : t("panel.more", { count });
  canvas.text(0, canvas.height - 1, text, "dim", canvas.width);
}
