import type { CallTable } from "../../../../core/manager/dispatch.ts";
import { deciders } from "../../../../core/orchestrator/calls/index.ts";

/** What the manager carries out, as its dispatcher is given it. */
export const handlers = Object.fromEntries(
  Object.entries(deciders).map(([name, decide]) => [name, { decide }]),
) as CallTable;
