import { randomBytes, randomUUID } from "node:crypto";
import type { NetworkActivity } from "../../model/network/cut-offs.ts";
import type { Resolver } from "../diagnostics/resolver.ts";
import type { Effects } from "../effects.ts";
import { type Machine, sinceBootMs } from "../machine.ts";
import { type NetworkManager, realNetworkManager } from "./manager.ts";

/** Everything that a change of the network touches. */
export type NetworkWorld = {
  machine: Machine;
  /** "" on a node; a folder that stands for `/` in a preview. */
  root: string;
  /** The agent's own folder, kept over a reboot. */
  folder: string;
  /** null: a preview, in which nothing is put in force. */
  manager: NetworkManager | null;
  change: Effects["change"];
  resolver: Resolver;
  /** What a change would interrupt. */
  activity: () => Promise<NetworkActivity>;
  /** Differs from one boot to the next. */
  bootId: () => Promise<string>;
  /** Milliseconds that no setting of the clock changes, sleep included. */
  sinceBootMs: () => number;
  newId: () => string;
  newUuid: () => string;
  /** Something that concerns the program and not the person. */
  onTrouble: (what: string, error: unknown) => void;
};

type Given = Pick<NetworkWorld, "machine" | "root" | "folder" | "change" | "resolver" | "activity" | "onTrouble">;

/** The world of an agent; `isReal` false: that of a preview. */
export function networkWorld(given: Given, isReal: boolean): NetworkWorld {
  return {
    ...given,
    manager: isReal ? realNetworkManager(given.machine) : null,
    bootId: async () => (await given.machine.readFile("/proc/sys/kernel/random/boot_id")).trim(),
    sinceBootMs,
    newId: () => randomBytes(6).toString("hex"),
    newUuid: randomUUID,
  };
}
