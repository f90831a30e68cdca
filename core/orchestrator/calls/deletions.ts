import type { CloudCallName } from "../../model/cloud/calls/index.ts";
import type { ResourceKind } from "../../model/cloud/resources.ts";
import { shown } from "../../model/quote.ts";
import type { CascadeData } from "../cascade.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import type { CallContext, DecidersOf } from "./handler.ts";

/* Deletions of what may have much below it: tasks. */

type Given = { uuid: string; deleteMode: CascadeData["mode"] };

function deletion(call: CloudCallName, kind: ResourceKind) {
  return (tx: Tx, { uuid, deleteMode: mode }: Given, context: CallContext): { task: RecordOf<"Task"> } => {
    const { name } = tx.need(kind, uuid);
    const data: CascadeData = { kind, uuid, mode };
    const what = { flow: "deleteCascade", data, call, name: `Delete ${kind} ${shown(name)}`, resourceUuid: uuid };
    return { task: context.startTask(tx, what, context) };
  };
}

export const deletionDeciders = {
  DeleteZone: deletion("DeleteZone", "Zone"),
  DeleteCluster: deletion("DeleteCluster", "Cluster"),
  DeleteHost: deletion("DeleteHost", "Host"),
  DeletePrimaryStorage: deletion("DeletePrimaryStorage", "PrimaryStorage"),
  DeleteBackupStorage: deletion("DeleteBackupStorage", "BackupStorage"),
  DeleteL2Network: deletion("DeleteL2Network", "L2Network"),
  DeleteL3Network: deletion("DeleteL3Network", "L3Network"),
} satisfies DecidersOf<
  | "DeleteZone"
  | "DeleteCluster"
  | "DeleteHost"
  | "DeletePrimaryStorage"
  | "DeleteBackupStorage"
  | "DeleteL2Network"
  | "DeleteL3Network"
>;
