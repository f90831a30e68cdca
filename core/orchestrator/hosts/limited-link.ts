import type { HostCommand } from "../../hypervisor/driver.ts";
import { takesLong } from "../../hypervisor/export-commands.ts";
import type { CommandOptions, HostAddress, HostLink } from "../host-link.ts";

type Lane = { running: number; waiting: (() => void)[] };

const unlimited: ReadonlySet<HostCommand["do"]> = new Set(["migrateMachine", "cancelMigration"] as const);

/**
 * A link on which one host is given so many commands at once and no more; the others wait, the longest first. Pings
 * and reports do not wait: a host that works hard is not a lost one. @param most asked each time
 */
export function limitedLink(link: HostLink, most: () => number): HostLink {
  const lanes = new Map<string, Lane>();
  const enter = async (uuid: string, signal: AbortSignal | undefined): Promise<Lane> => {
    const lane = lanes.get(uuid) ?? { running: 0, waiting: [] };
    lanes.set(uuid, lane);
    await new Promise<void>((resolve, reject) => {
      const turn = () => {
        signal?.removeEventListener("abort", gaveUp);
        resolve();
      };
      const gaveUp = () => {
        lane.waiting = lane.waiting.filter((each) => each !== turn);
        reject(signal?.reason);
      };
      lane.waiting.push(turn);
      signal?.addEventListener("abort", gaveUp, { once: true });
      fill(lane);
    });
    return lane;
  };
  const fill = (lane: Lane) => {
    while (lane.running < most() && lane.waiting.length > 0) {
      lane.running += 1;
      lane.waiting.shift()?.();
    }
  };
  const leave = (uuid: string, lane: Lane) => {
    lane.running -= 1;
    fill(lane);
    if (lane.running === 0) lanes.delete(uuid);
  };
  return {
    ping: (host, signal) => link.ping(host, signal),
    watch: (host, how) => link.watch(host, how),
    report: (host, signal) => link.report(host, signal),
    machines: (host, signal) => link.machines(host, signal),
    storage: (host, place, signal) => link.storage(host, place, signal),
    storageLock: (host, probe, signal) => link.storageLock(host, probe, signal),
    keepStorages: (host, uuids, signal) => link.keepStorages(host, uuids, signal),
    volume: (host, place, signal) => link.volume(host, place, signal),
    volumePiece: (host, path, range, signal) => link.volumePiece(host, path, range, signal),
    imageProgress: (host, image, signal) => link.imageProgress(host, image, signal),
    imagePiece: (host, piece, signal) => link.imagePiece(host, piece, signal),
    async command(host: HostAddress, command: HostCommand, how: CommandOptions) {
      how.signal?.throwIfAborted();
      // A move takes as long as the guest writes, a copy as long as the volume is; what ends a move must not wait for it.
      if (unlimited.has(command.do) || takesLong(command)) return await link.command(host, command, how);
      const lane = await enter(host.uuid, how.signal);
      try {
        await link.command(host, command, how);
      } finally {
        leave(host.uuid, lane);
      }
    },
  };
}
