import type { Secret } from "../../model/secret.ts";
import type { HostDoor, HostLink } from "../host-link.ts";
import type { RecordOf } from "../kinds.ts";
import type { Records } from "../records.ts";
import type { LiveSettings } from "../settings.ts";

export type Host = RecordOf<"Host">;

/** What the flows and the keeper of hosts work with. */
export type HostWorld = {
  records: Records;
  settings: LiveSettings;
  link: HostLink;
  door: HostDoor;
  /** Passwords of hosts that are being added, by their task: in memory only, and gone once used. */
  passwords: Map<string, Secret>;
  /** Starts the task that stops a machine which has to leave its host. @throws what refuses it */
  stopMachine: (uuid: string) => Promise<void>;
};
