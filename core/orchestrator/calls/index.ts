import { affinityGroupDeciders } from "./affinity-groups.ts";
import { deletionDeciders } from "./deletions.ts";
import { deviceDeciders } from "./devices.ts";
import { guestDataDeciders } from "./guest-data.ts";
import { hostDeciders } from "./hosts.ts";
import { imageDeciders } from "./images.ts";
import { migrationDeciders } from "./migrations.ts";
import { networkDeciders } from "./networks.ts";
import { nicDeciders } from "./nics.ts";
import { offeringDeciders } from "./offerings.ts";
import { placeDeciders } from "./places.ts";
import { rescueDeciders } from "./rescue.ts";
import { securityGroupDeciders } from "./security-groups.ts";
import { settingDeciders } from "./settings.ts";
import { shelveDeciders } from "./shelve.ts";
import { snapshotDeciders } from "./snapshots.ts";
import { storageDeciders } from "./storages.ts";
import { vmLifeDeciders } from "./vm-life.ts";
import { vmDeciders } from "./vms.ts";
import { volumeDeciders } from "./volumes.ts";

/** What carries out the calls that are one transaction. */
export const deciders = {
  ...placeDeciders,
  ...hostDeciders,
  ...offeringDeciders,
  ...storageDeciders,
  ...imageDeciders,
  ...networkDeciders,
  ...securityGroupDeciders,
  ...affinityGroupDeciders,
  ...vmDeciders,
  ...deviceDeciders,
  ...nicDeciders,
  ...guestDataDeciders,
  ...vmLifeDeciders,
  ...rescueDeciders,
  ...shelveDeciders,
  ...volumeDeciders,
  ...snapshotDeciders,
  ...migrationDeciders,
  ...settingDeciders,
  ...deletionDeciders,
};
