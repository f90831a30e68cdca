import { valueOf } from "../../../core/model/reading.ts";
import type { Canvas, Style } from "../../terminal/canvas.ts";
import { wrap } from "../../terminal/width.ts";
import type { View } from "../screen.ts";

/**
 * Says that this node's role is not installed, and why when the agent tells. Gives how many lines that took: none where
 * the role is ready or its installation was never recorded.
 */
export function drawUnreadyRole(canvas: Canvas, view: View): number {
  const words = unreadyRole(view);
  if (words === undefined) return 0;
  canvas.text(0, 0, words.text, words.style);
  const room = Math.max(canvas.height - 1, 0);
  const reason = words.reason === "" ? [] : wrap(words.reason, canvas.width);
  // What has no room follows on the last line, so that the ellipsis tells of it.
  const lines = reason.length <= room ? reason : [...reason.slice(0, room - 1), reason.slice(room - 1).join(" ")];
  for (const [y, line] of lines.entries()) canvas.text(0, 1 + y, line);
  return 1 + lines.length;
}

/** Whether this node's role is recorded as anything but installed. */
export function isUnready({ state }: View): boolean {
  const status = valueOf(state.facts.identity)?.roleStatus;
  return status !== undefined && status.state !== "ready";
}

function unreadyRole({ t, state }: View): { text: string; style: Style; reason: string } | undefined {
  const status = valueOf(state.facts.identity)?.roleStatus;
  if (status === undefined || status.state === "ready") return undefined;
  const { step } = status;
  if (status.state === "installing") {
    const text = step === null ? t("node.roleInstalling") : t("node.roleInstallingAt", { step });
    return { text, style: "warn", reason: "" };
  }
  const text = step === null ? t("node.roleFailed") : t("node.roleFailedAt", { step });
  return { text, style: "bad", reason: (status.reason ?? "").replace(/\s+/g, " ").trim() };
}
