import { NodeError } from "../model/error.ts";

/** Every driver's answer to a path that could mean another file than it says. @throws HYPERVISOR.BAD_PATH */
export function checkVolumePath(path: string): void {
  const parts = path.split("/").slice(1);
  if (path.startsWith("/") && parts.every((part) => part !== "" && part !== "." && part !== "..")) return;
  throw new NodeError("HYPERVISOR.BAD_PATH", `${JSON.stringify(path.slice(0, 200))} can't be the path of a volume.`, {
    remedy: "Give an absolute path without empty parts, dots alone and a slash at its end.",
  });
}
