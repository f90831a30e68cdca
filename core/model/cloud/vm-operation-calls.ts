import type { CloudCallName } from "./calls/index.ts";
import type { VmOperation } from "./vm-operations.ts";

/** The call by which a person asks for an operation. Those that are not here have none in this version. */
export const vmOperationCalls: Readonly<Partial<Record<VmOperation, CloudCallName>>> = {
  create: "CreateVmInstance",
  define: "CreateVmInstance",
  launch: "StartVmInstance",
  start: "StartVmInstance",
  stop: "StopVmInstance",
  powerOff: "StopVmInstance",
  reboot: "RebootVmInstance",
  pause: "PauseVmInstance",
  suspend: "SuspendVmInstance",
  resume: "ResumeVmInstance",
  migrateLive: "MigrateVm",
  migrateCold: "MigrateVm",
  resize: "ChangeInstanceOffering",
  clone: "CloneVmInstance",
  rebuild: "ReimageVmInstance",
  rescue: "RescueVmInstance",
  unrescue: "UnrescueVmInstance",
  shelve: "ShelveVmInstance",
  unshelve: "UnshelveVmInstance",
  delete: "DestroyVmInstance",
  recover: "RecoverVmInstance",
  expunge: "ExpungeVmInstance",
  snapshot: "CreateVolumeSnapshot",
  revert: "RevertVolumeFromSnapshot",
  deleteSnapshot: "DeleteVolumeSnapshot",
  attachVolume: "AttachDataVolumeToVm",
  detachVolume: "DetachDataVolumeFromVm",
  resizeVolume: "ResizeDataVolume",
  attachIso: "AttachIsoToVmInstance",
  detachIso: "DetachIsoFromVmInstance",
  setBootOrder: "SetVmBootOrder",
  setConsolePassword: "SetVmConsolePassword",
  setUserData: "SetVmUserData",
  setSshKey: "SetVmSshKey",
  setHostname: "SetVmHostname",
  attachNic: "AttachL3NetworkToVm",
  detachNic: "DetachL3NetworkFromVm",
  setStaticIp: "SetVmStaticIp",
  setMac: "UpdateVmNicMac",
};

/** The calls for some operations, each once. */
export function callsFor(operations: readonly VmOperation[]): CloudCallName[] {
  return [...new Set(operations.flatMap((operation) => vmOperationCalls[operation] ?? []))];
}
