import { NodeError } from "../../../core/model/error.ts";
import type { LocalAction, LocalMachineRow, LocalMachineView } from "../../../core/model/local-machines.ts";
import type { Canvas } from "../../terminal/canvas.ts";
import { wrap } from "../../terminal/width.ts";
import { stepOf } from "../../widgets/rows.ts";
import { drawMarks } from "../../widgets/scroll.ts";
import { silenceWords } from "../machine-words.ts";
import { Opener } from "../opener.ts";
import type { Control, Hint, Screen, View } from "../screen.ts";
import { actOn } from "./act.ts";
import { drawGraphs, drawState, type PartLine, partLines } from "./draw.ts";
import { Poll } from "./poll.ts";

const everyMs = 3_000;
/** Lines that the three graphs take, with their heading. */
const graphRows = { least: 4, most: 8 };

const actionKeys: readonly (readonly [key: string, action: LocalAction, hint: Hint[1]])[] = [
  ["o", "start", "hint.powerOn"],
  ["s", "shutDown", "hint.shutDown"],
  ["p", "powerOff", "hint.powerOff"],
];

/** One virtual machine of this node: what it is, how busy it is, its disks and cards; and what can be done with it. */
export function machineScreen(control: Control, row: LocalMachineRow): Screen {
  const { client } = control;
  const { uuid } = row;
  let isGone = false;
  const ask = async (): Promise<LocalMachineView | "gone"> => {
    try {
      return await client.call("machine", { params: { uuid } });
    } catch (error) {
      if (error instanceof NodeError && error.code === "MACHINE.UNKNOWN") return "gone";
      throw error;
    }
  };
  const poll = new Poll(control, everyMs, ask, (view) => {
    isGone = view === "gone";
  });
  const known = () => (poll.value === "gone" ? undefined : poll.value);
  const opener = new Opener(control);
  let scroll = 0;
  let room = 1;

  function open(make: () => Promise<Screen>): void {
    opener.open(async () => {
      const screen = await make();
      // It is asked for again when this screen is uncovered.
      poll.stop();
      return screen;
    });
  }

  const screen: Screen = {
    title: "machine.title",
    help: "help.machine",
    hints() {
      const view = known();
      if (view === undefined) return [];
      const isOn = view.machine.state === "running" || view.machine.state === "paused";
      const console: Hint[] = isOn && view.hasSerial ? [["c", "hint.serial"]] : [];
      const can = actionKeys.filter(([, action]) => view.refusals[action] === null);
      return [...console, ...can.map(([key, , hint]): Hint => [key, hint])];
    },
    enter() {
      opener.enter();
      poll.start();
    },
    leave() {
      opener.leave();
      poll.stop();
    },
    draw(canvas, view) {
      const body = canvas.part(2, 0, canvas.width - 4, canvas.height - 1);
      if (isGone) {
        body.text(0, 1, view.t("error.MACHINE.UNKNOWN"), "warn");
        return;
      }
      room = drawAll(body, view, known(), row, scroll);
    },
    key(key) {
      const step = stepOf(key);
      const view = known();
      if (step !== undefined) {
        const lines = view === undefined ? 0 : partLines(control.view().t, view, 76).length;
        const by = step.pages === true ? step.by * Math.max(room - 1, 1) : step.by;
        scroll = Math.max(0, Math.min(scroll + by, lines - room));
        return true;
      }
      if (key.name !== "char" || view === undefined) return false;
      if (key.text === "c") {
        open(async () => (await import("./serial.ts")).serialScreen(control, view.machine));
        return true;
      }
      const found = actionKeys.find(([text]) => text === key.text);
      if (found === undefined) return false;
      const [, action] = found;
      const refusal = view.refusals[action];
      if (refusal !== null) control.notify(control.view().t(`machine.refused.${refusal}`), "warn");
      else {
        poll.stop();
        actOn(control, screen, view, action);
      }
      return true;
    },
  };
  return screen;
}

/** Returns the lines that disks and cards have. */
function drawAll(
  canvas: Canvas,
  view: View,
  known: LocalMachineView | undefined,
  row: LocalMachineRow,
  scroll: number,
): number {
  const { t, now } = view;
  const silence = known?.silence ?? null;
  let y = drawState(canvas, view, known, known?.machine ?? row);
  if (silence !== null) {
    for (const line of wrap(silenceWords(t, silence, now), canvas.width)) canvas.text(0, ++y, line, "bad");
    return 1;
  }
  if (known === undefined) {
    canvas.text(0, y + 1, t("missing.pending"), "dim");
    return 1;
  }
  const lines = partLines(t, known, canvas.width);
  const spare = canvas.height - y - 2 - lines.length;
  const rows = Math.max(graphRows.least, Math.min(graphRows.most, spare));
  drawGraphs(canvas.part(0, y + 1, canvas.width, rows), view, known);
  y += rows + 2;
  return drawParts(canvas.part(0, y), view, lines, scroll);
}

function drawParts(canvas: Canvas, { t }: View, lines: readonly PartLine[], scroll: number): number {
  const isWhole = lines.length <= canvas.height;
  const room = isWhole ? canvas.height : Math.max(canvas.height - 1, 1);
  const top = Math.max(0, Math.min(scroll, lines.length - room));
  for (const [y, line] of lines.slice(top, top + room).entries())
    for (const { x, text, style, right } of line) {
      if (right === true) canvas.textRight(x, y, text, style);
      else canvas.text(x, y, text, style);
    }
  if (!isWhole) drawMarks(canvas, room, top, lines.length - room - top, t);
  return room;
}
