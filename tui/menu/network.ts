import { setTimeout } from "node:timers/promises";
import type { Client } from "../../core/api/client.ts";
import { parseAddress } from "../../core/model/address.ts";
import { NodeError } from "../../core/model/error.ts";
import {
  furtherAddresses,
  type Ipv4Settings,
  linkOf,
  type NetworkConfiguration,
  noIpv4,
  withFirstAddress,
} from "../../core/model/network/configuration.ts";
import type { NetworkOperation } from "../../core/model/network/operation.ts";
import { hasEnded, type NetworkPlan, type NetworkTransaction } from "../../core/model/network/transaction.ts";
import { parseAddressAndPrefix } from "../addresses.ts";
import type { Translate } from "../i18n/catalogue.ts";
import type { Lines, Reply } from "./lines.ts";
import { changeLines, endLine, problemLines, trialLines } from "./network-pages.ts";
import { lineOf, stays, withSession } from "./session.ts";

/** How often it is looked how far a change is. */
const lookEveryMs = 1_000;
const noGateway = "-";

/**
 * Sets the IPv4 address of one interface: what is needed so that a node can be reached again. The rest is for the
 * console or the commands. Resolves to whether the terminal is still there.
 */
export function offerAddress(lines: Lines, client: Client, t: Translate): Promise<boolean> {
  lines.print("", t("menu.address.about"));
  return withSession(lines, client, t, async () => {
    const { configuration, transaction } = await client.call("network", {});
    // What another console has begun, or this one before it was started anew, waits for an answer.
    if (transaction !== null && !hasEnded(transaction)) return decide(lines, client, t, transaction);
    const asked = await askOperation(lines, t, configuration);
    if (!("do" in asked)) return stays(lines, t, asked.reply);
    const plan = await client.call("planNetwork", { body: { operations: [asked] } });
    if (!tellPlan(lines, t, plan)) return true;
    const sure = await lines.ask(t("menu.address.sure"));
    if (lineOf(sure)?.toLowerCase() !== "y") return stays(lines, t, sure);
    return decide(lines, client, t, await client.call("changeNetwork", { body: { operations: [asked] } }));
  });
}

type Left = { reply: Reply };

async function askOperation(
  lines: Lines,
  t: Translate,
  configuration: NetworkConfiguration,
): Promise<NetworkOperation | Left> {
  const link = await lines.ask(t("menu.address.link"));
  const name = lineOf(link)?.trim();
  if (name === undefined) return { reply: link };
  const present = linkOf(configuration, name)?.ipv4 ?? noIpv4;
  const [addresses, routes] = [furtherAddresses(present).length, present.routes.length];
  if (addresses + routes > 0) lines.print(t("menu.address.kept", { addresses, routes }));
  for (;;) {
    const address = await lines.ask(t("menu.address.address"));
    const typed = lineOf(address)?.trim();
    if (typed === undefined) return { reply: address };
    const dhcp: Ipv4Settings = {
      ...present,
      method: "dhcp",
      addresses: withFirstAddress(present, null),
      gateway: null,
    };
    if (typed.toLowerCase() === "dhcp") return { do: "address", link: name, others: "stay", ipv4: dhcp };
    const own = parseAddressAndPrefix(typed, 4);
    if (own === undefined) {
      lines.print(t("menu.address.wrong"));
      continue;
    }
    const gateway = await askGateway(lines, t, present.gateway);
    if (typeof gateway === "object" && gateway !== null) return gateway;
    return {
      do: "address",
      link: name,
      others: "stay",
      ipv4: { ...present, method: "static", addresses: withFirstAddress(present, own), gateway },
    };
  }
}

/** The plan looks at it closely; here it only has to be an address. */
async function askGateway(lines: Lines, t: Translate, present: string | null): Promise<string | null | Left> {
  for (;;) {
    const reply = await lines.ask(t("menu.address.gateway", { present: present ?? noGateway }));
    const typed = lineOf(reply)?.trim();
    if (typed === undefined) return { reply };
    if (typed === noGateway) return null;
    if (parseAddress(typed)?.family === 4) return typed;
    lines.print(t("network.problem.NET.GATEWAY", { family: 4 }));
  }
}

/** Prints what would change, or why it can't; whether it can. */
function tellPlan(lines: Lines, t: Translate, { problems, changes, cutsOff }: NetworkPlan): boolean {
  lines.print("", ...cutsOff.map(({ what, detail }) => `  ${t(`network.cutsOff.${what}`, { detail })}`));
  lines.print(...problems.flatMap((problem) => problemLines(t, problem)));
  if (problems.some(({ severity }) => severity === "error")) return false;
  if (changes.length === 0) {
    lines.print(t("network.noChange"));
    return false;
  }
  lines.print(...changeLines(t, changes), "");
  return true;
}

/** Follows a change until it waits, asks whether to keep it, and says how it ended. */
async function decide(lines: Lines, client: Client, t: Translate, begun: NetworkTransaction): Promise<boolean> {
  const params = { id: begun.id };
  let told: string | undefined;
  for (let now = begun; ; now = await client.call("networkChange", { params })) {
    if (hasEnded(now)) {
      lines.print(...endLine(t, now));
      return true;
    }
    if (now.phase !== told) lines.print(...trialLines(t, now));
    told = now.phase;
    if (now.phase !== "waiting") {
      await setTimeout(lookEveryMs);
      continue;
    }
    const seconds = Math.ceil((now.remainingMs ?? 0) / 1000);
    const reply = await lines.ask(t("menu.address.keep", { seconds }));
    if (reply === "gone") return false;
    const typed = lineOf(reply)?.trim().toLowerCase();
    if (typed === "y") await unlessTooLate(client.call("keepNetwork", { params }));
    else if (typed === "n") await unlessTooLate(client.call("rollBackNetwork", { params }));
  }
}

/** Where it had ended while the question stood there, the next look tells how. */
async function unlessTooLate(call: Promise<NetworkTransaction>): Promise<void> {
  await call.catch((error: unknown) => {
    if (!(error instanceof NodeError) || !error.code.startsWith("NET.")) throw error;
  });
}
