import { NodeError } from "../model/error.ts";
import type { HypervisorDriver, ImageCache } from "./driver.ts";
import type { SharedStorages } from "./shared-storage.ts";

/** Of an agent that was started without a driver: its host takes part in the cloud and is given no machines. */
export const noHypervisor: HypervisorDriver = {
  name: "none",
  tags: async () => [noHypervisorTag],
  machines: async () => [],
  watch: () => undefined,
  storage: async () => {
    throw none();
  },
  volume: async () => {
    throw none();
  },
  carryOut: async () => {
    throw none();
  },
  openConsole: async () => {
    throw none();
  },
};

/** Of a driver that keeps no images. */
export const noImages: ImageCache = {
  progress: async () => {
    throw none();
  },
  write: async () => {
    throw none();
  },
};

/** Of a driver that gives no volume away. */
export const noPiece: NonNullable<HypervisorDriver["volumePiece"]> = async () => {
  throw none();
};

/** Of a driver that has none. */
export const noShared: SharedStorages = {
  lock: async () => {
    throw none();
  },
  keepOnly: async () => undefined,
};

/** What such a host is known by. */
export const noHypervisorTag = "hypervisor::none";

function none(): NodeError {
  return new NodeError("HYPERVISOR.NONE", "The agent of this host runs no virtual machines.", {
    remedy: "Start machines on another host.",
  });
}
