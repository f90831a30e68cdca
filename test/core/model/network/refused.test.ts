import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeError } from "../../../../core/model/error.ts";
import { operate } from "../../../../core/model/network/operate.ts";
import type { NetworkOperation } from "../../../../core/model/network/operation.ts";
import { server, whole } from "./networks.ts";

const lacp = { do: "bond", mode: "802.3ad", options: { miimon: "100" } } as const;

const refused: [what: string, operation: NetworkOperation, code: string, description: string, remedy: string][] = [
  [
    "an address for a link that is not there",
    { do: "address", link: "eth9" },
    "NET.LINK_UNKNOWN",
    "There is no network interface eth9.",
    "See which there are: zs-show-network lists them.",
  ],
  [
    "a change of an address that somebody else took away",
    { do: "oneAddress", link: "eno2", before: { address: "10.9.9.9", prefix: 24 }, after: null },
    "NET.ADDRESS_GONE",
    "eno2 has no address 10.9.9.9/24.",
    "Look at what it has now: somebody else may have changed it.",
  ],
  [
    "a change of a route that somebody else took away",
    { do: "oneRoute", link: "eno2", before: { to: "10.9.0.0/16", via: null, metric: null }, after: null },
    "NET.ROUTE_GONE",
    "eno2 has no such route to 10.9.0.0/16.",
    "Look at what it has now: somebody else may have changed it.",
  ],
  [
    "a bond that exists",
    { ...lacp, link: "bond0", change: false },
    "NET.BOND_EXISTS",
    "There is a bond bond0 already.",
    "Choose another name, or delete that one first.",
  ],
  [
    "a bond named as a card",
    { ...lacp, link: "eno2", change: false },
    "NET.NAME_TAKEN",
    "There is a network card of the name eno2 already.",
    "Choose another name.",
  ],
  [
    "a bond named as a tunnel",
    { ...lacp, link: "wg0", change: false },
    "NET.NAME_TAKEN",
    "There is an interface of the name wg0 already.",
    "Choose another name.",
  ],
  [
    "a change of a bond that is not there",
    { ...lacp, link: "bond9", change: true },
    "NET.LINK_UNKNOWN",
    "There is no bond bond9.",
    "See which there are: zs-show-network lists them.",
  ],
  [
    "a change of a bond that is a bridge",
    { ...lacp, link: "br_bond0", change: true },
    "NET.KIND",
    "br_bond0 is no bond: it is a bridge.",
    "Name a bond.",
  ],
  [
    "the deletion of a bridge as a bond",
    { do: "delete", link: "br_bond0", kind: "bond" },
    "NET.KIND",
    "br_bond0 is no bond: it is a bridge.",
    "Name a bond.",
  ],
  [
    "the deletion of a card as a bond",
    { do: "delete", link: "eno2", kind: "bond" },
    "NET.KIND",
    "eno2 is no bond: it is a network card.",
    "Name a bond.",
  ],
  [
    "the deletion of what is not there",
    { do: "delete", link: "bond9", kind: "vlan" },
    "NET.LINK_UNKNOWN",
    "There is no VLAN bond9.",
    "See which there are: zs-show-network lists them.",
  ],
  [
    "the deletion of a bond with something on it",
    { do: "delete", link: "bond0", kind: "bond" },
    "NET.IN_USE",
    "bond0 can't be deleted: br_bond0, bond0.10 and bond0.20 need it.",
    "Delete br_bond0, bond0.10 and bond0.20 first.",
  ],
  [
    "the deletion of a VLAN that is a port",
    { do: "delete", link: "bond0.10", kind: "vlan" },
    "NET.IN_USE",
    "bond0.10 can't be deleted: br_bond0.10 needs it.",
    "Delete br_bond0.10 first.",
  ],
  [
    "a leg of no bond",
    { do: "attach", bond: "bond9", leg: "eno2" },
    "NET.LINK_UNKNOWN",
    "There is no bond bond9.",
    "See which there are: zs-show-network lists them.",
  ],
  [
    "a leg that is not there",
    { do: "attach", bond: "bond0", leg: "eth9" },
    "NET.LINK_UNKNOWN",
    "There is no network interface eth9.",
    "See which there are: zs-show-network lists them.",
  ],
  [
    "a leg that is one already",
    { do: "attach", bond: "bond0", leg: "p5p1" },
    "NET.LEG_TAKEN",
    "p5p1 is a leg of bond0 already.",
    "There is nothing to do.",
  ],
  [
    "a leg that is a VLAN",
    { do: "attach", bond: "bond0", leg: "bond0.10" },
    "NET.LEG_KIND",
    "bond0.10 can't be a leg of bond0: it is a VLAN.",
    "Attach physical interfaces only.",
  ],
  [
    "a detached leg that is none",
    { do: "detach", bond: "bond0", leg: "eno2" },
    "NET.LEG_NOT",
    "eno2 is not a leg of bond0.",
    "Its legs are p5p1 and p5p2.",
  ],
  [
    "a VLAN that exists",
    { do: "vlan", parent: "bond0", id: 10 },
    "NET.VLAN_EXISTS",
    "bond0 has the VLAN 10 already.",
    "Choose another id, or use that one.",
  ],
  [
    "a VLAN on nothing",
    { do: "vlan", parent: "bond9", id: 10 },
    "NET.LINK_UNKNOWN",
    "There is no network interface bond9.",
    "See which there are: zs-show-network lists them.",
  ],
  [
    "a bridge on nothing",
    { do: "bridge", link: "br_x", port: "x" },
    "NET.LINK_UNKNOWN",
    "There is no network interface x.",
    "See which there are: zs-show-network lists them.",
  ],
  [
    "a bridge on a bridge",
    { do: "bridge", link: "br_br", port: "br_bond0" },
    "NET.PORT_KIND",
    "br_bond0 can't be a port of br_br: it is a bridge itself.",
    "Set the address of that bridge.",
  ],
  [
    "a bridge on a port",
    { do: "bridge", link: "br_2", port: "bond0" },
    "NET.PORT_TAKEN",
    "bond0 can't be put into br_2: it is a port of br_bond0.",
    "Take it out of br_bond0 first.",
  ],
  [
    "a bridge on a leg",
    { do: "bridge", link: "br_2", port: "p5p1" },
    "NET.PORT_TAKEN",
    "p5p1 can't be put into br_2: it is a leg of bond0.",
    "Take it out of bond0 first.",
  ],
  [
    "a bridge whose name is taken",
    { do: "bridge", link: "br_bond0", port: "eno2" },
    "NET.NAME_TAKEN",
    "There is a bridge of the name br_bond0 already.",
    "Choose another name.",
  ],
  [
    "a new name for what is not there",
    { do: "rename", link: "eth9", to: "lan0" },
    "NET.LINK_UNKNOWN",
    "There is no network interface eth9.",
    "See which there are: zs-show-network lists them.",
  ],
  [
    "a new name that exists",
    { do: "rename", link: "eno2", to: "bond0" },
    "NET.NAME_TAKEN",
    "There is a bond of the name bond0 already.",
    "Choose another name.",
  ],
  [
    "a new name that is none",
    { do: "rename", link: "eno2", to: "a b" },
    "NET.LINK_NAME",
    `"a b" can't be the name of an interface. It is a letter, then letters, digits, dots, hyphens or underscores.`,
    "Give a name of up to 15 characters, such as lan0.",
  ],
  [
    "a management interface that is not there",
    { do: "management", link: "eth9" },
    "NET.LINK_UNKNOWN",
    "There is no network interface eth9.",
    "See which there are: zs-show-network lists them.",
  ],
  [
    "a kept configuration that is not there",
    { do: "restore", id: "../x" },
    "NET.SAVED_UNKNOWN",
    "There is no kept configuration ../x.",
    "Choose one of those that are listed: only the last ones are kept.",
  ],
];
for (const [what, operation, code, description, remedy] of refused) {
  test(`refused is ${what}`, () => {
    assert.throws(
      () => operate(whole, [operation], () => undefined, server),
      (error) => {
        assert.ok(error instanceof NodeError);
        assert.deepEqual([error.code, error.message, error.remedy], [code, description, remedy]);
        return true;
      },
    );
  });
}
