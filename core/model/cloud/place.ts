import * as z from "zod/mini";
import { cidr, record, say, tags, uuid } from "./fields.ts";
import { onOffMachine } from "./state-machine.ts";

/* Where things stand: zones and the clusters in them. */

const onOff = z.enum(["Enabled", "Disabled"]);

export const zoneState = onOffMachine("Zone", "SYS.1002", "Its hosts take no new virtual machines.");
export const zone = record({
  state: say(onOff, "Whether its hosts take new machines."),
  tags: say(tags, "Such as reservedMemory::2G, which holds for its hosts."),
});

export const clusterState = onOffMachine("Cluster", "SYS.1002", "Its hosts take no new virtual machines.");
export const cluster = record({
  zoneUuid: say(uuid, "The zone that it belongs to."),
  hypervisorType: say(z.literal("KVM"), "What its hosts run machines with."),
  state: say(onOff, "Whether its hosts take new machines."),
  checkCpuModel: say(z.boolean(), "Only hosts with one model of processor may join."),
  migrationNetworkCidr: say(z.nullable(cidr), "Network that migrations go over; null: the management network."),
  tags: say(tags, "Such as reservedMemory::2G, which holds for its hosts."),
});
