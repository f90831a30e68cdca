import * as z from "zod/mini";
import { say, uuid, uuids } from "../fields.ts";
import { securityGroupRule } from "../security-group.ts";
import { action, creation, deletion, get, named, onOff, preset, query, renamed, update } from "./call.ts";

const { securityGroupUuid, type, protocol, startPort, endPort, allowedCidr, remoteSecurityGroupUuid } =
  securityGroupRule.shape;
const l3NetworkUuid = say(uuid, "The network.");
const vmNicUuids = say(uuids.check(z.minLength(1), z.maxLength(64)), "Network cards of machines.");

export const securityGroupCalls = {
  CreateSecurityGroup: creation(
    "SecurityGroup",
    "Makes a security group; it lets in what its own members send, and everything out.",
    named("SecurityGroup"),
  ),
  QuerySecurityGroup: query("SecurityGroup"),
  GetSecurityGroup: get("SecurityGroup"),
  UpdateSecurityGroup: update("SecurityGroup", "Changes its name or description.", renamed("SecurityGroup")),
  ChangeSecurityGroupState: onOff("SecurityGroup", "Lets its rules hold, or not."),
  DeleteSecurityGroup: deletion(
    "SecurityGroup",
    "Deletes it with its rules and those that name it; refused while cards are in it.",
  ),
  AddSecurityGroupRule: creation("SecurityGroupRule", "Lets something in or out.", {
    securityGroupUuid,
    type,
    protocol,
    startPort: preset(startPort, null),
    endPort: preset(endPort, null),
    allowedCidr: preset(allowedCidr, null),
    remoteSecurityGroupUuid: preset(remoteSecurityGroupUuid, null),
    description: named("SecurityGroupRule").description,
  }),
  QuerySecurityGroupRule: query("SecurityGroupRule"),
  GetSecurityGroupRule: get("SecurityGroupRule"),
  DeleteSecurityGroupRule: deletion("SecurityGroupRule", "Takes a rule away: what only it lets through is dropped."),
  AttachSecurityGroupToL3Network: action("SecurityGroup", "attach", "Lets cards of a network be in it.", {
    l3NetworkUuid,
  }),
  DetachSecurityGroupFromL3Network: action(
    "SecurityGroup",
    "detach",
    "Takes it from a network; refused while cards of that network are in it.",
    { l3NetworkUuid },
  ),
  AddVmNicToSecurityGroup: action("SecurityGroup", "add-vm-nics", "Puts network cards into it.", { vmNicUuids }),
  DeleteVmNicFromSecurityGroup: action("SecurityGroup", "remove-vm-nics", "Takes network cards out of it.", {
    vmNicUuids,
  }),
} as const;
