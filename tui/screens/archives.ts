import type { Archive, ArchiveKind, Serving } from "../../core/model/archives.ts";
import type { Job } from "../../core/model/records.ts";
import type { MessageKey } from "../i18n/catalogue.ts";
import type { Canvas, Style } from "../terminal/canvas.ts";
import { formatAge, formatBytes, formatDuration, formatPercent } from "../widgets/format.ts";
import { List } from "../widgets/list.ts";
import { archiveJobScreen } from "./archive-job.ts";
import { confirmScreen } from "./confirm.ts";
import type { Control, Hint, Screen, View } from "./screen.ts";
import { servingScreen } from "./serving.ts";

/** Something that can be made: what it is, how much room it takes, and the call that starts it. */
export type Making = { id: string; text: string; note: string; style?: Style; start: () => Promise<Job> };

export type ArchivesOptions<T extends { archives: readonly Archive[] }> = {
  kind: ArchiveKind;
  jobKind: string;
  title: MessageKey;
  help: MessageKey;
  /** Heading of what can be made. */
  group: MessageKey;
  load: () => Promise<T>;
  makings: (loaded: T) => readonly Making[];
  /** What stands above the list; returns the lines that it takes. */
  above: (canvas: Canvas, view: View, loaded: T | undefined) => number;
  /** What stands below it, on one line. */
  below: (view: View, loaded: T) => string;
};

type Row = {
  id: string;
  group: MessageKey;
  text: string;
  note: string;
  style?: Style | undefined;
  archive?: Archive;
  open: () => void;
};

/** Archives of one kind: to make one, to follow one that is being made, to hand out or delete one that is kept. */
export function archivesScreen<T extends { archives: readonly Archive[] }>(
  control: Control,
  options: ArchivesOptions<T>,
): Screen {
  const { kind, jobKind, title, help } = options;
  const t = () => control.view().t;
  let loaded: T | undefined;
  let serving: Serving | null = null;
  let busy = false;
  const runningJob = () => control.view().state.jobs.find((job) => job.kind === jobKind && job.state === "running");
  let wasRunning = runningJob()?.id;

  async function refresh(): Promise<void> {
    const answers = await control.attempt(() => Promise.all([options.load(), control.client.call("serving", {})]));
    if (answers === undefined) return;
    loaded = answers[0];
    serving = answers[1].serving;
    control.redraw();
  }

  /** One action at a time: a second Enter while an answer is on its way does nothing. */
  function once(action: () => Promise<void>): void {
    if (busy) return;
    busy = true;
    void action().finally(() => {
      busy = false;
    });
  }

  const follow = (id: string) => control.open(archiveJobScreen(control, id, { kind, title, help }));
  const start = (making: Making) =>
    once(async () => {
      const job = await control.attempt(making.start);
      if (job !== undefined) follow(job.id);
    });
  const handOut = (archive: Archive) =>
    once(async () => {
      control.notify(t()("serving.opening"));
      const { name } = archive;
      const answer = await control.attempt(() => control.client.call("startServing", { body: { kind, name } }));
      if (answer?.serving) control.open(servingScreen(control, answer.serving));
    });
  const remove = ({ name }: Archive) =>
    once(async () => {
      const done = await control.attempt(() => control.client.call("deleteArchive", { params: { kind, name } }));
      if (done !== undefined) control.notify(t()("archives.deleted"), "good");
      await refresh();
    });

  function rows(): Row[] {
    const { now } = control.view();
    const found: Row[] = [];
    if (serving?.kind === kind) {
      const current = serving;
      const left = formatDuration(Math.max(current.endsAt - now, 0) / 1000);
      const note = t()("archives.left", { left });
      const open = () => control.open(servingScreen(control, current));
      found.push({ id: "serving", group: "archives.open", text: current.name, note, style: "good", open });
    }
    const job = runningJob();
    if (job !== undefined) {
      const note = job.progress === null ? t()("archives.working") : formatPercent(job.progress);
      found.push({ id: "job", group: "archives.running", text: t()(title), note, open: () => follow(job.id) });
    } else if (loaded !== undefined)
      for (const making of options.makings(loaded))
        found.push({ ...making, group: options.group, open: () => start(making) });
    for (const archive of loaded?.archives ?? [])
      found.push({
        id: archive.name,
        group: "archives.kept",
        text: archive.name,
        note: t()("archives.size", { size: formatBytes(archive.sizeBytes), age: formatAge(now - archive.at) }),
        archive,
        open: () => handOut(archive),
      });
    return found;
  }

  const list = new List<Row>({
    items: rows,
    id: (row) => row.id,
    text: (row) => row.text,
    note: (row) => row.note,
    noteStyle: (row) => row.style ?? "dim",
    group: (row) => t()(row.group),
    onOpen: (row) => row.open(),
    filter: false,
  });
  const screen: Screen = {
    title,
    help,
    hints: () => {
      const { selected } = list;
      const open: Hint[] = selected === undefined ? [] : [["Enter", "hint.open"]];
      return selected?.archive === undefined ? open : [...open, ["d", "hint.delete"]];
    },
    enter: () => void refresh(),
    changed() {
      // One that has ended, here or on another console, is in the list then.
      const running = runningJob()?.id;
      if (running === wasRunning) return;
      wasRunning = running;
      void refresh();
    },
    draw(canvas, view) {
      const body = canvas.part(2, 1, canvas.width - 4, canvas.height - 2);
      const y = options.above(body, view, loaded);
      if (loaded === undefined) return;
      list.draw(body.part(0, y, body.width, body.height - y - 2), view.t);
      if (loaded.archives.length === 0) body.text(0, body.height - 2, view.t("archives.noneKept"), "dim");
      body.text(0, body.height - 1, options.below(view, loaded), "dim");
    },
    key(key) {
      const archive = list.selected?.archive;
      if (key.name === "char" && key.text === "d" && archive !== undefined) {
        const message = t()("archives.sure", { name: archive.name });
        control.open(confirmScreen(control, screen, { message, style: "warn" }, () => remove(archive)));
        return true;
      }
      return list.key(key);
    },
  };
  return screen;
}
