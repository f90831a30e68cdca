import { NodeError } from "../../model/error.ts";

/*
 * An upgraded node boots its new version on trial. GRUB counts in its environment block, /boot/grub/grubenv: it boots
 * `trial_version` while `trial_left` is above zero and takes one off each time, else `default_version`. The new version
 * becomes the default when its role check has passed.
 */

export type BootEnvironment = ReadonlyMap<string, string>;

/** What a finished role check means for the next boot; `environment` is what GRUB is to find. */
export type BootDecision =
  | { action: "none" }
  | { action: "confirm" | "fallBack"; environment: BootEnvironment; version: string };

/**
 * `none` on every boot that is no trial. Falling back takes the trial off, so that GRUB boots the former version even
 * where it can't count: it doesn't write to RAID and LVM.
 */
export function decideBoot(known: {
  booted: string | undefined;
  environment: BootEnvironment;
  passed: boolean;
}): BootDecision {
  const { booted, environment, passed } = known;
  if (booted === undefined || environment.get("trial_version") !== booted) return { action: "none" };
  const next = new Map(environment);
  next.delete("trial_version");
  next.delete("trial_left");
  if (passed) {
    next.set("default_version", booted);
    next.delete("failed_version");
    return { action: "confirm", environment: next, version: booted };
  }
  const former = environment.get("default_version");
  // Nothing to fall back to: another start would only do the same again.
  if (former === undefined || former === booted) return { action: "none" };
  next.set("failed_version", booted);
  return { action: "fallBack", environment: next, version: former };
}

/** The version that the kernel's command line says was booted. */
export function bootedVersion(commandLine: string): string | undefined {
  return /(?:^|\s)binnacle\.system=(\S+)/.exec(commandLine)?.[1];
}

const signature = "# GRUB Environment Block\n";
const blockBytes = 1024;

/** Reads an environment block; what is none is empty. Source: GRUB, `lib/envblk.c`. */
export function parseBootEnvironment(text: string): BootEnvironment {
  if (!text.startsWith(signature)) return new Map();
  const found = new Map<string, string>();
  for (const line of text.slice(signature.length).split("\n")) {
    const cut = line.indexOf("=");
    if (cut > 0 && !line.startsWith("#")) found.set(line.slice(0, cut), line.slice(cut + 1).replace(/\\(.)/g, "$1"));
  }
  return found;
}

/**
 * An environment block of the size that GRUB needs. grub-editenv would do it too, but it empties the file first: a power
 * cut then would leave none.
 *
 * @throws NodeError BOOT.ENVIRONMENT when it doesn't fit
 */
export function formatBootEnvironment(environment: BootEnvironment): string {
  const lines = [...environment].map(([name, value]) => `${name}=${value.replace(/[\\\n]/g, "\\$&")}\n`);
  const text = signature + lines.join("");
  const length = Buffer.byteLength(text);
  if (length > blockBytes)
    throw new NodeError("BOOT.ENVIRONMENT", `GRUB's environment would be ${length} bytes, more than ${blockBytes}.`, {
      remedy: "Remove what is not needed there: grub-editenv /boot/grub/grubenv list",
    });
  return text + "#".repeat(blockBytes - length);
}
