import type { FactValue, VirtualMachine } from "../../model/facts.ts";
import type { LocalMachineRow } from "../../model/local-machines.ts";
import { lookingOnly, MachineSampler } from "../machines/sampler.ts";
import type { Source } from "./source.ts";

/** The virtual machines that the hypervisor of this node knows; of a libvirt that is only looked at unless told. */
export function virtualMachinesSource(machines?: Pick<MachineSampler, "read">): Source<"virtualMachines"> {
  let sampler = machines;
  return {
    name: "virtualMachines",
    everyMs: 15_000,
    idleEveryMs: 60_000,
    budgetMs: 20_000,
    async read(machine) {
      sampler ??= new MachineSampler({ machine, local: lookingOnly(machine) });
      return countMachines((await sampler.read()).map(machineOf));
    },
  };
}

/** The counts of console.md's VM INFO. Paused and suspended machines count in the total only. */
export function countMachines(list: VirtualMachine[]): FactValue<"virtualMachines"> {
  const count = (...states: VirtualMachine["state"][]) => list.filter(({ state }) => states.includes(state)).length;
  return {
    total: list.length,
    running: count("running"),
    stopped: count("stopped", "crashed"),
    unknown: count("unknown"),
    list,
  };
}

function machineOf({ uuid, name, cpus, memoryBytes, state, cpuShare }: LocalMachineRow): VirtualMachine {
  // As libvirt writes it.
  const hyphened = uuid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return { uuid: hyphened, name, cpus, memoryBytes, state, cpuShare };
}
