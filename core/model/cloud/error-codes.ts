/*
 * Every error of the cloud's API. A code, once released, keeps its meaning: programs compare it. A new error takes the
 * next free number of its area; a number is never used again. Source: ../shared/spec/cloud.md, "Errors".
 */

type Area = "SYS" | "HOST" | "VM" | "STORAGE" | "NETWORK" | "IDENTITY" | "HA";

export const cloudErrors = {
  "SYS.1001": "A field of the call is wrong",
  "SYS.1002": "The resource is not in a state that allows this",
  "SYS.1003": "The setting does not exist",
  "SYS.1004": "The setting can't have this value",
  "SYS.1005": "The resource does not exist",
  "SYS.1006": "The records are being changed all the time",
  "HOST.1001": "The host is not in a state that allows this",
  "HOST.1002": "The host's status does not allow this",
  "HOST.1003": "The host can't be deleted",
  "HOST.1004": "The host takes no virtual machines",
  "HOST.1005": "The host has not enough CPU",
  "HOST.1006": "The host has not enough memory",
  // The number is the reference's own: cloud.md gives it as an example.
  "HOST.1009": "Failed to migrate vm on hypervisor",
  "HOST.1010": "The host can't be reached or does not answer",
  "HOST.1011": "The host shows another certificate than its own",
  "HOST.1012": "The host's agent refuses or fails",
  "HOST.1013": "The host has another fingerprint than the one that was given",
  "HOST.1014": "The host does not accept the user and the password",
  "HOST.1015": "The host belongs to another cloud",
  "VM.1001": "The virtual machine is not in a state that allows this",
  "VM.1002": "Another operation on the virtual machine is still running",
  "VM.1003": "The virtual machine is locked",
  "VM.1004": "The virtual machine does not meet a condition of the operation",
  "VM.1005": "The virtual machine runs no operation that could end",
  "VM.1006": "The host has a process of a virtual machine that must not run",
  "VM.1007": "The virtual machine has as many of these as it can have",
  "STORAGE.1001": "The storage is not in a state that allows this",
  "STORAGE.1002": "The storage's status does not allow this",
  "STORAGE.1003": "The storage takes nothing new",
  "STORAGE.1004": "The storage has not enough room",
  "STORAGE.1005": "The storage's physical use is above its threshold",
  "STORAGE.1006": "The place can't be a storage",
  "STORAGE.1007": "The volume is not in a state that allows this",
  "STORAGE.1008": "The image is not in a state that allows this",
  "STORAGE.1009": "The snapshot tree is as deep as it can be",
  "STORAGE.1010": "The image store does not fit the primary storage",
  "STORAGE.1011": "The image's address can't be used",
  "NETWORK.1001": "The address range is wrong",
  "NETWORK.1002": "The address range overlaps another one",
  "NETWORK.1003": "The address range is in use",
  "NETWORK.1004": "The network has no free address",
  "NETWORK.1005": "The address can't be given to a virtual machine",
  "NETWORK.1006": "The network's VLAN or VNI is wrong",
  "IDENTITY.1001": "The session is not valid",
} as const satisfies Record<`${Area}.${number}`, string>;

export type CloudErrorCode = keyof typeof cloudErrors;
