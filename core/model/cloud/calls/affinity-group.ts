import * as z from "zod/mini";
import { say, uuids } from "../fields.ts";
import { affinityGroup } from "../vm.ts";
import { action, creation, deletion, get, named, onOff, preset, query, renamed, update } from "./call.ts";

const { policy, usage } = affinityGroup.shape;
const some = say(uuids.check(z.minLength(1), z.maxLength(64)), "Machines, in any state; each is in one group at most.");

export const affinityGroupCalls = {
  CreateAffinityGroup: creation(
    "AffinityGroup",
    "Makes a group of machines that are to be apart or together on hosts, by wish (soft) or without exception (hard).",
    { ...named("AffinityGroup"), policy, usage: preset(usage, null) },
  ),
  QueryAffinityGroup: query("AffinityGroup"),
  GetAffinityGroup: get("AffinityGroup"),
  UpdateAffinityGroup: update(
    "AffinityGroup",
    "Changes its name, description, policy or usage; a hard policy is refused while machines on hosts break it.",
    { ...renamed("AffinityGroup"), policy: z.optional(policy), usage: z.optional(usage) },
  ),
  ChangeAffinityGroupState: onOff(
    "AffinityGroup",
    "Lets its rule hold or not; a hard one can't be enabled while machines on hosts break it.",
  ),
  AddVmToAffinityGroup: action(
    "AffinityGroup",
    "add-vms",
    "Puts machines into it; refused while one that is on a host breaks a hard rule: nothing is moved by that.",
    { vmInstanceUuids: some },
  ),
  RemoveVmFromAffinityGroup: action(
    "AffinityGroup",
    "remove-vms",
    "Takes machines out of it; they stay where they are.",
    {
      vmInstanceUuids: some,
    },
  ),
  DeleteAffinityGroup: deletion("AffinityGroup", "Deletes it; its machines stay, and stay where they are."),
} as const;
