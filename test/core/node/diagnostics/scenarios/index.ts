import { cloudScenarios } from "./cloud.ts";
import { hardwareScenarios } from "./hardware.ts";
import { managementScenarios } from "./management.ts";
import { networkScenarios } from "./network.ts";
import { nodeScenarios } from "./node.ts";
import type { Scenario } from "./scenario.ts";

export type { Scenario } from "./scenario.ts";

/** At least one for each code that a check can answer. */
export const scenarios: Scenario[] = [
  ...hardwareScenarios,
  ...nodeScenarios,
  ...networkScenarios,
  ...cloudScenarios,
  ...managementScenarios,
];
