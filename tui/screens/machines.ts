import type { VirtualMachine } from "../../core/model/facts.ts";
import { valueOf } from "../../core/model/reading.ts";
import type { Translate } from "../i18n/catalogue.ts";
import type { Canvas } from "../terminal/canvas.ts";
import { unknown } from "../widgets/format.ts";
import type { Column } from "../widgets/table.ts";
import type { Detail } from "./item-details.ts";
import { itemsScreen } from "./items.ts";
import { machineCpus, machineMemory, machineStyle, orderMachines } from "./machine-words.ts";
import type { Control, Screen, View } from "./screen.ts";
import { virtualMachineState } from "./words.ts";

/** The virtual machines of this node, to look at. */
export function machinesScreen(control: Control): Screen {
  const t = () => control.view().t;
  return itemsScreen<VirtualMachine>(control, {
    title: "machines.title",
    help: "help.machines",
    // Counted but not listed: the list comes with the first figures that the session gets.
    reading: ({ facts: { virtualMachines: reading } }) => (valueOf(reading)?.list === null ? undefined : reading),
    items: () => orderMachines(valueOf(control.view().state.facts.virtualMachines)?.list ?? []),
    id: (machine) => machine.uuid,
    columns: () => columnsOf(t()),
    empty: "machines.none",
    heading: (machine) => [machine.name, t()("machines.one")],
    details: (machine) => detailsOf(t(), machine),
    leastDetails: 4,
    above: drawSummary,
  });
}

function drawSummary(canvas: Canvas, { t, state }: View): number {
  const machines = valueOf(state.facts.virtualMachines);
  if (machines === undefined) return 0;
  const { total, running, stopped, unknown: lost } = machines;
  canvas.text(0, 0, t("machines.summary", { total, running, stopped, unknown: lost }), lost > 0 ? "warn" : "strong");
  return 1;
}

function columnsOf(t: Translate): readonly Column<VirtualMachine>[] {
  return [
    { title: t("machines.column.name"), min: 16, width: 24, grow: true, value: ({ name }) => name },
    {
      title: t("machines.column.state"),
      min: 9,
      value: ({ state }) => virtualMachineState(t, state),
      style: ({ state }) => machineStyle[state],
    },
    { title: t("machines.column.cpus"), min: 4, align: "right", value: machineCpus },
    { title: t("machines.column.memory"), min: 7, align: "right", value: machineMemory },
    { title: t("machines.column.uuid"), min: 9, width: 36, value: ({ uuid }) => uuid, priority: 2 },
  ];
}

function detailsOf(t: Translate, machine: VirtualMachine): Detail[] {
  const told = (label: string, text: string): Detail =>
    text === unknown ? { label, value: `${unknown}  ${t("machines.notTold")}`, style: "dim" } : { label, value: text };
  return [
    {
      label: t("machines.state"),
      value: virtualMachineState(t, machine.state),
      style: machineStyle[machine.state],
    },
    told(t("machines.cpus"), machineCpus(machine)),
    told(t("machines.memory"), machineMemory(machine)),
    { label: t("machines.uuid"), value: machine.uuid },
  ];
}
