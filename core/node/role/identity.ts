import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { InstallRole } from "../../model/installation/draft.ts";
import { readIfThere } from "../machine.ts";
import { ensureSshKeys } from "./ssh-keys.ts";
import type { RoleWorld } from "./world.ts";

type World = Pick<RoleWorld, "machine" | "paths" | "write">;

/** What `ensureIdentity` may say that it has changed. */
export const identityParts = ["host-uuid", "ssh-keys", "libvirt", "firewall", "time-service"] as const;
type IdentityPart = (typeof identityParts)[number];

/**
 * Makes what this machine has for itself and does not have yet, and the files in /etc that follow from its role. What
 * is in place stays as it is. A power cut leaves whole files only; the next run makes the rest.
 */
export async function ensureIdentity(world: World, role: InstallRole): Promise<IdentityPart[]> {
  const { machine, paths } = world;
  const { uuid, isNew } = await ensureHostUuid(world);
  const changed: [IdentityPart, boolean][] = [
    ["host-uuid", isNew],
    ["ssh-keys", (await ensureSshKeys(machine, paths.ssh)).length > 0],
    ["libvirt", await ensureLibvirtUuid(world, uuid)],
    ["firewall", await ensureRoleFile(world, role, "firewall.nft", paths.firewall)],
    ["time-service", await ensureRoleFile(world, role, "chrony.conf", paths.timeService)],
  ];
  return changed.flatMap(([part, isChanged]) => (isChanged ? [part] : []));
}

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The host's UUID, undefined while it has none. */
export async function readHostUuid({ machine, paths }: Pick<World, "machine" | "paths">): Promise<string | undefined> {
  const text = (await readIfThere(machine, paths.hostUuid))?.trim();
  return text !== undefined && uuidForm.test(text) ? text : undefined;
}

/** By chance, not from the firmware: servers of one delivery often have the same UUID there. */
async function ensureHostUuid(world: World): Promise<{ uuid: string; isNew: boolean }> {
  const there = await readHostUuid(world);
  if (there !== undefined) return { uuid: there, isNew: false };
  const uuid = randomUUID();
  await world.write(world.paths.hostUuid, `${uuid}\n`, 0o644);
  return { uuid, isNew: true };
}

/** libvirt's daemons, the single one and the modular one; those whose configuration is absent are not installed. */
async function ensureLibvirtUuid({ machine, paths, write }: World, uuid: string): Promise<boolean> {
  let isChanged = false;
  for (const name of ["libvirtd.conf", "virtqemud.conf"]) {
    const file = join(paths.libvirt, name);
    const text = await readIfThere(machine, file);
    if (text === undefined) continue;
    const wanted = withHostUuid(text, uuid);
    if (wanted === text) continue;
    await write(file, wanted, 0o644);
    isChanged = true;
  }
  return isChanged;
}

/** libvirtd.conf(5) with this host UUID; every other line stays, commented ones too. */
export function withHostUuid(text: string, uuid: string): string {
  const line = `host_uuid = "${uuid}"`;
  const pattern = /^[ \t]*host_uuid[ \t]*=.*$/m;
  if (pattern.test(text)) return text.replace(pattern, line);
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${line}\n`;
}

/**
 * A file that the image has for the role, copied into /etc: chrony's AppArmor profile reads nothing elsewhere. A role
 * without such a file leaves the place alone.
 */
async function ensureRoleFile({ machine, paths, write }: World, role: InstallRole, name: string, to: string) {
  const wanted = await readIfThere(machine, join(paths.library, "roles", role, name));
  if (wanted === undefined || wanted === (await readIfThere(machine, to))) return false;
  await write(to, wanted, 0o644);
  return true;
}
