/** A number from 0 to 1 that two texts always give, as even as chance: FNV-1a, mixed once more for short texts. */
export function cloudUuidHash(text: string, salt: string): number {
  let hash = 0x811c9dc5;
  for (const part of [text, salt])
    for (let index = 0; index < part.length; index++) hash = Math.imul(hash ^ part.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** Of several managers, the one with the highest score for a host: when one goes, only its own hosts move. */
export function isShareOf(hostUuid: string, managerUuid: string, managers: readonly string[]): boolean {
  const mine = cloudUuidHash(hostUuid, managerUuid);
  return managers.every((other) => other === managerUuid || cloudUuidHash(hostUuid, other) < mine);
}
