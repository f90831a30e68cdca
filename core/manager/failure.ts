import { CloudError, refusalOf } from "../model/cloud/refusal.ts";
import { NodeError } from "../model/error.ts";

/** What a call answers whatever went wrong: the cloud's own errors as they are, others as what they mean to a caller. */
export function toCloudError(error: unknown): CloudError {
  if (error instanceof CloudError) return error;
  if (error instanceof NodeError && error.code.startsWith("STORE.")) return storeFails(error);
  const details = "The manager failed in a way that it was not made for; its log has more.";
  return new CloudError(
    refusalOf("SYS.1000", { where: "manager", details, remedy: "Try again; if it stays so, run zstack-ctl diagnose." }),
    error,
  );
}

function storeFails(error: NodeError): CloudError {
  if (error.code === "STORE.TOO_LARGE") {
    const remedy = "Give shorter texts or lists.";
    return new CloudError(refusalOf("SYS.1001", { where: "call", details: error.message, remedy }));
  }
  const remedy =
    error.code === "STORE.UNCERTAIN"
      ? "Read the resource again: the change may have been made."
      : (error.remedy ?? "Look at the store with zstack-ctl diagnose, and try again.");
  return new CloudError(
    refusalOf("SYS.1009", { where: "store", details: error.message, remedy, values: { store: error.code } }),
    error,
  );
}

/** The HTTP status of an error; the code, not the status, is what programs look at. */
const statuses: Readonly<Record<string, number>> = {
  "SYS.1000": 500,
  "SYS.1001": 400,
  "SYS.1004": 400,
  "SYS.1003": 404,
  "SYS.1005": 404,
  "SYS.1008": 404,
  "SYS.1009": 503,
  "SYS.1010": 400,
  "SYS.1011": 413,
  "SYS.1013": 503,
  "SYS.1030": 400,
  "SYS.1031": 400,
  "SYS.1032": 400,
  "SYS.1033": 400,
  "SYS.1034": 400,
  "SYS.1035": 400,
  "SYS.1051": 500,
  "SYS.1052": 403,
  "SYS.1060": 500,
  "IDENTITY.1001": 401,
};

export function statusOf(code: string): number {
  return statuses[code] ?? 409;
}
