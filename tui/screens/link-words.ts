import type { Link } from "../../core/model/facts.ts";
import type { Translate } from "../i18n/catalogue.ts";
import type { Style } from "../terminal/canvas.ts";
import { linkState } from "./words.ts";

type Leg = NonNullable<Link["bond"]>["legs"][number];

/** The state of a link as a person says it: UP or DOWN, and what there is to say about that. */
export type LinkCondition = { state: string; why: string; style: Style };

/**
 * Why a link is down, or what is wrong with it though it is up. A leg is judged by its bond: one that the bond does not
 * use carries nothing, whatever its cable says.
 */
export function linkCondition(t: Translate, link: Link, all: readonly Link[]): LinkCondition {
  const state = linkState(t, link);
  if (!link.adminUp) return { state, why: t("interfaces.why.off"), style: "warn" };
  if (link.carrier !== true) return { state, why: t("interfaces.why.noCarrier"), style: "warn" };
  if (link.bond !== null) {
    const { legs } = link.bond;
    const up = legs.filter((leg) => leg.up).length;
    if (up < legs.length) return { state, why: t("interfaces.why.legs", { up, total: legs.length }), style: "warn" };
  }
  const [bond, leg] = legOf(link, all) ?? [];
  if (leg !== undefined && !leg.up) return { state, why: t("interfaces.why.legDown"), style: "warn" };
  if (leg !== undefined && !leg.active) {
    const mustCarry = bond?.bond?.mode === "802.3ad";
    return mustCarry
      ? { state, why: t("interfaces.why.outside"), style: "warn" }
      : { state, why: t("interfaces.why.standby"), style: "good" };
  }
  return { state, why: "", style: "good" };
}

/** The bond that a link is a leg of, and the bond's view of it. */
export function legOf(link: Link, all: readonly Link[]): readonly [Link, Leg] | undefined {
  const bond = all.find((other) => other.name === link.master && other.bond !== null);
  const leg = bond?.bond?.legs.find((one) => one.link === link.name);
  return bond === undefined || leg === undefined ? undefined : [bond, leg];
}

/** What a bond says of one of its legs: up, active, how often it failed, who answers LACP. */
export function legWords(t: Translate, mode: string, leg: Leg): string {
  const words = [
    t(leg.up ? "interfaces.legUp" : "interfaces.legIsDown"),
    t(leg.active ? "interfaces.legActive" : "interfaces.legIdle"),
    t("interfaces.failures", { count: leg.failures }),
  ];
  if (leg.partnerMac !== null) words.push(t("interfaces.partner", { mac: leg.partnerMac }));
  else if (mode === "802.3ad") words.push(t("interfaces.noPartner"));
  return words.join("  ");
}

/** A leg that carries nothing although it should. */
export function legStyle(mode: string, leg: Leg): Style {
  return leg.up && (leg.active || mode !== "802.3ad") ? "text" : "warn";
}

/** Interfaces whose speed somebody expects to see; the others (loopback, bridges of virtual machines) have none. */
export function hasSpeed(link: Link): boolean {
  return link.kind === "physical" || link.kind === "bond" || link.speedMbps !== null;
}
