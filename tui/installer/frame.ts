import type { InstallerVnc, InstallQuestion } from "../../core/model/installation/protocol.ts";
import { tooSmall } from "../frame.ts";
import type { Canvas, Style } from "../terminal/canvas.ts";
import { displayWidth, truncate, wrap } from "../terminal/width.ts";
import type { Hint, Screen, View } from "./screen.ts";

export type Notice = { text: string; style: Style };

/** What the installer's console on the VNC server calls itself. */
const vncConsole = "vnc";

/** Lines that a notice may take. */
const longestNotice = 3;

/** The number of each page in the technician's count of steps. */
export const stepNumber: Record<InstallQuestion, number> = {
  locale: 1,
  role: 2,
  checks: 3,
  disk: 4,
  layout: 4,
  network: 5,
  passwords: 6,
  summary: 7,
};
export const stepCount = 7;

export type Place = {
  /** The question that is shown; undefined where there is none to go back from. */
  page: InstallQuestion | undefined;
  notice: Notice | undefined;
  /** Whether the screen is a question or a phase, whose first line is free; what is opened above one needs it all. */
  isBase: boolean;
  canGoBack: boolean;
};

/** Header, the screen on top, the notice if there is one, and the footer. */
export function drawFrame(canvas: Canvas, view: View, screen: Screen, place: Place): void {
  const { width, height } = canvas;
  if (tooSmall(width, height)) {
    canvas.text(0, Math.floor((height - 1) / 2), view.t("app.tooSmall", { width, height }), "strong");
    return;
  }
  drawHeader(canvas, view, screen, place.page);
  screen.draw(canvas.part(0, 1, width, height - 2), view);
  if (place.isBase) drawVnc(canvas.part(2, 1, width - 4, 1), view);
  if (place.notice !== undefined) drawNotice(canvas, place.notice, height - 2);
  drawFooter(canvas, view, screen, place.canGoBack);
}

function drawHeader(canvas: Canvas, view: View, screen: Screen, page: InstallQuestion | undefined): void {
  const { t, state } = view;
  canvas.fill({ x: 0, y: 0, width: canvas.width, height: 1 }, " ", "bar");
  let x = canvas.text(1, 0, `${t("product")} ${state.version}`, "bar") + 3;
  x = canvas.text(x, 0, t("install.name"), "bar") + 3;
  if (page !== undefined)
    x = canvas.text(x, 0, t("install.step", { step: stepNumber[page], count: stepCount }), "bar") + 1;
  x = canvas.text(x, 0, t(screen.title), "bar") + 2;
  const right = canvas.width - 1;
  const [text, style] = corner(view);
  if (right - x >= 6) canvas.textRight(right, 0, truncate(text, right - x, canvas.glyphs.ellipsis), style);
}

/** Who leads, when it is another; else which machine this is: consoles of many look alike. */
function corner({ t, state, leads }: View): [string, Style] {
  if (!leads && state.leader !== null) return [leaderWords(t, state.leader), "preview"];
  const { vendor, model } = state.hardware ?? { vendor: null, model: null };
  return [model ?? vendor ?? "", "bar"];
}

function leaderWords(t: View["t"], leader: string): string {
  return leader === "answers" ? t("install.answersLead") : t("install.leads", { console: leader });
}

/** How to get to this installer from afar; on that screen itself nobody needs it. */
function drawVnc(canvas: Canvas, { t, state, console }: View): void {
  const { vnc } = state;
  if (vnc === null || console === vncConsole) return;
  canvas.textRight(canvas.width, 0, vncWords(t, vnc, canvas.width, canvas.glyphs.ellipsis), "strong");
}

/** The password is always whole; addresses that have no room are left out from the end. */
function vncWords(t: View["t"], { addresses, port, password }: InstallerVnc, width: number, ellipsis: string): string {
  if (addresses.length === 0) return t("install.vnc.waiting");
  const places = addresses.map((address) => (address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`));
  const words = (shown: string) => t("install.vnc", { places: shown, password });
  for (let count = places.length; count > 0; count--) {
    const shown = words(places.slice(0, count).join("  "));
    if (displayWidth(shown) <= width) return shown;
  }
  return words(truncate(places[0] ?? "", width - displayWidth(words("")), ellipsis));
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

function drawFooter(canvas: Canvas, { t }: View, screen: Screen, canGoBack: boolean): void {
  const y = canvas.height - 1;
  const tail = t("install.twins");
  const own = screen.hints?.() ?? [];
  const hints: Hint[] = own.filter(([, , room]) => room === undefined);
  if (canGoBack) hints.push(["Esc", "hint.back"]);
  hints.push(["F1", "hint.help"], ["F4", "hint.profile"]);
  let x = 1;
  const put = ([key, what]: Hint, right: number): boolean => {
    if (x + displayWidth(`${key} ${t(what)}`) > right) return false;
    x = canvas.text(x, y, key, "key");
    x = canvas.text(x + 1, y, t(what), "text") + 2;
    return true;
  };
  for (const hint of hints) if (!put(hint, canvas.width - 1)) return;
  for (const hint of own) if (hint[2] === "spare" && !put(hint, canvas.width - displayWidth(tail) - 3)) break;
  if (x + displayWidth(tail) < canvas.width) canvas.textRight(canvas.width - 1, y, tail, "dim");
}
