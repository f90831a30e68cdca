import type * as z from "zod/mini";
import { host, hostStateMachine, hostStatusMachine } from "./host.ts";
import { globalConfig } from "./setting-values.ts";
import type { StateMachine } from "./state-machine.ts";
import {
  affinityGroup,
  affinityGroupState,
  diskOffering,
  diskOfferingState,
  instanceOffering,
  instanceOfferingState,
  vmInstance,
  vmNic,
} from "./vm.ts";

/*
 * Every resource of the cloud: what the store keeps, the API offers and its documentation describes.
 * Source: ../shared/spec/cloud.md, "Resources".
 */

type ResourceFacts = {
  description: string;
  schema: z.ZodMiniObject;
  /** Fields that name an owner: when it is deleted, this goes too. */
  owners: Readonly<Record<string, string>>;
  machines: readonly StateMachine[];
};

export const resources = {
  Host: {
    description: "A physical server that runs virtual machines.",
    schema: host,
    owners: { clusterUuid: "Cluster" },
    machines: [hostStateMachine, hostStatusMachine],
  },
  InstanceOffering: {
    description: "A size of virtual machines.",
    schema: instanceOffering,
    owners: {},
    machines: [instanceOfferingState],
  },
  DiskOffering: {
    description: "A size of data volumes.",
    schema: diskOffering,
    owners: {},
    machines: [diskOfferingState],
  },
  VmInstance: {
    description: "A virtual machine. Its states and operations have tables of their own.",
    schema: vmInstance,
    owners: { clusterUuid: "Cluster" },
    machines: [],
  },
  VmNic: {
    description: "A network card of a virtual machine.",
    schema: vmNic,
    owners: { vmInstanceUuid: "VmInstance" },
    machines: [],
  },
  AffinityGroup: {
    description: "Virtual machines that want to be apart, or together.",
    schema: affinityGroup,
    owners: {},
    machines: [affinityGroupState],
  },
  GlobalConfig: {
    description: "A setting of the cloud; `settings.ts` has all of them with their limits.",
    schema: globalConfig,
    owners: {},
    machines: [],
  },
} as const satisfies Record<string, ResourceFacts>;

export type ResourceKind = keyof typeof resources;
