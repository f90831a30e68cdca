import type { VirtualMachine } from "../../core/model/facts.ts";
import type { Style } from "../terminal/canvas.ts";
import { formatBytes, unknown } from "../widgets/format.ts";

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

/** Virtual machines as somebody looks for them: what is wrong, then what runs, then the rest, each by name. */
export function orderMachines(machines: readonly VirtualMachine[]): VirtualMachine[] {
  return [...machines].sort(
    (a, b) => order[a.state] - order[b.state] || a.name.localeCompare(b.name, "en", { numeric: true }),
  );
}

export function machineCpus({ cpus }: VirtualMachine): string {
  return cpus === null ? unknown : String(cpus);
}

export function machineMemory({ memoryBytes }: VirtualMachine): string {
  return memoryBytes === null ? unknown : formatBytes(memoryBytes);
}
