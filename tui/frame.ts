import { valueOf } from "../core/model/reading.ts";
import { runningChange, secondsLeft } from "./network-change.ts";
import { isUnready } from "./screens/home/role.ts";
import type { Hint, Screen, View } from "./screens/screen.ts";
import type { Canvas, Style } from "./terminal/canvas.ts";
import { displayWidth, truncate, wrap } from "./terminal/width.ts";
import { formatDateTime } from "./widgets/format.ts";

/** A sentence at the foot of the screen. */
export type Notice = { text: string; style: Style };

/** Below this nothing can be laid out; the program goes on and waits for a larger window. Source: console.md. */
const minimum = { width: 60, height: 20 };

/** Fewer cells of a part of the header would say nothing. */
const shortestPart = 4;

/** Lines that a notice may take. */
const longestNotice = 3;

export function tooSmall(width: number, height: number): boolean {
  return width < minimum.width || height < minimum.height;
}

/** Header, the screen on top, a change of the network that goes on, the notice if there is one, and the footer. */
export function drawFrame(
  canvas: Canvas,
  view: View,
  screen: Screen,
  notice: Notice | undefined,
  canQuit: boolean,
): void {
  const { width, height } = canvas;
  if (tooSmall(width, height)) {
    canvas.text(0, Math.floor((height - 1) / 2), view.t("app.tooSmall", { width, height }), "strong");
    return;
  }
  if (screen.whole === true) screen.draw(canvas, view);
  else {
    drawHeader(canvas, view, screen);
    screen.draw(canvas.part(0, 1, width, height - 2), view);
  }
  const change = changeLine(view, screen);
  if (change !== undefined) drawNotice(canvas, { text: change, style: "warn" }, height - 2);
  if (notice !== undefined) drawNotice(canvas, notice, height - (change === undefined ? 2 : 3));
  if (screen.whole !== true) drawFooter(canvas, view, screen, canQuit);
}

function drawHeader(canvas: Canvas, view: View, screen: Screen): void {
  const { t, state } = view;
  const identity = valueOf(state.facts.identity);
  canvas.fill({ x: 0, y: 0, width: canvas.width, height: 1 }, " ", "bar");
  const clock = formatDateTime(view.now);
  const right = canvas.width - 1;
  canvas.textRight(right, 0, clock, "bar");
  let x = 1;
  const room = right - displayWidth(clock) - 2;
  const put = (text: string, style: Style, keptFree = 0) => {
    const most = room - x - keptFree;
    if (most >= shortestPart) x = canvas.text(x, 0, truncate(text, most, canvas.glyphs.ellipsis), style) + 3;
  };
  const isFull = screen.title === "full.title";
  const isHome = isFull || screen.title === "home.title";
  const role = t(`role.${identity?.role ?? "unknown"}`);
  const title = !isHome ? t(screen.title) : isUnready(view) ? t("header.unready", { role }) : role;
  if (state.status?.mode === "preview") put(t("header.preview"), "preview");
  // The mark takes the room of the version, which the public view shows.
  put(isFull ? t("header.full") : `${t("product")} ${state.status?.version ?? "-"}`, "bar");
  // A long host name is cut, not what the screen is; at home it is the name that matters.
  put(identity?.hostname ?? "-", "bar", isHome ? 0 : displayWidth(title) + 3);
  put(title, "bar");
}

/** That the network is being changed, for everybody who does not look at the change itself. */
function changeLine({ t, state, monotonic }: View, screen: Screen): string | undefined {
  const change = runningChange(state.networkChange);
  if (change === undefined || screen.title === "network.trial.title") return undefined;
  const { console } = change.transaction;
  const seconds = secondsLeft(change, monotonic);
  if (seconds === undefined) return t("network.banner", { console });
  return t("network.bannerLeft", { console, seconds });
}

/** Ends in the line `bottom`; a long sentence takes more lines upwards, for its end says what to do. */
function drawNotice(canvas: Canvas, notice: Notice, bottom: number): void {
  const lines = wrap(notice.text, canvas.width - 2).slice(0, longestNotice);
  lines.forEach((line, i) => {
    const y = bottom - lines.length + 1 + i;
    canvas.fill({ x: 0, y, width: canvas.width, height: 1 }, " ", "text");
    canvas.text(1, y, line, notice.style);
  });
}

function drawFooter(canvas: Canvas, view: View, screen: Screen, canQuit: boolean): void {
  const y = canvas.height - 1;
  const { t } = view;
  const tail = t("footer.escape");
  let x = 1;
  const own = screen.hints?.() ?? [];
  const hints: Hint[] = own.filter(([, , room]) => room === undefined);
  const always: Hint[] = [["F1", "hint.help"]];
  if (screen.title === "home.title") {
    always.push(["F4", "hint.profile"]);
    if (canQuit) always.push(["q", "hint.quit"]);
  } else if (!own.some(([key]) => key === "Esc")) always.push(["Esc", "hint.back"]);
  const put = ([key, what]: Hint, right: number): boolean => {
    if (x + displayWidth(`${key} ${t(what)}`) > right) return false;
    x = canvas.text(x, y, key, "key");
    x = canvas.text(x + 1, y, t(what), "text") + 2;
    return true;
  };
  // What a screen has of its own gives way to the keys that help and lead out: their names are never cut off.
  const kept = always.reduce((sum, [key, what]) => sum + displayWidth(`${key} ${t(what)}`) + 2, 0);
  for (const hint of hints) if (!put(hint, canvas.width - 1 - kept)) break;
  for (const hint of always) if (!put(hint, canvas.width - 1)) return;
  for (const hint of own) if (hint[2] === "spare" && !put(hint, canvas.width - displayWidth(tail) - 3)) break;
  if (x + displayWidth(tail) < canvas.width) canvas.textRight(canvas.width - 1, y, tail, "dim");
}
