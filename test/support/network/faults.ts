import { setTimeout as pause } from "node:timers/promises";
import type { Random } from "../random.ts";
import type { CampaignNode } from "./campaign.ts";

/** What happens in the middle of a change; `heal` makes the world whole again, whether or not it has happened. */
type FaultKind = {
  /** The moment is chosen before anything happens, so that the same seed gives the same one. */
  hit(node: CampaignNode, random: Random): () => Promise<void>;
  heal(node: CampaignNode): Promise<void>;
  /** It is there when the change begins. */
  isBefore?: true;
};

const nothing = async () => {};

function later(node: CampaignNode, random: Random, what: () => Promise<void>): () => Promise<void> {
  const delayMs = random.below(node.changeMs);
  return async () => {
    await pause(delayMs);
    await what();
  };
}

export const faults = {
  none: { hit: () => nothing, heal: nothing },
  "agent killed": {
    hit: (node, random) => later(node, random, () => node.killAgent()),
    heal: (node) => node.startAgent(),
  },
  "power cut": {
    hit: (node, random) => later(node, random, () => node.powerCut()),
    heal: nothing,
  },
  "cable pulled": {
    hit: (node, random) => later(node, random, () => node.setCable(false)),
    heal: async (node) => {
      await pause(node.changeMs / 2);
      await node.setCable(true);
    },
  },
  "NetworkManager killed": {
    hit: (node, random) => later(node, random, () => node.killManager()),
    heal: (node) => node.startManager(),
  },
  "NetworkManager stopped": {
    hit: (node, random) => later(node, random, () => node.stopManager()),
    heal: async (node) => {
      await pause(node.changeMs / 2);
      await node.startManager();
    },
  },
  "NetworkManager hangs": {
    hit: (node, random) => later(node, random, () => node.hangManager()),
    heal: async (node) => {
      await pause(2 * node.changeMs);
      await node.startManager();
    },
  },
  "disk full": {
    hit: (node) => () => node.fillDisk(),
    heal: (node) => node.freeDisk(),
    isBefore: true,
  },
  "disk full later": {
    hit: (node, random) => later(node, random, () => node.fillDisk()),
    heal: (node) => node.freeDisk(),
  },
} as const satisfies Record<string, FaultKind>;
export type Fault = keyof typeof faults;
