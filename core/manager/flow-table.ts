import { cascadeFlow } from "../orchestrator/cascade.ts";
import { deviceFlows } from "../orchestrator/device/flows.ts";
import { type Flow, FlowTable } from "../orchestrator/flow/flow.ts";
import { addHostFlow, reconnectHostFlow, renewCertificateFlow } from "../orchestrator/hosts/flows.ts";
import { maintainHostFlow } from "../orchestrator/hosts/maintain.ts";
import { reconnectStorageFlow, releaseStorageFlow } from "../orchestrator/hosts/storages.ts";
import type { HostWorld } from "../orchestrator/hosts/world.ts";
import { addImageFlow } from "../orchestrator/images/add.ts";
import type { ImageCaches } from "../orchestrator/images/caches.ts";
import { ImageCarrier } from "../orchestrator/images/carrier.ts";
import { deleteImageFlow } from "../orchestrator/images/delete.ts";
import { reconnectStoreFlow } from "../orchestrator/images/stores.ts";
import type { ImageWorld } from "../orchestrator/images/world.ts";
import { cloneVmFlow } from "../orchestrator/vm/clone.ts";
import { createVmFlow, createVmOfImageFlow, defineVmFlows } from "../orchestrator/vm/create.ts";
import { migrateVmFlow } from "../orchestrator/vm/migrate.ts";
import { migrateColdFlow } from "../orchestrator/vm/migrate-cold.ts";
import { rebuildVmFlow } from "../orchestrator/vm/rebuild.ts";
import { rescueVmFlow, unrescueVmFlow } from "../orchestrator/vm/rescue.ts";
import { restoreVmFlow } from "../orchestrator/vm/restore.ts";
import {
  destroyVmFlow,
  expungeVmFlow,
  pauseVmFlow,
  rebootVmFlow,
  resumeVmFlow,
  startVmFlow,
  stopVmFlow,
  suspendVmFlow,
} from "../orchestrator/vm/run.ts";
import { shelveVmFlow } from "../orchestrator/vm/shelve.ts";
import { settleMigrationFlow } from "../orchestrator/vm/unsettled.ts";
import { unshelveVmFlow } from "../orchestrator/vm/unshelve.ts";
import type { VmWorld } from "../orchestrator/vm/work.ts";
import { volumeFlows } from "../orchestrator/volume/flows.ts";

type FlowParts = {
  hosts: HostWorld;
  vms: VmWorld;
  images: ImageWorld;
  caches: ImageCaches;
  /** Is told of a process of a machine that must not run there. */
  stray: (uuid: string, why: string) => void;
};

/** Everything that a manager carries out step by step. */
export function flowTable({ hosts, vms, images, caches, stray }: FlowParts): FlowTable {
  const carrier = new ImageCarrier(images);
  return new FlowTable([
    addHostFlow(hosts, stray),
    reconnectHostFlow(hosts, stray),
    renewCertificateFlow(hosts, stray),
    maintainHostFlow(hosts),
    reconnectStorageFlow(hosts),
    releaseStorageFlow(hosts),
    createVmFlow(vms),
    createVmOfImageFlow(vms, carrier),
    ...defineVmFlows(vms, carrier),
    rebuildVmFlow(vms, carrier),
    cloneVmFlow(vms),
    rescueVmFlow(vms, carrier),
    unrescueVmFlow(vms),
    shelveVmFlow(vms, images),
    unshelveVmFlow(vms, images, carrier),
    addImageFlow(images),
    deleteImageFlow(images, caches),
    reconnectStoreFlow(images),
    startVmFlow(vms),
    stopVmFlow(vms),
    rebootVmFlow(vms),
    pauseVmFlow(vms),
    suspendVmFlow(vms),
    resumeVmFlow(vms),
    restoreVmFlow(vms),
    destroyVmFlow(vms),
    expungeVmFlow(vms),
    ...volumeFlows(vms),
    ...deviceFlows(vms, carrier),
    migrateVmFlow(vms, carrier),
    migrateColdFlow(vms),
    settleMigrationFlow(vms),
    cascadeFlow(hosts),
  ] as readonly Flow[]);
}
