import { NodeError } from "../../model/error.ts";

/*
 * | code | meaning |
 * |---|---|
 * | HYPERVISOR.MIGRATION_FAILED | the move did not come about, in the hypervisor's own words |
 * | HYPERVISOR.MIGRATION_CANCELLED | `cancelMigration` ended it |
 * | HYPERVISOR.MIGRATION_UNEXPECTED | nobody has announced this machine from this host with this token |
 * | HYPERVISOR.MIGRATION_RUNS | the machine runs on this host: it is neither expected nor dropped |
 * | HYPERVISOR.MIGRATION_NONE | the agent has no way to other hosts |
 */

export function migrationFailed(uuid: string, said: string, cause?: unknown): NodeError {
  return new NodeError("HYPERVISOR.MIGRATION_FAILED", `The machine ${uuid} could not be moved: ${said}`, {
    remedy: "See the logs of the agents and of libvirt on both hosts, then try again.",
    values: { machine: uuid, said: said.slice(0, 1000) },
    ...(cause === undefined ? {} : { cause }),
  });
}

export function migrationCancelled(uuid: string): NodeError {
  return new NodeError("HYPERVISOR.MIGRATION_CANCELLED", `The move of the machine ${uuid} was cancelled.`, {
    remedy: "Migrate it again if need be.",
    values: { machine: uuid },
  });
}

export function unexpected(uuid: string): NodeError {
  return new NodeError("HYPERVISOR.MIGRATION_UNEXPECTED", `This host expects no machine ${uuid} from that host.`, {
    remedy: "Begin the migration anew: what is announced is good once, and for a time.",
    values: { machine: uuid },
  });
}

export function runsHere(uuid: string): NodeError {
  return new NodeError("HYPERVISOR.MIGRATION_RUNS", `The machine ${uuid} runs on this host.`, {
    remedy: "Look which host the manager has it on; nothing was changed.",
    values: { machine: uuid },
  });
}

export function noWay(): NodeError {
  return new NodeError("HYPERVISOR.MIGRATION_NONE", "This agent has no way to the hypervisors of other hosts.", {
    remedy: "Add the host to the cloud, and start its agent with --host-port.",
  });
}
