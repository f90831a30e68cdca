import type { Serving } from "../../core/model/archives.ts";
import type { Canvas, Style } from "../terminal/canvas.ts";
import { wrap } from "../terminal/width.ts";
import { formatDuration } from "../widgets/format.ts";
import { type Code, codeCells, codeOf, drawCode } from "../widgets/qr.ts";
import type { Control, Hint, Screen, View } from "./screen.ts";

/** What others do to it, another console or a download, is seen after so long. */
const askEveryMs = 3_000;
/** Room for words beside the code. */
const leastWords = 30;

/** Where an archive can be fetched: address, code, how long. It closes by itself when that is over. */
export function servingScreen(control: Control, first: Serving): Screen {
  const t = () => control.view().t;
  let serving = first;
  let shown = 0;
  let askedAt = performance.now();
  let asking = false;
  /** Made once for each address: it takes longer than all the rest of a frame. */
  let code: { of: string; code: Code } | undefined;
  const address = () => serving.addresses[shown % Math.max(serving.addresses.length, 1)];

  async function ask(): Promise<void> {
    if (asking || performance.now() - askedAt < askEveryMs || control.view().state.connection.state !== "up") return;
    asking = true;
    askedAt = performance.now();
    const answer = await control.attempt(() => control.client.call("serving", {}));
    asking = false;
    if (answer !== undefined) take(answer.serving);
  }

  function take(now: Serving | null): void {
    if (now?.name === serving.name && now.port === serving.port) {
      serving = now;
      control.redraw();
      return;
    }
    control.close(screen);
    control.notify(t()("serving.ended"), "warn");
  }

  async function prolong(): Promise<void> {
    const answer = await control.attempt(() => control.client.call("prolongServing", {}));
    if (answer === undefined) return;
    take(answer.serving);
    control.notify(t()("serving.prolonged"), "good");
  }

  async function end(): Promise<void> {
    const answer = await control.attempt(() => control.client.call("endServing", {}));
    if (answer !== undefined) take(null);
  }

  const screen: Screen = {
    title: "serving.title",
    help: "help.serving",
    hints: () => {
      const next: Hint[] = serving.addresses.length > 1 ? [["n", "hint.address"]] : [];
      return [["p", "hint.prolong"], ["e", "hint.end"], ...next];
    },
    changed: () => void ask(),
    draw(canvas, view) {
      const at = address();
      if (at === undefined) {
        canvas.text(2, 0, view.t("serving.noAddress", { port: serving.port }), "warn");
        drawWords(canvas.part(2, 2), view, serving, []);
        return;
      }
      canvas.text(2, 0, at, "strong");
      const body = canvas.part(2, 1, canvas.width - 4);
      if (code?.of !== at) code = { of: at, code: codeOf(at) };
      const width = drawCode(body.part(0, 0, body.width - leastWords - 2), code.code);
      const beside = width === 0 ? body.part(0, 1) : body.part(width + 2, 1);
      const others = serving.addresses.filter((other) => other !== at);
      const end = drawWords(beside, view, serving, others);
      if (width > 0) return;
      const needed = codeCells(canvas, code.code);
      const sizes = {
        width: needed.width + leastWords + 6,
        // Header, address and footer.
        height: needed.height + 3,
        ownWidth: canvas.width,
        ownHeight: canvas.height + 2,
      };
      drawWrapped(beside, end + 1, view.t("serving.noRoomForCode", sizes), "dim");
    },
    key(key) {
      if (key.name !== "char") return false;
      if (key.text === "p") void prolong();
      else if (key.text === "e") void end();
      else if (key.text === "n" && serving.addresses.length > 1) shown += 1;
      else return false;
      control.redraw();
      return true;
    },
  };
  return screen;
}

/** Returns the line behind the last one. */
function drawWords(canvas: Canvas, { t, now }: View, serving: Serving, others: readonly string[]): number {
  const { name, endsAt, downloads, wrong, firewall, local, port } = serving;
  let y = drawWrapped(canvas, 0, name, "text");
  y = drawWrapped(canvas, y, t("serving.left", { left: formatDuration(Math.max(endsAt - now, 0) / 1000) }), "strong");
  y = drawWrapped(canvas, y, t("serving.counts", { downloads }), "text");
  if (wrong > 0) y = drawWrapped(canvas, y, t("serving.wrong", { wrong }), "warn");
  y = drawWrapped(canvas, y + 1, t("serving.how"), "text");
  y = drawWrapped(canvas, y, local ? t("serving.local") : t("serving.plain"), "dim");
  if (firewall === "closed") y = drawWrapped(canvas, y, t("serving.firewall", { port }), "warn");
  if (others.length === 0) return y;
  y = drawWrapped(canvas, y + 1, t("serving.others"), "heading");
  for (const other of others) y = drawWrapped(canvas, y, new URL(other).host, "dim");
  return y;
}

function drawWrapped(canvas: Canvas, y: number, text: string, style: Style): number {
  const lines = wrap(text, canvas.width);
  lines.forEach((line, nth) => {
    canvas.text(0, y + nth, line, style);
  });
  return y + lines.length;
}
