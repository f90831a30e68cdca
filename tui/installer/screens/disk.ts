import type { InstallDisk } from "../../../core/model/installation/hardware.ts";
import type { Canvas, Style } from "../../terminal/canvas.ts";
import { displayWidth, wrap } from "../../terminal/width.ts";
import { formatBytes } from "../../widgets/format.ts";
import { type Column, Table } from "../../widgets/table.ts";
import { TextView } from "../../widgets/text.ts";
import { contentWords, offeredDisks, partWords } from "../disk-words.ts";
import type { Control, Screen, View } from "../screen.ts";
import type { InstallerTranslate } from "../texts.ts";

const healthStyle: Record<InstallDisk["health"], Style> = { healthy: "good", failing: "bad", unknown: "dim" };

/** Lines that the list may take; below it stands what is on the selected disk. */
const longestList = 9;

/** Step 4: which disk gets the system. Only disks that can hold it are offered, and what is on each is told. */
export function diskPage(control: Control): Screen {
  const t = () => control.view().t;
  const offered = () => offeredDisks(control.known().hardware.disks);
  const table = new Table<InstallDisk>({
    items: offered,
    id: ({ name }) => name,
    columns: () => columnsOf(t(), offered()),
    filter: false,
    onOpen: (disk) => void choose(disk),
  });
  const { disk: answers } = control.known().draft;
  if (answers.disk !== null) table.select(answers.disk);

  async function choose(disk: InstallDisk): Promise<void> {
    const { mirror, custom } = control.known().draft.disk;
    // A mirror stays when it still is another disk of those that are offered.
    const keeps = mirror !== disk.name && offered().some(({ name }) => name === mirror);
    const next = { disk: disk.name, mirror: keeps ? mirror : null, custom };
    const went = await control.attempt(async () => {
      await control.client.call("setDisk", next);
      await control.settled((draft) => draft.disk.disk === next.disk && draft.disk.mirror === next.mirror);
    });
    if (went) control.next();
  }

  return {
    title: "install.disk.title",
    help: "install.help.disk",
    hints: () =>
      offered().length === 0
        ? [["r", "install.hint.lookAgain"]]
        : [
            ["Enter", "install.hint.choose"],
            ["d", "install.hint.details"],
            ["r", "install.hint.lookAgain"],
          ],
    draw(canvas, view) {
      const { t } = view;
      const others = notOffered(view, control.known().hardware.disks);
      const disks = offered();
      if (disks.length === 0) {
        drawNoDisk(canvas, t, others);
        return;
      }
      const listHeight = Math.min(disks.length + 1, longestList);
      table.draw(canvas.part(2, 1, canvas.width - 4, listHeight), t);
      const below = canvas.part(2, listHeight + 2, canvas.width - 4, canvas.height - listHeight - 3);
      const { selected } = table;
      const room = below.height - (others.length === 0 ? 0 : 2);
      if (selected !== undefined) drawDetails(below.part(0, 0, below.width, room), t, selected);
      if (others.length > 0)
        below.text(0, below.height - 1, t("install.disk.notOffered", { disks: others.join(", ") }), "dim");
    },
    key(key) {
      if (key.name === "char" && key.text === "r") {
        void control.attempt(() => control.client.call("probe", {}));
        return true;
      }
      if (key.name === "char" && key.text === "d") {
        if (table.selected !== undefined) control.open(detailsScreen(t(), table.selected));
        return true;
      }
      return table.key(key);
    },
  };
}

function columnsOf(t: InstallerTranslate, disks: readonly InstallDisk[]): readonly Column<InstallDisk>[] {
  const widest = (value: (disk: InstallDisk) => string, most: number) =>
    Math.min(Math.max(0, ...disks.map((disk) => displayWidth(value(disk)))), most);
  return [
    { title: t("disks.column.name"), min: widest(({ name }) => name, 12), value: ({ name }) => name },
    {
      title: t("disks.column.size"),
      min: 6,
      align: "right",
      value: ({ sizeBytes }) => formatBytes(sizeBytes),
    },
    {
      title: t("install.column.bus"),
      min: widest(({ bus }) => bus ?? "-", 6),
      value: ({ bus }) => bus ?? "-",
      priority: 3,
    },
    {
      title: t("disks.column.model"),
      min: widest(({ model }) => model ?? "-", 10),
      width: widest(({ model }) => model ?? "-", 22),
      value: ({ model }) => model ?? "-",
      priority: 2,
    },
    {
      title: t("disks.column.health"),
      min: widest(({ health }) => t(`health.${health}`), 8),
      value: ({ health }) => t(`health.${health}`),
      style: ({ health }) => healthStyle[health],
    },
    {
      title: t("install.column.content"),
      min: 16,
      width: widest((disk) => contentWords(t, disk), 40),
      grow: true,
      value: (disk) => contentWords(t, disk),
      style: ({ empty }) => (empty ? "text" : "warn"),
    },
  ];
}

/** Disks that are left out, each with the reason. */
function notOffered({ t }: View, disks: readonly InstallDisk[]): string[] {
  return disks.flatMap(({ name, unusable, sizeBytes }) =>
    unusable === null ? [] : [`${name} ${formatBytes(sizeBytes)} (${t(`install.unusable.${unusable}`)})`],
  );
}

function drawNoDisk(canvas: Canvas, t: InstallerTranslate, others: readonly string[]): void {
  let y = 1;
  const put = (text: string, style: "bad" | "text" = "text") => {
    for (const line of wrap(text, canvas.width - 4)) canvas.text(2, y++, line, style);
  };
  put(t("install.disk.none"), "bad");
  y++;
  if (others.length === 0) put(t("install.disk.noneAtAll"));
  for (const other of others) canvas.text(4, y++, other);
}

function drawDetails(canvas: Canvas, t: InstallerTranslate, disk: InstallDisk): void {
  const lines = detailLines(t, disk);
  const room = lines.length > canvas.height ? canvas.height - 1 : canvas.height;
  lines.slice(0, room).forEach(({ text, style }, y) => canvas.text(0, y, text, style));
  if (lines.length > room) canvas.text(2, room, t("install.disk.moreParts", { count: lines.length - room }), "dim");
}

type DetailLine = { text: string; style: Style };

function detailLines(t: InstallerTranslate, disk: InstallDisk): DetailLine[] {
  const { name, model, serial, sizeBytes, bus, rotational, health, healthWhy, sectorBytes } = disk;
  const kind = rotational === null ? null : t(rotational ? "disks.hdd" : "disks.ssd");
  const head = [`/dev/${name}`, model, kind, bus, formatBytes(sizeBytes)].filter((part) => part !== null).join("  ");
  const why = healthWhy === null ? "" : `  ${healthWhy}`;
  return [
    { text: head, style: "heading" },
    { text: t("install.disk.serial", { serial: serial ?? "-", sector: sectorBytes }), style: "text" },
    {
      text: t("install.disk.health", { health: `${t(`health.${health}`)}${why}` }),
      style: health === "failing" ? "bad" : "text",
    },
    { text: "", style: "text" },
    disk.empty
      ? { text: t("install.disk.isEmpty"), style: "text" }
      : { text: t("install.disk.holds", { kind: disk.partitionTable ?? "-" }), style: "strong" },
    ...disk.contents.map((content): DetailLine => ({ text: `  ${partWords(t, content)}`, style: "text" })),
  ];
}

function detailsScreen(t: InstallerTranslate, disk: InstallDisk): Screen {
  const view = new TextView();
  view.set([{ text: disk.path, style: "dim" }, ...detailLines(t, disk)]);
  return {
    title: "install.disk.title",
    help: "install.help.disk",
    typing: () => view.typing,
    draw: (canvas, { t }) => view.draw(canvas.part(2, 1, canvas.width - 4, canvas.height - 2), t),
    key: (key) => view.key(key),
  };
}
