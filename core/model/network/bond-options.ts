import { isMac, parseAddress } from "../address.ts";
import type { BondMode } from "./configuration.ts";

/*
 * Options of the kernel's bonding driver: in which modes each does something, and what it may be. Sources: the
 * kernel's networking/bonding, and drivers/net/bonding/bond_options.c for ranges and for what a mode refuses.
 */

type Values =
  /** The driver takes the word, or its place in the row as a number. */
  { words: readonly string[] } | { least: number; most: number } | { kind: "addresses" | "addresses6" | "mac" | "leg" };

type BondOption = { values: Values; modes: readonly BondMode[] | "all" };

const most31 = 2 ** 31 - 1;
const onOff = { words: ["off", "on"] };
const lacp: readonly BondMode[] = ["802.3ad"];
const oneActive: readonly BondMode[] = ["active-backup", "balance-tlb", "balance-alb"];
const arp: readonly BondMode[] = ["balance-rr", "active-backup", "balance-xor", "broadcast"];
const balanced: readonly BondMode[] = ["balance-tlb", "balance-alb"];

const bondOptions: Readonly<Record<string, BondOption>> = {
  miimon: { values: { least: 0, most: most31 }, modes: "all" },
  updelay: { values: { least: 0, most: most31 }, modes: "all" },
  downdelay: { values: { least: 0, most: most31 }, modes: "all" },
  use_carrier: { values: onOff, modes: "all" },
  min_links: { values: { least: 0, most: most31 }, modes: "all" },
  all_slaves_active: { values: onOff, modes: "all" },
  peer_notif_delay: { values: { least: 0, most: 300_000 }, modes: "all" },
  num_grat_arp: { values: { least: 0, most: 255 }, modes: "all" },
  num_unsol_na: { values: { least: 0, most: 255 }, modes: "all" },
  xmit_hash_policy: {
    values: { words: ["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"] },
    modes: ["balance-xor", "802.3ad", "balance-tlb"],
  },
  lacp_rate: { values: { words: ["slow", "fast"] }, modes: lacp },
  lacp_active: { values: onOff, modes: lacp },
  coupled_control: { values: onOff, modes: lacp },
  broadcast_neighbor: { values: onOff, modes: lacp },
  ad_select: { values: { words: ["stable", "bandwidth", "count"] }, modes: lacp },
  ad_actor_sys_prio: { values: { least: 1, most: 65_535 }, modes: lacp },
  ad_actor_system: { values: { kind: "mac" }, modes: lacp },
  ad_user_port_key: { values: { least: 0, most: 1023 }, modes: lacp },
  primary: { values: { kind: "leg" }, modes: oneActive },
  active_slave: { values: { kind: "leg" }, modes: oneActive },
  primary_reselect: { values: { words: ["always", "better", "failure"] }, modes: oneActive },
  fail_over_mac: { values: { words: ["none", "active", "follow"] }, modes: ["active-backup"] },
  resend_igmp: {
    values: { least: 0, most: 255 },
    modes: ["balance-rr", "active-backup", "balance-tlb", "balance-alb"],
  },
  arp_interval: { values: { least: 0, most: most31 }, modes: arp },
  arp_ip_target: { values: { kind: "addresses" }, modes: arp },
  ns_ip6_target: { values: { kind: "addresses6" }, modes: arp },
  arp_validate: {
    values: { words: ["none", "active", "backup", "all", "filter", "filter_active", "filter_backup"] },
    modes: arp,
  },
  arp_all_targets: { values: { words: ["any", "all"] }, modes: arp },
  arp_missed_max: { values: { least: 1, most: 255 }, modes: arp },
  packets_per_slave: { values: { least: 0, most: 65_535 }, modes: ["balance-rr"] },
  lp_interval: { values: { least: 1, most: most31 }, modes: balanced },
  tlb_dynamic_lb: { values: onOff, modes: balanced },
};

/** Options whose value is the name of a leg. */
export const legOptions = ["primary", "active_slave"] as const;

/** Names of a mode's options, those that few modes have first. */
export function bondOptionNames(mode: BondMode): string[] {
  const names = Object.keys(bondOptions).filter((name) => modesOf(name)?.includes(mode));
  return names.sort((a, b) => (modesOf(a)?.length ?? 0) - (modesOf(b)?.length ?? 0));
}

/** The modes that know an option; undefined: the driver has no such option. */
export function modesOf(name: string): readonly BondMode[] | undefined {
  const option = Object.hasOwn(bondOptions, name) ? bondOptions[name] : undefined;
  if (option === undefined) return;
  return option.modes === "all" ? [...arp, "802.3ad", "balance-tlb", "balance-alb"] : option.modes;
}

/** What an option may be: in words, and what fills a console's own sentence. */
type Allowed = { words: string; values: Record<string, string | number> };

/** What an option may be, when `value` is nothing that it may be. The names of legs are not looked at. */
export function wrongOptionValue(name: string, value: string): Allowed | undefined {
  const values = Object.hasOwn(bondOptions, name) ? bondOptions[name]?.values : undefined;
  if (values === undefined) return;
  if ("words" in values) {
    const isPlace = /^\d$/.test(value) && Number(value) < values.words.length;
    const words = values.words.join(", ");
    return isPlace || values.words.includes(value)
      ? undefined
      : { words: `one of ${words}`, values: { why: "words", words } };
  }
  if ("least" in values) {
    const { least, most } = values;
    const isInside = /^\d{1,10}$/.test(value) && Number(value) >= least && Number(value) <= most;
    return isInside
      ? undefined
      : { words: `a number from ${least} to ${most}`, values: { why: "number", least, most } };
  }
  if (values.kind === "mac") return isMac(value) ? undefined : { words: "a MAC address", values: { why: "mac" } };
  if (values.kind === "leg") return value === "" ? { words: "the name of a leg", values: { why: "leg" } } : undefined;
  const targets = value.split(",");
  const family = values.kind === "addresses" ? 4 : 6;
  const isRight = targets.length <= mostTargets && targets.every((each) => parseAddress(each)?.family === family);
  if (isRight) return;
  const words = `up to ${mostTargets} IPv${family} addresses with commas between them`;
  return { words, values: { why: "targets", most: mostTargets, family } };
}

/** BOND_MAX_ARP_TARGETS. */
const mostTargets = 16;
