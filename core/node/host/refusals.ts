import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import { NodeError } from "../../model/error.ts";

/* Why a host's agent does not do, or has not done, what the manager asked for. */

type Asked = { id: string; flow: string; epoch: number };

export function replaced({ id, flow, epoch }: Asked, latest: number, cause?: unknown): CloudError {
  const details = `The flow ${flow} is in its attempt ${latest}, and the command ${id} is of attempt ${epoch}.`;
  const remedy = "Another manager goes on with the flow: leave it to that one.";
  return new CloudError(refusalOf("HOST.1020", { where: "epoch", details, remedy, values: { epoch, latest } }), cause);
}

/** It was ended in time, and what it had begun is taken back. */
export function outOfTime({ id }: Asked, timeoutMs: number, cause?: unknown): CloudError {
  const details = `The command ${id} was called off after ${timeoutMs} ms; what it had begun is taken back.`;
  const remedy = "See how busy the host and its storage are, then try again with a new command.";
  const values = { timeoutMs, uncertain: false };
  return new CloudError(refusalOf("HOST.1021", { where: "timeoutMs", details, remedy, values }), cause);
}

/** It was called off, and does not end all the same. */
export function endless({ id }: Asked, timeoutMs: number): CloudError {
  const details = `The command ${id} has not ended after ${timeoutMs} ms: what comes of it is not known yet.`;
  const remedy = "Ask again with the same id; see whether the host's hypervisor or storage hangs.";
  const values = { timeoutMs, uncertain: true };
  return new CloudError(refusalOf("HOST.1021", { where: "timeoutMs", details, remedy, values }));
}

export function notNoted({ id }: Asked, why: string, cause: unknown): CloudError {
  const details = `The command ${id} was not begun because it can't be noted: ${why}.`;
  const remedy = "Make room on, or repair, the file system of the agent's folder.";
  return new CloudError(refusalOf("HOST.1022", { where: "command", details, remedy }), cause);
}

export function otherCommand({ id }: Asked): CloudError {
  const details = `The id ${id} was given with another command, or with another flow, before.`;
  return new CloudError(refusalOf("HOST.1023", { where: "id", details, remedy: "Give each command its own id." }));
}

export function ending(): CloudError {
  const details = "The agent is being stopped or restarted.";
  return new CloudError(refusalOf("HOST.1024", { where: "command", details, remedy: "Try again in a moment." }));
}

export function tooMany(most: number): CloudError {
  const details = `${most} commands are waiting for their turn.`;
  const remedy = "Try again later, or spread the work over more hosts.";
  return new CloudError(refusalOf("HOST.1025", { where: "command", details, remedy, values: { most } }));
}

/** Of what this host's own console asks for. */
export function machineBusy(): NodeError {
  return new NodeError("MACHINE.BUSY", "The manager is doing something with this machine at the moment.", {
    remedy: "Wait until it is done, then try again.",
  });
}
