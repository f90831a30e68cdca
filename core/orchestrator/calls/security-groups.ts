import { CloudError, refusalOf } from "../../model/cloud/refusal.ts";
import {
  firstRules,
  mostGroups,
  mostRules,
  type RuleText,
  ruleName,
  ruleRefusal,
  securityGroupState,
} from "../../model/cloud/security-group.ts";
import { listed, shown } from "../../model/quote.ts";
import type { RecordOf } from "../kinds.ts";
import type { Tx } from "../records.ts";
import type { DecidersOf } from "./handler.ts";
import { patchOf, refuseFor, switched } from "./shared.ts";

/* Security groups. What changes here comes to the hosts by itself: see `orchestrator/firewall`. */

type Group = RecordOf<"SecurityGroup">;

function insertRule(
  tx: Tx,
  uuid: string,
  securityGroupUuid: string,
  rule: RuleText,
  description: string | null = null,
) {
  refuseFor(ruleRefusal(rule));
  return tx.insert("SecurityGroupRule", { uuid, name: ruleName(rule), description, securityGroupUuid, ...rule });
}

/** The cards, of which some are of machines that can't be read, too. */
function cardsIn(tx: Tx, { uuid }: Group): RecordOf<"VmNic">[] {
  return tx.find("VmNic", "securityGroupUuids", uuid);
}

function requireNoCards(tx: Tx, group: Group, cards: readonly RecordOf<"VmNic">[]): void {
  const unread = [...tx.unreadable.all("VmNic")].filter(({ value }) => {
    const { securityGroupUuids: groups } = value;
    return Array.isArray(groups) && groups.includes(group.uuid);
  });
  if (cards.length + unread.length === 0) return;
  const names = [...new Set(cards.map(({ vmInstanceUuid: uuid }) => tx.peek("VmInstance", uuid)?.name ?? uuid))];
  const details = `${cards.length + unread.length} cards are in it, of ${listed(names.map((name) => shown(name)))}.`;
  const remedy = "Take them out first: DeleteVmNicFromSecurityGroup.";
  throw new CloudError(refusalOf("NETWORK.1032", { where: `SecurityGroup ${shown(group.name)}`, details, remedy }));
}

function add(tx: Tx, group: Group, vmNicUuid: string): void {
  const card = tx.need("VmNic", vmNicUuid, "vmNicUuids");
  const refused = (details: string, remedy: string) =>
    new CloudError(refusalOf("NETWORK.1031", { where: `VmNic ${shown(card.name)}`, details, remedy }));
  if (!group.attachedL3NetworkUuids.includes(card.l3NetworkUuid))
    throw refused(
      `Its network is none of the security group ${shown(group.name)}.`,
      "Attach the group to the network first: AttachSecurityGroupToL3Network.",
    );
  const others = (card.securityGroupUuids ?? []).filter((each) => each !== group.uuid);
  if (others.length >= mostGroups)
    throw refused(`It is in ${others.length} security groups already.`, "Take it out of another one first.");
  tx.update("VmNic", vmNicUuid, { securityGroupUuids: [...others, group.uuid].sort() });
}

export const securityGroupDeciders = {
  CreateSecurityGroup: (tx, input, { newUuid }) => {
    const uuid = newUuid();
    const first = { uuid, state: securityGroupState.initial, attachedL3NetworkUuids: [] };
    const inventory = tx.insert("SecurityGroup", { ...input, ...first });
    for (const rule of firstRules(uuid)) insertRule(tx, newUuid(), uuid, rule);
    return { inventory };
  },
  UpdateSecurityGroup: (tx, { uuid, ...patch }) => ({ inventory: tx.update("SecurityGroup", uuid, patchOf(patch)) }),
  ChangeSecurityGroupState: (tx, { uuid, stateEvent }) => ({
    inventory: switched(tx, "SecurityGroup", securityGroupState, uuid, stateEvent),
  }),
  DeleteSecurityGroup: (tx, { uuid }) => {
    const group = tx.need("SecurityGroup", uuid);
    requireNoCards(tx, group, cardsIn(tx, group));
    const naming = tx.find("SecurityGroupRule", "remoteSecurityGroupUuid", uuid);
    const rules = [...tx.find("SecurityGroupRule", "securityGroupUuid", uuid), ...naming];
    for (const rule of new Set(rules.map((each) => each.uuid))) tx.remove("SecurityGroupRule", rule);
    tx.remove("SecurityGroup", uuid);
    return {};
  },
  AddSecurityGroupRule: (tx, { securityGroupUuid, description, ...rule }, { newUuid }) => {
    const group = tx.need("SecurityGroup", securityGroupUuid, "securityGroupUuid");
    const { remoteSecurityGroupUuid: remote } = rule;
    if (remote !== null) {
      tx.need("SecurityGroup", remote, "remoteSecurityGroupUuid");
      tx.guard(remote);
    }
    const others = tx.find("SecurityGroupRule", "securityGroupUuid", securityGroupUuid);
    if (others.length >= mostRules + firstRules(securityGroupUuid).length) {
      const details = `It has ${others.length} rules already.`;
      const remedy = "Take one away first, or put the cards into another group besides.";
      throw new CloudError(refusalOf("NETWORK.1033", { where: `SecurityGroup ${shown(group.name)}`, details, remedy }));
    }
    return { inventory: insertRule(tx, newUuid(), securityGroupUuid, rule, description) };
  },
  DeleteSecurityGroupRule: (tx, { uuid }) => {
    tx.remove("SecurityGroupRule", uuid);
    return {};
  },
  AttachSecurityGroupToL3Network: (tx, { uuid, l3NetworkUuid }) => {
    const { attachedL3NetworkUuids } = tx.need("SecurityGroup", uuid);
    tx.need("L3Network", l3NetworkUuid, "l3NetworkUuid");
    tx.guard(l3NetworkUuid);
    const others = attachedL3NetworkUuids.filter((each) => each !== l3NetworkUuid);
    return {
      inventory: tx.update("SecurityGroup", uuid, { attachedL3NetworkUuids: [...others, l3NetworkUuid].sort() }),
    };
  },
  DetachSecurityGroupFromL3Network: (tx, { uuid, l3NetworkUuid }) => {
    const group = tx.need("SecurityGroup", uuid);
    // A card that comes into it at the same moment writes the guard.
    tx.get("Guard", uuid);
    requireNoCards(
      tx,
      group,
      cardsIn(tx, group).filter((card) => card.l3NetworkUuid === l3NetworkUuid),
    );
    const attachedL3NetworkUuids = group.attachedL3NetworkUuids.filter((each) => each !== l3NetworkUuid);
    return { inventory: tx.update("SecurityGroup", uuid, { attachedL3NetworkUuids }) };
  },
  AddVmNicToSecurityGroup: (tx, { uuid, vmNicUuids }) => {
    const group = tx.need("SecurityGroup", uuid);
    tx.guard(uuid);
    for (const vmNicUuid of vmNicUuids) add(tx, group, vmNicUuid);
    return { inventory: group };
  },
  DeleteVmNicFromSecurityGroup: (tx, { uuid, vmNicUuids }) => {
    const group = tx.need("SecurityGroup", uuid);
    for (const vmNicUuid of vmNicUuids) {
      const { securityGroupUuids = [] } = tx.need("VmNic", vmNicUuid, "vmNicUuids");
      tx.update("VmNic", vmNicUuid, { securityGroupUuids: securityGroupUuids.filter((each) => each !== uuid) });
    }
    return { inventory: group };
  },
} satisfies DecidersOf<
  | "CreateSecurityGroup"
  | "UpdateSecurityGroup"
  | "ChangeSecurityGroupState"
  | "DeleteSecurityGroup"
  | "AddSecurityGroupRule"
  | "DeleteSecurityGroupRule"
  | "AttachSecurityGroupToL3Network"
  | "DetachSecurityGroupFromL3Network"
  | "AddVmNicToSecurityGroup"
  | "DeleteVmNicFromSecurityGroup"
>;

/** Takes security groups from a network that goes. */
export function detachSecurityGroups(tx: Tx, l3NetworkUuid: string): void {
  for (const { uuid } of tx.find("SecurityGroup", "attachedL3NetworkUuids", l3NetworkUuid)) {
    const group = tx.get("SecurityGroup", uuid);
    const left = group?.attachedL3NetworkUuids.filter((each) => each !== l3NetworkUuid);
    if (left !== undefined) tx.update("SecurityGroup", uuid, { attachedL3NetworkUuids: left });
  }
}
