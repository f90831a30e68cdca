import * as fs from "node:fs";
import * as path from "node:path";
import type { Bond } from "./bond-table.ts";

/** Modes that choose a leg by a hash of the packet. Source: the kernel's networking/bonding, `xmit_hash_policy`. */
const hashingModes: ReadonlySet<string> = new Set(["2", "4", "5"]);

/** The bonds that the kernel has now. `folder` is /sys/class/net. */
export function kernelBonds(folder = "/sys/class/net"): Bond[] {
  const names = words(path.join(folder, "bonding_masters"));
  return names.map((name) => {
    const read = (option: string) => words(path.join(folder, name, "bonding", option));
    // An option with names says the name and its number: `802.3ad 4`.
    const mode = read("mode")[1] ?? "?";
    const [miimon] = read("miimon");
    const [policy] = hashingModes.has(mode) ? read("xmit_hash_policy") : [];
    return {
      name,
      legs: read("slaves"),
      options: {
        mode,
        ...(miimon === undefined ? {} : { miimon }),
        ...(policy === undefined ? {} : { xmit_hash_policy: policy }),
      },
    };
  });
}

/** A bond may go while it is read. */
function words(file: string): string[] {
  try {
    return fs
      .readFileSync(file, "utf8")
      .split(/\s+/)
      .filter((word) => word !== "");
  } catch {
    return [];
  }
}
