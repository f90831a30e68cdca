import type { Subscription } from "../../core/api/client.ts";
import { NodeError } from "../../core/model/error.ts";
import { type LogLine, logLine } from "../../core/model/records.ts";
import type { MessageKey, Translate } from "../i18n/catalogue.ts";
import type { Style } from "../terminal/canvas.ts";
import { formatDateTime } from "../widgets/format.ts";
import { List } from "../widgets/list.ts";
import { type TextLine, TextView } from "../widgets/text.ts";
import type { Control, Hint, Screen } from "./screen.ts";

type Range = { label: MessageKey; sinceMs: number | "boot" | undefined };
const ranges: readonly [Range, ...Range[]] = [
  { label: "logs.range.hour", sinceMs: 3_600_000 },
  { label: "logs.range.day", sinceMs: 86_400_000 },
  { label: "logs.range.week", sinceMs: 7 * 86_400_000 },
  { label: "logs.range.boot", sinceMs: "boot" },
  { label: "logs.range.all", sinceMs: undefined },
];
const priorities = [7, 6, 4, 3] as const;
const pageLines = 300;
const filterHints: readonly Hint[] = [
  ["s", "hint.unit"],
  ["p", "hint.priority"],
  ["t", "hint.range"],
  ["/", "hint.search"],
  ["f", "hint.follow"],
];

/** The journal of this node: filter by service, severity, time range and text; follow; older lines on Page Up. */
export function logsScreen(control: Control): Screen {
  const text = new TextView({ follow: true, find: "search", capacity: 5000 });
  let range: Range = ranges[1] ?? ranges[0];
  let priority: (typeof priorities)[number] = 7;
  let unit: string | undefined;
  let oldest: string | undefined;
  /** Cursors of the newest page. */
  let paged: ReadonlySet<string> = new Set();
  let more = false;
  let loading = false;
  let stream: Subscription | undefined;
  let generation = 0;
  /** Why there is nothing: an empty journal is not the same as none. */
  let trouble: string | undefined;
  /** False where no filter brings any line: there is no journal, or it may not be read. */
  let readable = true;

  function query() {
    const { now, state } = control.view();
    const boot = state.facts.time?.state === "value" ? state.facts.time.value.bootAt : undefined;
    const since = range.sinceMs === "boot" ? boot : range.sinceMs === undefined ? undefined : now - range.sinceMs;
    return {
      priority,
      ...(unit === undefined ? {} : { unit }),
      ...(since === undefined ? {} : { since }),
    };
  }

  async function load(): Promise<void> {
    const mine = ++generation;
    stream?.close();
    text.clear();
    loading = true;
    control.redraw();
    trouble = undefined;
    readable = true;
    const answer = await control.attempt(async () => {
      try {
        return await control.client.call("logs", { query: { ...query(), limit: pageLines } });
      } catch (error) {
        trouble = control.describe(error);
        readable = !isUnreadable(error);
        throw error;
      }
    });
    if (mine !== generation) return;
    loading = false;
    const lines = answer?.lines.toReversed() ?? [];
    take(lines);
    more = answer?.more ?? false;
    text.set(lines.map(toTextLine));
    text.follow(true);
    if (answer !== undefined) follow();
    control.redraw();
  }

  function follow(): void {
    stream = control.client.followLogs({ ...query(), since: undefined }, (value) => {
      const parsed = logLine.safeParse(value);
      // The stream begins with what is new since it was opened; a line that the page brought already is not repeated.
      // Told by the cursor and not by the time, which may have been set back.
      if (!parsed.success || paged.has(parsed.data.cursor)) return;
      text.append([toTextLine(parsed.data)]);
      control.redraw();
    });
  }

  function take(lines: readonly LogLine[]): void {
    oldest = lines[0]?.cursor ?? oldest;
    paged = new Set(lines.map((line) => line.cursor));
  }

  async function loadOlder(): Promise<void> {
    const before = oldest;
    if (loading || !more || before === undefined) return;
    const mine = generation;
    loading = true;
    const answer = await control.attempt(() =>
      control.client.call("logs", { query: { ...query(), before, limit: pageLines } }),
    );
    loading = false;
    if (answer === undefined || mine !== generation) return;
    more = answer.more && text.prepend(answer.lines.toReversed().map(toTextLine)) > 0;
    oldest = answer.lines.at(-1)?.cursor;
    control.redraw();
  }

  const screen: Screen = {
    title: "logs.title",
    help: "help.logs",
    hints: () => (readable ? filterHints : []),
    typing: () => text.typing,
    enter: () => void load(),
    leave: () => {
      generation++;
      stream?.close();
    },
    draw(canvas, view) {
      const settings = [unit ?? view.t("logs.allUnits"), view.t(`logs.priority.${priority}`), view.t(range.label)].join(
        "   ",
      );
      canvas.text(2, 0, settings, "strong", canvas.width - 4);
      const body = canvas.part(1, 2, canvas.width - 2, canvas.height - 3);
      if (text.length === 0)
        body.text(
          1,
          0,
          loading ? view.t("logs.loading") : trouble === undefined ? view.t("logs.none") : `-  ${trouble}`,
          "dim",
        );
      else text.draw(body, view.t);
    },
    key(key) {
      if (!text.typing && key.name === "char") {
        if (key.text === "t") range = ranges[(ranges.indexOf(range) + 1) % ranges.length] ?? ranges[0];
        else if (key.text === "p") priority = priorities[(priorities.indexOf(priority) + 1) % priorities.length] ?? 7;
        else if (key.text === "f") {
          text.follow(!text.following);
          return true;
        } else if (key.text === "s") {
          void chooseUnit(control, (chosen) => {
            unit = chosen;
          });
          return true;
        } else return text.key(key);
        void load();
        return true;
      }
      const used = text.key(key);
      if (text.atStart && (key.name === "pageup" || key.name === "up" || key.name === "home")) void loadOlder();
      return used;
    },
  };
  return screen;
}

function isUnreadable(error: unknown): boolean {
  return error instanceof NodeError && (error.code === "LOGS.NO_JOURNAL" || error.code === "LOGS.DENIED");
}

function toTextLine(line: LogLine): TextLine {
  const style: Style = line.priority <= 3 ? "bad" : line.priority === 4 ? "warn" : "text";
  return {
    lead: formatDateTime(line.at).slice(5),
    text: `${line.unit}: ${line.message}`,
    style,
  };
}

/** A list of the services that the journal knows; the first entry is all of them. */
async function chooseUnit(control: Control, onChosen: (unit: string | undefined) => void): Promise<void> {
  const units = await control.attempt(() => control.client.call("logUnits", {}));
  if (units === undefined) return;
  const t = (): Translate => control.view().t;
  const all = { id: "", text: () => t()("logs.allUnits") };
  const list = new List({
    items: () => [all, ...units.map((id) => ({ id, text: () => id }))],
    id: (item) => item.id,
    text: (item) => item.text(),
    onOpen: (item) => {
      onChosen(item.id === "" ? undefined : item.id);
      control.close(screen);
    },
  });
  const screen: Screen = {
    title: "logs.title",
    help: "help.logs",
    hints: () => [
      ["Enter", "hint.open"],
      ["/", "hint.filter"],
    ],
    typing: () => list.typing,
    draw: (canvas, view) => list.draw(canvas.part(2, 1, canvas.width - 4, canvas.height - 2), view.t),
    key: (key) => list.key(key),
  };
  control.open(screen);
}
