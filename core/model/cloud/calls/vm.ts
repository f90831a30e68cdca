import * as z from "zod/mini";
import { bytes, ipAddress, mac, say, uuid, uuidPattern, uuids } from "../fields.ts";
import { vmInstance } from "../vm.ts";
import { action, asTask, creation, get, named, preset, query, renamed, update } from "./call.ts";
import { guestDataFields } from "./guest-data.ts";
import { rescueCalls } from "./rescue.ts";
import { shelveCalls } from "./shelve.ts";
import { strategy, vmLifeCalls } from "./vm-life.ts";

const hostUuid = z.optional(say(uuid, "The host; the manager chooses when it is left out."));
const { platform, haLevel, cpuNum, memorySize, tags } = vmInstance.shape;

/** What somebody wants for the card in a network, once for each: `L3NETWORKUUID::VALUE`. */
function wishes(isValue: (text: string) => boolean) {
  const wish = z.string().check(
    z.maxLength(100),
    z.refine((text) => uuidPattern.test(text.slice(0, 32)) && text.slice(32, 34) === "::" && isValue(text.slice(34))),
  );
  return z.array(wish).check(
    z.maxLength(16),
    z.refine((all) => new Set(all.map((text) => text.slice(0, 32))).size === all.length),
  );
}

function isHostAddress(text: string): boolean {
  return ipAddress.safeParse(text).success;
}

/** Of one machine. libvirt keeps those with fe for the host's ends of cards. */
export function isCardMac(text: string): boolean {
  const first = Number.parseInt(text.slice(0, 2), 16);
  return mac.safeParse(text).success && first % 2 === 0 && first !== 0xfe && text !== "00:00:00:00:00:00";
}

export const vmCalls = {
  CreateVmInstance: asTask(
    creation("VmInstance", "Makes a virtual machine and starts it.", {
      ...named("VmInstance"),
      instanceOfferingUuid: z.optional(say(uuid, "Its size; or cpuNum and memorySize.")),
      cpuNum: z.optional(cpuNum),
      memorySize: z.optional(memorySize),
      imageUuid: z.optional(say(uuid, "The image that its root volume is made of; an empty one without it.")),
      rootDiskSize: z.optional(
        say(bytes.check(z.minimum(1024 ** 2)), "Bytes of its root volume; those of the image when it is left out."),
      ),
      l3NetworkUuids: preset(say(uuids.check(z.maxLength(16)), "A network card in each of these networks."), []),
      staticIps: preset(say(wishes(isHostAddress), "Addresses for its cards: L3NETWORKUUID::10.0.0.5."), []),
      staticMacs: preset(say(wishes(isCardMac), "MAC addresses: L3NETWORKUUID::fa:00:00:00:00:01."), []),
      defaultL3NetworkUuid: z.optional(say(uuid, "The network of its default route; the first unless told.")),
      clusterUuid: z.optional(say(uuid, "The cluster; the manager chooses when it is left out.")),
      hostUuid,
      primaryStorageUuidForRootVolume: z.optional(say(uuid, "The storage; the manager chooses when it is left out.")),
      affinityGroupUuid: z.optional(say(uuid, "The affinity group that it belongs to; a hard one limits its hosts.")),
      platform: preset(platform, "Linux"),
      haLevel: preset(haLevel, "None"),
      ...guestDataFields,
      strategy,
      tags: preset(tags, []),
    }),
  ),
  QueryVmInstance: query("VmInstance"),
  GetVmInstance: get("VmInstance"),
  UpdateVmInstance: update("VmInstance", "Changes a machine's name, description, platform, level or tags.", {
    ...renamed("VmInstance"),
    platform: z.optional(platform),
    haLevel: z.optional(haLevel),
    tags: z.optional(tags),
  }),
  StartVmInstance: asTask(
    action("VmInstance", "start", "Starts a machine that is stopped, or was never started.", { hostUuid }),
  ),
  StopVmInstance: asTask(
    action("VmInstance", "stop", "Asks the guest to shut down; powers it off after a time-out.", {
      type: preset(say(z.enum(["grace", "cold"]), "cold: takes the power away at once."), "grace"),
      noRestart: preset(say(z.boolean(), "It stays stopped, whatever its level says."), true),
    }),
  ),
  RebootVmInstance: asTask(action("VmInstance", "reboot", "Restarts a machine.", {})),
  PauseVmInstance: asTask(action("VmInstance", "pause", "Lets a machine stand still, kept in memory.", {})),
  SuspendVmInstance: asTask(
    action("VmInstance", "suspend", "Keeps a machine's memory on its host's disk; frees CPU and memory there.", {}),
  ),
  ResumeVmInstance: asTask(action("VmInstance", "resume", "Lets a paused or suspended machine go on.", {})),
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
  ...vmLifeCalls,
  ...rescueCalls,
  ...shelveCalls,
  LockVmInstance: action("VmInstance", "lock", "Guards a machine against accidents.", {}),
  UnlockVmInstance: action("VmInstance", "unlock", "Takes the guard away.", {}),
} as const;
