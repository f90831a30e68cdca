import * as z from "zod/mini";
import { formatAddress, longestPrefix, networkRange, parseAddress } from "../address.ts";
import { record, say, uuid, uuids } from "./fields.ts";
import { type Refusal, refusalOf } from "./refusal.ts";
import { onOffMachine } from "./state-machine.ts";

/* What network cards let in and out. A card in no group is open. */

/** Beyond the two that a group is made with. */
export const mostRules = 100;
/** Groups of one card. */
export const mostGroups = 16;

/** A network as its first address and prefix; 0.0.0.0/0 and ::/0 too. */
const anyCidr = z.string().check(z.maxLength(49), z.refine(isNetwork));
function isNetwork(text: string): boolean {
  const [first = "", length = "", ...more] = text.split("/");
  const address = parseAddress(first);
  if (address === undefined || more.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(length)) return false;
  const prefix = Number(length);
  if (prefix > longestPrefix(address.family) || formatAddress(address) !== first) return false;
  return prefix === 0 ? address.value === 0n : networkRange(address, prefix).first.value === address.value;
}

export const securityGroupState = onOffMachine("SecurityGroup", "SYS.1002", "Its rules hold for no card.");

export const securityGroup = record({
  state: say(z.enum(["Enabled", "Disabled"]), "Whether its rules hold; a card with no other group is open else."),
  attachedL3NetworkUuids: say(uuids, "Networks whose cards may be in it."),
});

const port = z.nullable(z.int().check(z.minimum(1), z.maximum(65_535)));

const ruleFields = {
  securityGroupUuid: say(uuid, "The group that it belongs to."),
  type: say(z.enum(["Ingress", "Egress"]), "What cards may be sent, or may send."),
  protocol: say(z.enum(["ALL", "TCP", "UDP", "ICMP"]), "ICMP: of IPv4 and IPv6."),
  startPort: say(port, "First port at the destination, of TCP and UDP; null: any."),
  endPort: say(port, "Last port at the destination; null: any."),
  allowedCidr: say(z.nullable(anyCidr), "Addresses of the other end, such as 10.0.0.0/24; null: any."),
  remoteSecurityGroupUuid: say(z.nullable(uuid), "The group that the other end has a card in; null: any."),
};

export const securityGroupRule = record(ruleFields).check(z.refine((rule) => ruleRefusal(rule) === undefined));

export type RuleText = Pick<
  z.infer<typeof securityGroupRule>,
  "type" | "protocol" | "startPort" | "endPort" | "allowedCidr" | "remoteSecurityGroupUuid"
>;

/** Why there can't be such a rule; undefined when there can. Code: NETWORK.1030. */
export function ruleRefusal(rule: RuleText): Refusal | undefined {
  const { protocol, startPort, endPort, allowedCidr, remoteSecurityGroupUuid } = rule;
  const refused = (where: string, details: string, remedy: string) =>
    refusalOf("NETWORK.1030", { where, details, remedy });
  if (allowedCidr !== null && remoteSecurityGroupUuid !== null)
    return refused("allowedCidr", "Addresses and a group are given.", "Make two rules of it, or leave one out.");
  if ((startPort === null) !== (endPort === null))
    return refused("endPort", "Only one of startPort and endPort is given.", "Give both, the same for one port.");
  if (startPort === null || endPort === null) return undefined;
  if (protocol !== "TCP" && protocol !== "UDP")
    return refused("startPort", `${protocol} has no ports.`, "Leave them out, or give TCP or UDP.");
  if (startPort > endPort)
    return refused("endPort", `The last port, ${endPort}, is before the first one.`, "Give the lower one first.");
  return undefined;
}

/** `Ingress TCP 22-23 10.0.0.0/24`: how a rule is called that nobody has named. */
export function ruleName({
  type,
  protocol,
  startPort,
  endPort,
  allowedCidr,
  remoteSecurityGroupUuid,
}: RuleText): string {
  const ports = startPort === null ? [] : [startPort === endPort ? `${startPort}` : `${startPort}-${endPort}`];
  return [type, protocol, ...ports, allowedCidr ?? remoteSecurityGroupUuid ?? "any"].join(" ");
}

/** What a new group is made with: it lets in what its own members send, and everything out. */
export function firstRules(uuid: string): RuleText[] {
  const all = { protocol: "ALL", startPort: null, endPort: null, allowedCidr: null } as const;
  return [
    { ...all, type: "Ingress", remoteSecurityGroupUuid: uuid },
    { ...all, type: "Egress", remoteSecurityGroupUuid: null },
  ];
}
