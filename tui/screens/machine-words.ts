import type { VirtualMachine } from "../../core/model/facts.ts";
import type { LocalMachineRow, Silence } from "../../core/model/local-machines.ts";
import type { Missing } from "../../core/model/reading.ts";
import type { Translate } from "../i18n/catalogue.ts";
import type { Style } from "../terminal/canvas.ts";
import { formatAge, formatBytes, formatTime, unknown } from "../widgets/format.ts";
import { reasonOf, virtualMachineState } from "./words.ts";

const order: Record<VirtualMachine["state"], number> = {
  crashed: 0,
  unknown: 1,
  running: 2,
  paused: 3,
  suspended: 4,
  stopped: 5,
};

export const machineStyle: Record<VirtualMachine["state"], Style> = {
  crashed: "bad",
  unknown: "warn",
  running: "good",
  paused: "warn",
  suspended: "warn",
  stopped: "text",
};

type Named = Pick<VirtualMachine, "name" | "state"> & { why?: LocalMachineRow["why"] };

/** Virtual machines as somebody looks for them: what is wrong, then what runs, then the rest, each by name. */
export function orderMachines<M extends Named>(machines: readonly M[]): M[] {
  // One whose disk fails stands still and counts as paused, and is as wrong as one that has crashed.
  const place = ({ state, why }: Named) => (why === "ioError" ? order.crashed : order[state]);
  return [...machines].sort((a, b) => place(a) - place(b) || byName(a, b));
}

const collator = new Intl.Collator("en", { numeric: true });

export function byName(a: Named, b: Named): number {
  return collator.compare(a.name, b.name);
}

export function machineCpus({ cpus }: Pick<VirtualMachine, "cpus">): string {
  return cpus === null ? unknown : String(cpus);
}

export function machineMemory({ memoryBytes }: Pick<VirtualMachine, "memoryBytes">): string {
  return memoryBytes === null ? unknown : formatBytes(memoryBytes);
}

/** A machine's state in a word; of one that stands still because of its disk, that. */
export function stateWord(t: Translate, { state, why }: Pick<LocalMachineRow, "state" | "why">): string {
  if (state === "paused" && why !== null) return t.find(`machine.short.${why}`) ?? virtualMachineState(t, state);
  return virtualMachineState(t, state);
}

export function stateStyle({ state, why }: Pick<LocalMachineRow, "state" | "why">): Style {
  return why === "ioError" || why === "failed" ? "bad" : machineStyle[state];
}

/** That the hypervisor says nothing, why, and since when: what was known before it is not shown as if it were so still. */
export function silenceWords(t: Translate, { since, why }: NonNullable<Silence>, now: number): string {
  return t("machines.silent", { why: reasonOf(t, why), time: formatTime(since), age: formatAge(now - since) });
}

/** Why nothing is known, where that is no silence: no hypervisor is there at all. */
export function isNoHypervisor(why: Missing): boolean {
  return why.code === "notInstalled";
}
