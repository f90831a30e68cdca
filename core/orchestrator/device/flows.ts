import type { Flow } from "../flow/flow.ts";
import type { ImageCarrier } from "../images/carrier.ts";
import type { VmWorld } from "../vm/work.ts";
import { attachIsoFlow, detachIsoFlow } from "./iso.ts";

/** All that is done with drives and network cards of machines. */
export function deviceFlows(world: VmWorld, carrier: ImageCarrier): readonly Flow[] {
  return [attachIsoFlow(world, carrier), detachIsoFlow(world)] as readonly Flow[];
}
