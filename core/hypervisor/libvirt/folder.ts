import { chmod, mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a folder for volumes, and what is missing above it. QEMU runs as a user of its own: it passes through, and
 * lists nothing. The agent's umask would keep it out.
 */
export async function makeVolumeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o711 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await chmod(made, 0o711);
}
