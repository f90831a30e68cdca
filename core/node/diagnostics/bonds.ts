import type { FactValue, Link, Neighbour } from "../../model/facts.ts";
import { readOrNothing } from "../machine.ts";
import { defineCheck, type Outcome } from "./check.ts";
import { list, speed } from "./format.ts";

type Code =
  | "BOND.OK"
  | "BOND.NO_LEGS"
  | "BOND.DOWN"
  | "BOND.LEG_DOWN"
  | "BOND.NO_PARTNER"
  | "BOND.PARTNERS_DIFFER"
  | "BOND.SPEEDS_DIFFER";

/** Bonds: carrier of each leg, the LACP partner, equal speeds. */
export const bondsCheck = defineCheck({
  id: "bonds",
  area: "network",
  name: "BOND",
  codes: [
    "BOND.OK",
    "BOND.NO_LEGS",
    "BOND.DOWN",
    "BOND.LEG_DOWN",
    "BOND.NO_PARTNER",
    "BOND.PARTNERS_DIFFER",
    "BOND.SPEEDS_DIFFER",
  ],
  async run(context) {
    const network = context.fact("network");
    const bonds = network.links.filter((link) => link.bond !== null);
    if (bonds.length === 0) return [];
    const { neighbours } = context.facts;
    const ports = neighbours.state === "missing" ? [] : neighbours.value;
    const found: Outcome<Code>[] = [];
    for (const bond of bonds) {
      found.push(...judgeLegs(bond, ports), ...judgeSpeeds(bond, network));
      // Without the right to see it, the kernel leaves the partner out, and silence would look like a fault.
      const seesPartner = /^details partner lacp pdu:/m.test(
        (await readOrNothing(context.machine, `/proc/net/bonding/${bond.name}`)) ?? "",
      );
      if (seesPartner) found.push(...judgePartners(bond));
      else if (bond.bond?.mode === "802.3ad" && bond.bond.legs.some(({ up }) => up))
        found.push({ outcome: "unable", subject: bond.name, why: { code: "denied", detail: `LACP ${bond.name}` } });
    }
    if (found.length === 0)
      found.push({ outcome: "passed", code: "BOND.OK", values: { bonds: list(bonds.map(({ name }) => name)) } });
    return found;
  },
});

function judgeLegs({ name, bond }: Link, ports: readonly Neighbour[]): Outcome<Code>[] {
  const legs = bond?.legs ?? [];
  if (legs.length === 0) return [{ outcome: "failed", code: "BOND.NO_LEGS", subject: name, values: { bond: name } }];
  const down = legs.filter(({ up }) => !up);
  if (down.length === legs.length) {
    const values = { bond: name, legs: list(legs.map(({ link }) => link)) };
    return [{ outcome: "failed", code: "BOND.DOWN", subject: name, values }];
  }
  const working = `${legs.length - down.length}/${legs.length}`;
  return down.map(({ link }) => ({
    outcome: "failed",
    code: "BOND.LEG_DOWN",
    subject: `${name}:${link}`,
    values: { bond: name, leg: withPort(link, ports), working },
  }));
}

/** The leg, with the switch's port that its cable ended in when it still worked. */
function withPort(leg: string, ports: readonly Neighbour[]): string {
  const port = ports.find(({ link }) => link === leg);
  return port === undefined ? leg : `${leg} (${port.system} ${port.port})`;
}

function judgePartners({ name, bond }: Link): Outcome<Code>[] {
  if (bond?.mode !== "802.3ad") return [];
  const up = bond.legs.filter((leg) => leg.up);
  const silent = up.filter(({ partnerMac }) => partnerMac === null);
  if (silent.length > 0) {
    const values = { bond: name, legs: list(silent.map(({ link }) => link)) };
    return [{ outcome: "failed", code: "BOND.NO_PARTNER", subject: name, values }];
  }
  if (new Set(up.map(({ partnerMac }) => partnerMac)).size < 2) return [];
  const legs = list(
    up.map(({ link, partnerMac }) => `${link} ${partnerMac}`),
    2,
  );
  return [{ outcome: "failed", code: "BOND.PARTNERS_DIFFER", subject: name, values: { bond: name, legs } }];
}

function judgeSpeeds({ name, bond }: Link, { links }: FactValue<"network">): Outcome<Code>[] {
  const speeds = (bond?.legs ?? []).flatMap(({ link, up }) => {
    const megabits = links.find((one) => one.name === link)?.speedMbps ?? null;
    return up && megabits !== null ? [{ link, megabits }] : [];
  });
  if (new Set(speeds.map(({ megabits }) => megabits)).size < 2) return [];
  const legs = list(
    speeds.map(({ link, megabits }) => `${link} ${speed(megabits)}`),
    4,
  );
  return [{ outcome: "warning", code: "BOND.SPEEDS_DIFFER", subject: name, values: { bond: name, legs } }];
}
