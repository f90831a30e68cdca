import type { HostDoor, HostLink } from "../host-link.ts";
import type { RecordOf } from "../kinds.ts";
import type { Records } from "../records.ts";
import type { LiveSettings } from "../settings.ts";
import type { HostCertificates } from "./certificates.ts";
import type { HostPasswords } from "./host-passwords.ts";

export type Host = RecordOf<"Host">;

/** What the flows and the keeper of hosts work with. */
export type HostWorld = {
  records: Records;
  settings: LiveSettings;
  link: HostLink;
  door: HostDoor;
  certificates: HostCertificates;
  passwords: HostPasswords;
  /**
   * Has a machine which has to leave its host stopped by a task of its own, as soon as nothing else runs on it, and
   * waits for that. A task that has begun goes on though `signal` ends the waiting. @throws what refuses it
   */
  stopMachine: (uuid: string, signal: AbortSignal) => Promise<void>;
  /**
   * The same with its move to another host. Gives the code of what kept it from moving; undefined when it has moved.
   * @throws what `signal` ends with
   */
  moveMachine: (uuid: string, signal: AbortSignal) => Promise<string | undefined>;
};
