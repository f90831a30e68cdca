import { duplicateAddressCheck, managementLinkCheck } from "./addresses.ts";
import { bondsCheck } from "./bonds.ts";
import { certificatesCheck } from "./certificates.ts";
import type { Check } from "./check.ts";
import { clockCheck } from "./clock.ts";
import { disksCheck, raidCheck } from "./disks.ts";
import { filesystemsCheck } from "./filesystems.ts";
import { hostsCheck } from "./hosts.ts";
import { guestsCheck, libvirtCheck } from "./libvirt.ts";
import { managerCheck } from "./manager.ts";
import { memoryCheck } from "./memory.ts";
import { dnsCheck, hostnameCheck } from "./names.ts";
import { nfsCheck } from "./nfs.ts";
import { ocfs2Check } from "./ocfs2.ts";
import { pathMtuCheck } from "./path-mtu.ts";
import { portsCheck } from "./ports.ts";
import { roleCheck } from "./role.ts";
import { fansCheck, powerSupplyCheck } from "./sensors.ts";
import { sessionsCheck } from "./sessions.ts";
import { sshCheck } from "./sshd.ts";
import { backupCheck, storeCheck } from "./store.ts";
import { unitsCheck } from "./units.ts";
import { iommuCheck, virtualizationCheck } from "./virtualization.ts";

/** Every check of this node itself, in the order in which passed ones are listed. */
export const checks: readonly Check[] = [
  roleCheck,
  virtualizationCheck,
  iommuCheck,
  disksCheck,
  raidCheck,
  powerSupplyCheck,
  fansCheck,
  hostnameCheck,
  filesystemsCheck,
  clockCheck,
  dnsCheck,
  sshCheck,
  memoryCheck,
  unitsCheck,
  bondsCheck,
  managementLinkCheck,
  duplicateAddressCheck,
  pathMtuCheck,
  libvirtCheck,
  guestsCheck,
  nfsCheck,
  ocfs2Check,
  certificatesCheck,
  managerCheck,
  portsCheck,
  storeCheck,
  backupCheck,
  hostsCheck,
  sessionsCheck,
];
