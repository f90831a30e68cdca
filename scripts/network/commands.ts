/*
 * The commands of the network as data: from here come the usage line, the help, the manual page and the completion of
 * each, so that they can't disagree. What is typed is checked against `arguments` in `arguments.ts`.
 */

/** What stands in a place of a command line; what a shell completes there, and what is accepted. */
export type ArgumentKind =
  /** An interface that exists. */
  | "interface"
  | "physical"
  | "bond"
  | "newBond"
  | "newName"
  | "vlanId"
  /** The id of a VLAN that is on the interface before it. */
  | "presentVlanId"
  | "address"
  | "netmask"
  | "gateway";

export type Argument = { readonly name: string; readonly kind: ArgumentKind; readonly isOptional?: true };

export type Action = { readonly flag: string; readonly arguments: readonly Argument[]; readonly text: string };

export type Command = {
  readonly name: CommandName;
  /** A sentence without a full stop, as `man -k` lists it. */
  readonly summary: string;
  /** One of them is to be given; none: the command takes no arguments. */
  readonly actions: readonly Action[];
  readonly description: readonly string[];
  readonly options: readonly Option[];
  readonly examples: readonly { readonly line: string; readonly text: string }[];
};

/** An option that stands beside the action. */
export type Option = {
  readonly name: "yes" | "no-rollback" | "seconds" | "json" | "help";
  readonly short?: string;
  readonly value?: string;
  readonly text: string;
};

export const commandNames = [
  "zs-show-network",
  "zs-network-setting",
  "zs-change-nic",
  "zs-vlan",
  "zs-bond-lacp",
  "zs-bond-ab",
  "zs-nic-to-bond",
] as const;
export type CommandName = (typeof commandNames)[number];

const json: Option = { name: "json", text: "Print one JSON document instead of text, and ask nothing." };
const help: Option = { name: "help", short: "h", text: "Print this help." };
const changeOptions: readonly Option[] = [
  {
    name: "yes",
    text: "Ask nothing: the change is kept when its probes pass, and taken back when one fails.",
  },
  {
    name: "no-rollback",
    text: "Keep the change whatever the probes say. What they find is printed.",
  },
  {
    name: "seconds",
    value: "N",
    text: "Seconds until a change that nobody keeps is taken back: 10 to 600, 60 if left out.",
  },
  json,
  help,
];

/** How a change goes on; the same for each command that makes one. */
const change =
  "The change is carried out as a whole, then probed: carrier, LACP partner, duplicate address, gateway and more. " +
  "When a probe fails the former network is put in force again. If the change cuts something off, such as the " +
  "management address, a person at a terminal is asked first, and once more when the new network is in force: whoever " +
  "does not answer within the countdown, because the connection is gone, gets the former network back. What is kept " +
  "lasts over a restart of the node.";

const interfaceArgument: Argument = { name: "IFACE", kind: "interface" };
const bond: Argument = { name: "BOND", kind: "bond" };
const newBond: Argument = { name: "BOND", kind: "newBond" };
const nic: Argument = { name: "NIC", kind: "physical" };
const addressArguments: readonly Argument[] = [
  interfaceArgument,
  { name: "IP", kind: "address" },
  { name: "NETMASK", kind: "netmask" },
  { name: "GATEWAY", kind: "gateway", isOptional: true },
];

const deleteBond: Action = { flag: "-d", arguments: [bond], text: "Delete a bond and free its interfaces." };

export const commands: readonly Command[] = [
  {
    name: "zs-show-network",
    summary: "show the links, addresses and bonds of this node",
    actions: [],
    description: [
      "Prints the links and addresses as ip(8) shows them, then the bonds with their interfaces and options, and the " +
        "switch and port that each cable ends in, where the switch tells (LLDP). A change that is under way is named.",
      "Without the agent, the links and the bonds are shown as the kernel has them.",
    ],
    options: [json, help],
    examples: [{ line: "zs-show-network", text: "Show the network." }],
  },
  {
    name: "zs-network-setting",
    summary: "set the address of an interface, or of a bridge on it",
    actions: [
      { flag: "-i", arguments: addressArguments, text: "Set the address of an interface: eth0, eth0.10, bond0." },
      {
        flag: "-b",
        arguments: addressArguments,
        text: "Create the bridge br_IFACE on the interface, unless it is there, and set the bridge's address.",
      },
    ],
    description: [
      "The address takes the place of those of its kind, IPv4 or IPv6, that the interface has. NETMASK is a mask such " +
        "as 255.255.255.0 or the length of a prefix such as 24. GATEWAY may be left out: a storage network has none.",
      "The name of a bridge has at most 15 characters, as every interface's.",
      change,
    ],
    options: changeOptions,
    examples: [
      {
        line: "zs-network-setting -i eth0 192.168.0.10 255.255.255.0 192.168.0.1",
        text: "Give eth0 an address and the node its gateway.",
      },
      {
        line: "zs-network-setting -b bond0.10 192.168.93.3 24",
        text: "Create the bridge br_bond0.10 for a network without a gateway.",
      },
    ],
  },
  {
    name: "zs-change-nic",
    summary: "rename a network interface",
    actions: [
      {
        flag: "-c",
        arguments: [
          { name: "OLD", kind: "interface" },
          { name: "NEW", kind: "newName" },
        ],
        text: "Rename the interface OLD to NEW.",
      },
    ],
    description: ["What is configured on the interface goes with it, and so do bonds, VLANs and bridges.", change],
    options: changeOptions,
    examples: [{ line: "zs-change-nic -c enp65s0f0 eth0", text: "Call enp65s0f0 eth0 from now on." }],
  },
  {
    name: "zs-vlan",
    summary: "create or delete a VLAN interface",
    actions: [
      {
        flag: "-c",
        arguments: [interfaceArgument, { name: "ID", kind: "vlanId" }],
        text: "Create the VLAN interface IFACE.ID. The ID is 1 to 4094.",
      },
      {
        flag: "-d",
        arguments: [interfaceArgument, { name: "ID", kind: "presentVlanId" }],
        text: "Delete the VLAN interface IFACE.ID.",
      },
    ],
    description: [change],
    options: changeOptions,
    examples: [{ line: "zs-vlan -c bond0 10", text: "Create bond0.10, for VLAN 10 on bond0." }],
  },
  {
    name: "zs-bond-lacp",
    summary: "create or delete an IEEE 802.3ad (LACP) bond",
    actions: [
      {
        flag: "-c",
        arguments: [newBond],
        text: "Create a bond with mode=4 miimon=100 xmit_hash_policy=layer2+3.",
      },
      deleteBond,
    ],
    description: ["The new bond has no interfaces yet: zs-nic-to-bond attaches them.", change],
    options: changeOptions,
    examples: [{ line: "zs-bond-lacp -c bond0", text: "Create bond0." }],
  },
  {
    name: "zs-bond-ab",
    summary: "create or delete an active-backup bond",
    actions: [{ flag: "-c", arguments: [newBond], text: "Create a bond with mode=1 miimon=100." }, deleteBond],
    description: ["The new bond has no interfaces yet: zs-nic-to-bond attaches them.", change],
    options: changeOptions,
    examples: [{ line: "zs-bond-ab -c bond1", text: "Create bond1." }],
  },
  {
    name: "zs-nic-to-bond",
    summary: "attach a network interface to a bond, or detach it",
    actions: [
      { flag: "-a", arguments: [bond, nic], text: "Attach NIC to BOND. Addresses of NIC go." },
      { flag: "-d", arguments: [bond, nic], text: "Detach NIC from BOND." },
    ],
    description: ["Prints the table of the bonds afterwards.", change],
    options: changeOptions,
    examples: [{ line: "zs-nic-to-bond -a bond0 p5p1", text: "Make p5p1 a leg of bond0." }],
  },
];

export const exitStatus = [
  { code: 0, text: "It was done." },
  { code: 1, text: "It failed, was taken back, or the command did not see its end." },
  { code: 2, text: "Wrong usage; nothing was done." },
] as const;
/** The same by name. */
export const exitCodes = { done: 0, failed: 1, usage: 2 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
