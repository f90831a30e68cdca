import * as z from "zod/mini";
import { bytes, say, uuid, uuids } from "../fields.ts";
import { vmInstance } from "../vm.ts";
import { action, asTask, creation, get, named, preset, query, renamed, update } from "./call.ts";

const hostUuid = z.optional(say(uuid, "The host; the manager chooses when it is left out."));
const { platform, haLevel, cpuNum, memorySize, tags } = vmInstance.shape;

export const vmCalls = {
  CreateVmInstance: asTask(
    creation("VmInstance", "Makes a virtual machine and starts it.", {
      ...named("VmInstance"),
      instanceOfferingUuid: z.optional(say(uuid, "Its size; or cpuNum and memorySize.")),
      cpuNum: z.optional(cpuNum),
      memorySize: z.optional(memorySize),
      rootDiskSize: say(bytes.check(z.minimum(1024 ** 2)), "Bytes of its root volume."),
      l3NetworkUuids: preset(say(uuids.check(z.maxLength(16)), "A network card in each of these networks."), []),
      defaultL3NetworkUuid: z.optional(say(uuid, "The network of its default route; the first unless told.")),
      clusterUuid: z.optional(say(uuid, "The cluster; the manager chooses when it is left out.")),
      hostUuid,
      primaryStorageUuidForRootVolume: z.optional(say(uuid, "The storage; the manager chooses when it is left out.")),
      platform: preset(platform, "Linux"),
      haLevel: preset(haLevel, "None"),
      tags: preset(tags, []),
    }),
  ),
  QueryVmInstance: query("VmInstance"),
  GetVmInstance: get("VmInstance"),
  UpdateVmInstance: update("VmInstance", "Changes a machine's name, description, platform or level.", {
    ...renamed("VmInstance"),
    platform: z.optional(platform),
    haLevel: z.optional(haLevel),
  }),
  StartVmInstance: asTask(action("VmInstance", "start", "Starts a stopped machine.", { hostUuid })),
  StopVmInstance: asTask(
    action("VmInstance", "stop", "Asks the guest to shut down; powers it off after a time-out.", {
      type: preset(say(z.enum(["grace", "cold"]), "cold: takes the power away at once."), "grace"),
      noRestart: preset(say(z.boolean(), "It stays stopped, whatever its level says."), true),
    }),
  ),
  RebootVmInstance: asTask(action("VmInstance", "reboot", "Restarts a machine.", {})),
  PauseVmInstance: asTask(action("VmInstance", "pause", "Lets a machine stand still, kept in memory.", {})),
  ResumeVmInstance: asTask(action("VmInstance", "resume", "Lets a paused machine go on.", {})),
  MigrateVm: asTask(
    action("VmInstance", "migrate", "Moves a machine to another host, while it runs or while it is stopped.", {
      hostUuid,
    }),
  ),
  DestroyVmInstance: asTask(
    action("VmInstance", "destroy", "Deletes a machine; the policy says when its root volume goes.", {}),
  ),
  RecoverVmInstance: action("VmInstance", "recover", "Takes the deletion of a machine back.", {}),
  ExpungeVmInstance: asTask(action("VmInstance", "expunge", "Removes a deleted machine for good.", {})),
  LockVmInstance: action("VmInstance", "lock", "Guards a machine against accidents.", {}),
  UnlockVmInstance: action("VmInstance", "unlock", "Takes the guard away.", {}),
} as const;
