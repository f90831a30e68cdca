import type { Flow } from "../flow/flow.ts";
import type { ImageCarrier } from "../images/carrier.ts";
import type { VmWorld } from "../vm/work.ts";
import { attachIsoFlow, detachIsoFlow } from "./iso.ts";
import { attachNicFlow, detachNicFlow } from "./nic.ts";

/** All that is done with drives and network cards of machines. */
export function deviceFlows(world: VmWorld, carrier: ImageCarrier): readonly Flow[] {
  const flows = [attachIsoFlow(world, carrier), detachIsoFlow(world), attachNicFlow(world), detachNicFlow(world)];
  return flows as readonly Flow[];
}
