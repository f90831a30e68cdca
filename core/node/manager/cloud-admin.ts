import type { ManagerDoor } from "../../api/manager-door.ts";
import type { Secret } from "../../model/secret.ts";
import { requireGoodPassword } from "../passwords.ts";

/** Below the ten seconds that a client waits; the manager makes a hash, and may have some to make before. */
const changeMs = 6_000;

/**
 * Sets the password of the cloud's account admin, and ends all its sessions.
 *
 * @param mustChange whoever logs in with it has to choose another one first
 * @throws those of `requireGoodPassword`; CLOUD.ABSENT: nothing was done; CLOUD.LOST, CLOUD.TIMEOUT: it may be done
 */
export async function changeCloudAdmin(manager: ManagerDoor, next: Secret, mustChange: boolean): Promise<void> {
  requireGoodPassword(next);
  await manager.ask("ResetAccountPassword", { newPassword: next.reveal(), mustChange }, { timeoutMs: changeMs });
}
