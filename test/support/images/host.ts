import type { HypervisorDriver } from "../../../core/hypervisor/driver.ts";
import { ImageFiles } from "../../../core/hypervisor/libvirt/image-files.ts";
import type { SimulatedDriver } from "../../../core/hypervisor/simulated.ts";

/** Machines and volumes of a simulated host, whose images are files all the same. */
export function withImageFiles(simulated: SimulatedDriver): HypervisorDriver {
  const images = new ImageFiles();
  return {
    name: "simulated",
    images,
    tags: () => simulated.tags(),
    machines: (signal) => simulated.machines(signal),
    watch: (changed, signal) => simulated.watch(changed, signal),
    storage: (place, signal) => simulated.storage(place, signal),
    volume: (place, signal) => simulated.volume(place, signal),
    openConsole: (...asked) => simulated.openConsole(...asked),
    async carryOut(command, signal) {
      if (command.do === "keepImage") await images.keep(command, signal);
      if (command.do === "deleteCachedImage") await images.delete(command.path);
      await simulated.carryOut(command, signal);
    },
  };
}
