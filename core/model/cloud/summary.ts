import * as z from "zod/mini";

/** How much the cloud has of what: hosts by state and by status, machines by state, tasks that are not over. */
export const cloudSummary = z.strictObject({
  hosts: z.strictObject({
    total: z.int(),
    byState: z.record(z.string(), z.int()),
    byStatus: z.record(z.string(), z.int()),
  }),
  virtualMachines: z.strictObject({ total: z.int(), byState: z.record(z.string(), z.int()) }),
  tasks: z.strictObject({ running: z.int(), waiting: z.int() }),
});
export type CloudSummary = z.infer<typeof cloudSummary>;
