import type { Filesystem } from "../../core/model/facts.ts";
import type { Canvas, Style } from "../terminal/canvas.ts";
import { displayWidth } from "../terminal/width.ts";
import { drawBar } from "../widgets/bar.ts";
import { formatBytes, formatUsed } from "../widgets/format.ts";
import { drawAge, drawMissing } from "./items.ts";
import type { View } from "./screen.ts";

/** From this width on a file system takes one line, below it two. */
const oneLineWidth = 110;

/** What a file system is for: all that is kept on it, for a small node has everything on one. */
type Use = { purposes: Filesystem["purpose"][]; filesystem: Filesystem };

/** The file systems that the node lives on: how full, how much is free, where. Returns how many lines that took. */
export function drawFilesystems(canvas: Canvas, view: View): number {
  const { t, state } = view;
  const { filesystems: reading } = state.facts;
  canvas.text(0, 0, t("disks.filesystems"), "heading");
  if (reading === undefined || reading.state === "missing") {
    return 1 + drawMissing(canvas, 1, view, reading);
  }
  const used = 1 + drawAge(canvas.part(0, 1), view, reading);
  const uses = usesOf(reading.value);
  const names = uses.map(({ purposes }) => purposes.map((purpose) => t(`fs.${purpose}`)).join(", "));
  const nameWidth = Math.max(0, ...names.map(displayWidth));
  const lines = canvas.width >= oneLineWidth ? 1 : 2;
  uses.forEach(({ filesystem }, i) => {
    const line = canvas.part(0, used + i * lines, canvas.width, lines);
    line.text(0, 0, names[i] ?? "");
    drawUse(line.part(nameWidth + 2, 0), view, filesystem);
  });
  return used + uses.length * lines;
}

function drawUse(canvas: Canvas, { t }: View, filesystem: Filesystem): void {
  const { sizeBytes, freeBytes, readOnly, mount, type, device } = filesystem;
  const share = sizeBytes === 0 ? null : 1 - freeBytes / sizeBytes;
  const style = shareStyle(share);
  const barWidth = canvas.width >= 60 ? 22 : 12;
  drawBar(canvas.part(0, 0, barWidth, 1), share, style === "text" ? "graph" : style);
  canvas.textRight(barWidth + 5, 0, formatUsed(share), style);
  const free = t("disks.free", { free: formatBytes(freeBytes), size: formatBytes(sizeBytes) });
  let x = canvas.text(barWidth + 7, 0, free, style) + 3;
  if (readOnly) x = canvas.text(x, 0, t("disks.readOnly"), "bad") + 3;
  const place = t("disks.on", { mount, type, device });
  if (canvas.height > 1) canvas.text(0, 1, place, "dim");
  else canvas.text(Math.max(x, barWidth + 32), 0, place, "dim");
}

/** As on the home screen: a technician looks from 80 per cent on, and acts from 95 on. */
function shareStyle(share: number | null): Style {
  if (share === null) return "dim";
  return share >= 0.95 ? "bad" : share >= 0.8 ? "warn" : "text";
}

function usesOf(filesystems: readonly Filesystem[]): Use[] {
  const uses: Use[] = [];
  for (const filesystem of filesystems) {
    const same = uses.find(
      (use) => use.filesystem.mount === filesystem.mount && use.filesystem.device === filesystem.device,
    );
    if (same === undefined) uses.push({ purposes: [filesystem.purpose], filesystem });
    else same.purposes.push(filesystem.purpose);
  }
  return uses;
}
