import type { Series } from "../../../core/model/history.ts";
import type { LocalMachineRow, LocalMachineView } from "../../../core/model/local-machines.ts";
import type { Translate } from "../../i18n/catalogue.ts";
import type { Canvas, Style } from "../../terminal/canvas.ts";
import { displayWidth, wrap } from "../../terminal/width.ts";
import { type Figure, formatBytes, formatDuration, formatPercent, unknown } from "../../widgets/format.ts";
import { drawGraph } from "../../widgets/graph.ts";
import { machineCpus, machineMemory, stateStyle } from "../machine-words.ts";
import type { View } from "../screen.ts";
import { virtualMachineState } from "../words.ts";

/** Bytes a second: `12 K/s`. */
export function formatRate(bytes: Figure): string {
  const text = formatBytes(bytes);
  return text === unknown ? unknown : `${text}/s`;
}

/** Draws what the machine is, in three lines, and a blank one below. Returns the lines that this takes. */
export function drawState(
  canvas: Canvas,
  { t }: View,
  view: LocalMachineView | undefined,
  machine: LocalMachineRow,
): number {
  const { name, ofCloud, uuid, why } = machine;
  const owner = t(ofCloud ? "machine.ofCloud" : "machine.ofNode");
  const end = canvas.text(0, 0, name, "strong", canvas.width - displayWidth(owner) - 3);
  canvas.text(end + 3, 0, owner, ofCloud ? "dim" : "warn");
  canvas.text(0, 1, uuid, "dim");
  const reason = why === null ? "" : t(`machine.why.${why}`);
  let x = canvas.text(0, 2, virtualMachineState(t, machine.state), stateStyle(machine));
  if (reason !== "") x = canvas.text(x, 2, `: ${reason}`, stateStyle(machine));
  const figures = [
    ...(typeof view?.upSeconds === "number" ? [t("machine.up", { duration: formatDuration(view.upSeconds) })] : []),
    t("machine.cpus", { cpus: machineCpus(machine) }),
    memoryWords(t, view, machine),
  ];
  for (const text of figures) {
    // What has no room for itself begins the next line.
    if (x + 3 + displayWidth(text) > canvas.width) break;
    x = canvas.text(x + 3, 2, text);
  }
  return 3;
}

/** What it may have; what the guest has of it where that is less; and what of it lies in this host's memory. */
function memoryWords(t: Translate, view: LocalMachineView | undefined, machine: LocalMachineRow): string {
  const size = machineMemory(machine);
  const isOn = machine.state === "running" || machine.state === "paused";
  const { balloonBytes = null, residentBytes = null } = isOn ? (view ?? {}) : {};
  const isLess = balloonBytes !== null && machine.memoryBytes !== null && balloonBytes < machine.memoryBytes;
  return [
    t("machine.memory", { size }),
    ...(isLess ? [t("machine.balloon", { size: formatBytes(balloonBytes) })] : []),
    ...(residentBytes === null ? [] : [t("machine.resident", { size: formatBytes(residentBytes) })]),
  ].join(", ");
}

/** The three courses side by side: of its processors from 0 to 100 %, of disks and network up to their own peak. */
export function drawGraphs(canvas: Canvas, { t }: View, view: LocalMachineView): void {
  const { histories, machine, disks, nics } = view;
  const gap = 3;
  const width = Math.floor((canvas.width - 2 * gap) / 3);
  const disk = sum((disks ?? []).flatMap(({ read, written }) => [read, written]));
  const network = sum((nics ?? []).flatMap(({ received, sent }) => [received, sent]));
  const graphs = [
    { title: t("machine.graph.cpu"), now: formatPercent(machine.cpuShare), values: shares(histories.cpu, 1), peak: "" },
    ...[
      { title: t("machine.graph.disk"), figure: disk, series: histories.disk },
      { title: t("machine.graph.network"), figure: network, series: histories.network },
    ].map(({ title, figure, series }) => {
      const peak = Math.max(0, ...series.values.slice(-width).map((value) => value ?? 0));
      const words = peak === 0 ? "" : t("machine.graph.peak", { rate: formatRate(peak) });
      return { title, now: formatRate(figure), values: shares(series, peak), peak: words };
    }),
  ];
  graphs.forEach(({ title, now, values, peak }, nth) => {
    const part = canvas.part(nth * (width + gap), 0, width);
    const end = part.text(0, 0, title, "heading");
    const after = part.text(end + 1, 0, now, "strong");
    if (after + 2 + displayWidth(peak) <= width) part.textRight(width, 0, peak, "dim");
    drawGraph(part.part(0, 1), values);
  });
}

function shares({ values }: Series, whole: number): (number | null)[] {
  return values.map((value) => (value === null || whole === 0 ? value : value / whole));
}

function sum(figures: readonly (number | null)[]): number | null {
  const known = figures.filter((figure) => figure !== null);
  return known.length === 0 ? null : known.reduce((all, one) => all + one, 0);
}

/** One line of disks and cards: texts, each at its column, or ending before it when `right`. */
export type PartLine = readonly { x: number; text: string; style: Style; right?: boolean }[];

const columns = { name: 0, first: 15, second: 25, third: 37, fourth: 49 };

/** Disks and cards in lines: the figures of each, and below a disk where it lies. */
export function partLines(t: Translate, { disks, nics }: LocalMachineView, width: number): PartLine[] {
  if (disks === null || nics === null) return [[{ x: 0, text: `${unknown}  ${t("missing.pending")}`, style: "dim" }]];
  const lines: PartLine[] = [
    heading(t("machine.disk"), [
      t("machine.disk.size"),
      t("machine.disk.allocated"),
      t("machine.disk.read"),
      t("machine.disk.written"),
    ]),
  ];
  if (disks.length === 0) lines.push([{ x: 2, text: t("items.none"), style: "dim" }]);
  for (const { target, path, sizeBytes, allocatedBytes, read, written } of disks) {
    const figures = [formatBytes(sizeBytes), formatBytes(allocatedBytes), formatRate(read), formatRate(written)];
    lines.push(row(target, figures));
    const where = path === "" ? t("machine.disk.empty") : path;
    for (const text of wrap(where, width - 2)) lines.push([{ x: 2, text, style: "dim" }]);
  }
  lines.push([], heading(t("machine.nic"), ["", t("machine.nic.received"), t("machine.nic.sent"), ""]));
  if (nics.length === 0) lines.push([{ x: 2, text: t("items.none"), style: "dim" }]);
  for (const { mac, on, target, received, sent } of nics) {
    const where = [on, target].filter((part) => part !== "").join("  ");
    lines.push([
      ...row(mac, ["", formatRate(received), formatRate(sent), ""]),
      { x: columns.third + 3, text: where, style: "dim" },
    ]);
  }
  return lines;
}

function heading(title: string, titles: readonly string[]): PartLine {
  return row(title, titles).map((cell) => ({ ...cell, style: "heading" }));
}

function row(name: string, figures: readonly string[]): PartLine {
  const ends = [columns.first, columns.second, columns.third, columns.fourth];
  return [
    { x: columns.name, text: name, style: "text" },
    ...figures.flatMap((text, nth) =>
      text === "" ? [] : [{ x: ends[nth] ?? 0, text, style: "text" as const, right: true }],
    ),
  ];
}
