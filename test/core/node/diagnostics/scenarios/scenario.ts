import type { Finding } from "../../../../../core/model/records.ts";
import type { Situation } from "../machine.ts";

/** A machine in which a check finds what `code` names, with the longest realistic names: its sentences must still fit. */
export type Scenario = {
  name: string;
  code: string;
  outcome: Finding["outcome"];
  values?: Record<string, string>;
  fix?: string;
  since?: number;
} & Situation;

export const gib = 1024 ** 3;
