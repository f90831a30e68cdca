import { networkDeciders } from "./networks.ts";
import { offeringDeciders } from "./offerings.ts";
import { placeDeciders } from "./places.ts";
import { settingDeciders } from "./settings.ts";
import { storageDeciders } from "./storages.ts";

/** What carries out the calls that are one transaction. */
export const deciders = {
  ...placeDeciders,
  ...offeringDeciders,
  ...storageDeciders,
  ...networkDeciders,
  ...settingDeciders,
};
