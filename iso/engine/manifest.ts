import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { NodeError } from "../../core/model/error.ts";
import { bootParts, type Manifest, manifest, manifestName, systemParts } from "../../core/node/upgrade/manifest.ts";

export type { Manifest } from "../../core/node/upgrade/manifest.ts";

/** Files that make a system; everything else on the medium is not copied. */
export const systemFiles = [...bootParts, ...systemParts] as const;
export type SystemFile = (typeof systemFiles)[number];

/** The folder of the system's files on a medium that is mounted at `medium`. */
export function systemFolder(medium: string): string {
  return join(medium, "binnacle");
}

/** @throws NodeError MEDIUM.MANIFEST when the medium has no manifest, or a damaged one */
export async function readManifest(medium: string): Promise<Manifest> {
  const path = join(systemFolder(medium), manifestName);
  try {
    return manifest.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    throw new NodeError("MEDIUM.MANIFEST", `The list of files on the medium, ${path}, can't be read or is damaged.`, {
      remedy: "Look whether the medium is still in the drive; else make it anew and start from it.",
      cause: error,
    });
  }
}
