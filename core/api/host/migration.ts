/*
 * How one agent reaches the hypervisor of another: an HTTP Upgrade on the port of the host channel, with the asking
 * host's own certificate. What follows is between the two hypervisors.
 */

export const migrationPath = "/v1/migration";
export const migrationUpgrade = "binnacle-migration";
/** Besides `authorization: Bearer TOKEN`. */
export const migrationHeaders = { machine: "x-binnacle-machine", channel: "x-binnacle-channel" } as const;
