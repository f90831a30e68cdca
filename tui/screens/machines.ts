import type { LocalMachineRow, LocalMachinesView } from "../../core/model/local-machines.ts";
import type { MessageKey, Translate } from "../i18n/catalogue.ts";
import type { Canvas } from "../terminal/canvas.ts";
import { wrap } from "../terminal/width.ts";
import { formatPercent } from "../widgets/format.ts";
import { type Column, Table } from "../widgets/table.ts";
import { machineScreen } from "./machine/machine.ts";
import { Poll } from "./machine/poll.ts";
import {
  byName,
  isNoHypervisor,
  machineCpus,
  machineMemory,
  orderMachines,
  silenceWords,
  stateStyle,
  stateWord,
} from "./machine-words.ts";
import type { Control, Screen, View } from "./screen.ts";
import { reasonOf } from "./words.ts";

const everyMs = 3_000;
/** Sorted by a figure that moves, rows change their places no more often: each costs a line on a slow console. */
const settledMs = 15_000;

const sorts = ["state", "cpu", "memory", "name"] as const;
type Sort = (typeof sorts)[number];

const most = (figure: (machine: LocalMachineRow) => number | null) => (a: LocalMachineRow, b: LocalMachineRow) =>
  (figure(b) ?? -1) - (figure(a) ?? -1) || byName(a, b);

const sorted: Record<Sort, (machines: readonly LocalMachineRow[]) => LocalMachineRow[]> = {
  state: orderMachines,
  cpu: (machines) => [...machines].sort(most(({ cpuShare }) => cpuShare)),
  memory: (machines) => [...machines].sort(most(({ memoryBytes }) => memoryBytes)),
  name: (machines) => [...machines].sort(byName),
};

/** The virtual machines that this node's hypervisor has, as they are now. */
export function machinesScreen(control: Control): Screen {
  const t = () => control.view().t;
  const { client } = control;
  const poll = new Poll(
    control,
    everyMs,
    () => client.call("machines", {}),
    (view) => take(view),
  );
  let sort: Sort = "state";
  /** Rows in the order in which they are shown. */
  let rows: readonly LocalMachineRow[] = [];
  let columns: readonly Column<LocalMachineRow>[] = [];
  let settledAt = Number.NEGATIVE_INFINITY;

  function take({ list }: LocalMachinesView): void {
    const { monotonic } = control.view();
    const places = new Map(rows.map(({ uuid, state }, at) => [uuid, { state, at }]));
    const isSame = list.length === rows.length && list.every(({ uuid, state }) => places.get(uuid)?.state === state);
    if (isSame && sort === "cpu" && monotonic - settledAt < settledMs)
      rows = [...list].sort((a, b) => (places.get(a.uuid)?.at ?? 0) - (places.get(b.uuid)?.at ?? 0));
    else {
      rows = sorted[sort](list);
      settledAt = monotonic;
    }
    columns = columnsOf(t(), rows);
  }

  const table = new Table<LocalMachineRow>({
    items: () => rows,
    id: (machine) => machine.uuid,
    columns: () => columns,
    empty: () => t()(poll.value === undefined ? "missing.pending" : "machines.none"),
    onOpen: (machine) => {
      poll.stop();
      control.open(machineScreen(control, machine));
    },
  });

  return {
    title: "machines.title",
    help: "help.machines",
    hints: () => [
      ["Enter", "hint.open"],
      ["s", "hint.sort"],
      ["/", "hint.filter"],
    ],
    typing: () => table.typing,
    enter: () => poll.start(),
    leave: () => poll.stop(),
    changed() {
      // The language may be another one.
      columns = columnsOf(t(), rows);
    },
    draw(canvas, view) {
      const body = canvas.part(2, 0, canvas.width - 4, canvas.height - 1);
      const used = drawSummary(body, view, poll.value, sort);
      const silence = poll.value?.silence ?? null;
      if (silence !== null && rows.length === 0) return;
      table.draw(body.part(0, used + 1), view.t);
    },
    key(key) {
      if (!table.typing && key.name === "char" && key.text === "s") {
        sort = sorts[(sorts.indexOf(sort) + 1) % sorts.length] ?? "state";
        settledAt = Number.NEGATIVE_INFINITY;
        if (poll.value !== undefined) take(poll.value);
        // What comes first now is what was asked for.
        if (rows[0] !== undefined) table.select(rows[0].uuid);
        return true;
      }
      return table.key(key);
    },
  };
}

const sortWords: Record<Sort, MessageKey> = {
  state: "machines.by.state",
  cpu: "machines.by.cpu",
  memory: "machines.by.memory",
  name: "machines.by.name",
};

/** How many there are in which state, and the order; or that nobody knows. Returns the lines that this takes. */
function drawSummary(canvas: Canvas, { t, now }: View, view: LocalMachinesView | undefined, sort: Sort): number {
  if (view === undefined) return 0;
  const { list, silence } = view;
  if (silence !== null) {
    const isNone = isNoHypervisor(silence.why);
    const words = isNone
      ? t("machines.noHypervisor", { why: reasonOf(t, silence.why) })
      : silenceWords(t, silence, now);
    const lines = wrap(words, canvas.width);
    for (const [y, line] of lines.entries()) canvas.text(0, y, line, isNone ? "dim" : "bad");
    return lines.length;
  }
  const count = (...states: LocalMachineRow["state"][]) => list.filter(({ state }) => states.includes(state)).length;
  const crashed = count("crashed");
  const parts = [
    t("machines.total", { count: list.length }),
    t("vm.running", { count: count("running") }),
    t("vm.stopped", { count: count("stopped") }),
    ...some(t, "vm.paused", count("paused", "suspended")),
    ...some(t, "vm.unknown", count("unknown")),
  ];
  const x = canvas.text(0, 0, parts.join("   "), "strong");
  if (crashed > 0) canvas.text(x + 3, 0, t("machines.crashed", { count: crashed }), "bad");
  canvas.textRight(canvas.width, 0, t(sortWords[sort]), "dim");
  return 1;
}

function some(t: Translate, key: MessageKey, count: number): string[] {
  return count === 0 ? [] : [t(key, { count })];
}

function columnsOf(t: Translate, rows: readonly LocalMachineRow[]): readonly Column<LocalMachineRow>[] {
  const own: Column<LocalMachineRow> = {
    title: t("machines.column.owner"),
    min: 5,
    value: ({ ofCloud }) => t(ofCloud ? "machines.ofCloud" : "machines.ofNode"),
    style: () => "dim",
    priority: 2,
  };
  return [
    { title: t("machines.column.name"), min: 16, width: 24, grow: true, value: ({ name }) => name },
    { title: t("machines.column.state"), min: 9, value: (row) => stateWord(t, row), style: stateStyle },
    { title: t("machines.column.cpu"), min: 5, align: "right", value: ({ cpuShare }) => formatPercent(cpuShare) },
    { title: t("machines.column.cpus"), min: 4, align: "right", value: machineCpus },
    { title: t("machines.column.memory"), min: 7, align: "right", value: machineMemory },
    // Where all are the cloud's, as they should be, nobody need read it.
    ...(rows.some(({ ofCloud }) => !ofCloud) ? [own] : []),
    { title: t("machines.column.uuid"), min: 32, value: ({ uuid }) => uuid, priority: 3 },
  ];
}
