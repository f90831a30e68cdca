import type { InstallRole } from "../../model/installation/draft.ts";
import type { RoleGroup, RoleStep } from "./step.ts";
import { agentStopped } from "./steps/expert.ts";
import { agentAnswers, hypervisorAnswers, hypervisorSteps, managementVirtualization } from "./steps/hypervisor.ts";
import { managementApiAnswers, managementSteps } from "./steps/management.ts";
import { clusterStackAnswers, storageSteps } from "./steps/storage.ts";
import { certificates, hostIdentity, preChecking, virtualization } from "./steps/system.ts";

const checkSystem = (...more: RoleStep[]): RoleGroup => ({ title: "Check System", steps: [preChecking, ...more] });
const configureNode = (...more: RoleStep[]): RoleGroup => ({ title: "Configure Node", steps: [hostIdentity, ...more] });
/** The last group of each role: it changes nothing, and is all that runs at a boot of an installed node. */
const checkRole = (...steps: RoleStep[]): RoleGroup => ({ title: "Check Role", steps });
const computeService: RoleGroup = { title: "Install Compute Service", steps: hypervisorSteps };

/** What each role installs, in order. Source: image.md, "After the first boot". */
export const rolePlans: Record<InstallRole, readonly RoleGroup[]> = {
  management: [
    checkSystem(managementVirtualization),
    configureNode(certificates),
    { title: "Install Management Service", steps: managementSteps },
    checkRole(managementApiAnswers),
  ],
  compute: [
    checkSystem(virtualization),
    configureNode(certificates),
    computeService,
    checkRole(hypervisorAnswers, agentAnswers),
  ],
  storage: [
    checkSystem(virtualization),
    configureNode(certificates),
    computeService,
    { title: "Install Storage Service", steps: storageSteps },
    checkRole(hypervisorAnswers, agentAnswers, clusterStackAnswers),
  ],
  expert: [checkSystem(), configureNode(), checkRole(agentStopped)],
};
