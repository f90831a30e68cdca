import { type InstallerState, type InstallStep, installSteps } from "../../../core/model/installation/protocol.ts";
import type { Canvas, Style } from "../../terminal/canvas.ts";
import { drawBar } from "../../widgets/bar.ts";
import { formatDuration, formatPercent } from "../../widgets/format.ts";
import type { Control, Screen } from "../screen.ts";
import type { InstallerTranslate } from "../texts.ts";
import { logScreen } from "./log.ts";

/** Where the names of the steps stand, and how wide the bar is at most. */
const nameAt = 9;
const longestBar = 50;

/** The installation runs: every console sees the same. */
export function progressScreen(control: Control): Screen {
  return {
    title: "install.progress.title",
    help: "install.help.progress",
    hints: () => [["l", "install.hint.log"]],
    draw(canvas, { t, state, leads }) {
      const { draft, progress } = state;
      const words = { role: t(`role.${draft?.role ?? "unknown"}`), disk: draft?.disk.disk ?? "-" };
      canvas.text(2, 1, t("install.progress.what", words), "strong");
      installSteps.forEach((step, i) => drawStep(canvas, t, 3 + i, step, progress));
      const y = 3 + installSteps.length + 1;
      if (progress !== null) drawShare(canvas.part(2, y, canvas.width - 4), t, progress);
      canvas.text(2, y + 3, t("install.progress.wait"), "dim");
      if (!leads) canvas.text(2, y + 4, t("install.progress.watching"), "dim");
    },
    key(key) {
      if (key.name !== "char" || key.text !== "l") return false;
      control.open(logScreen(control));
      return true;
    },
  };
}

type Progress = NonNullable<InstallerState["progress"]>;

function drawStep(
  canvas: Canvas,
  t: InstallerTranslate,
  y: number,
  step: InstallStep,
  progress: InstallerState["progress"],
): void {
  const at = progress === null ? -1 : installSteps.indexOf(progress.step);
  const own = installSteps.indexOf(step);
  const style: Style = own === at ? "strong" : own < at ? "text" : "dim";
  if (own < at) canvas.text(2, y, t("install.verdict.pass"), "good");
  else if (own === at) canvas.text(2, y, t("install.verdict.wait"), "strong");
  const end = canvas.text(nameAt, y, t(`install.doing.${step}`), style);
  if (own === at && progress !== null && progress.stepShare > 0)
    canvas.text(Math.max(end + 2, 44), y, formatPercent(progress.stepShare), style);
}

function drawShare(canvas: Canvas, t: InstallerTranslate, progress: Progress): void {
  const width = Math.min(longestBar, canvas.width - 8);
  drawBar(canvas.part(0, 0, width, 1), progress.share);
  canvas.text(width + 2, 0, formatPercent(progress.share), "strong");
  const elapsed = formatDuration(progress.elapsedSeconds);
  const { remainingSeconds } = progress;
  canvas.text(
    0,
    1,
    remainingSeconds === null
      ? t("install.progress.elapsed", { elapsed })
      : t("install.progress.remaining", { elapsed, remaining: formatDuration(remainingSeconds) }),
  );
}
