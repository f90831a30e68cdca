import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** Why tests that need a private mount namespace can't run here; undefined when they can. */
export function whyNoPrivateMounts(): string | undefined {
  return process.getuid?.() === 0 ? undefined : "needs root, for a private mount namespace";
}

/**
 * Options of a test that needs one: skipped with its reason where that can't be, but never in CI, where a skipped test
 * would look like a passed one.
 */
export function needsPrivateMounts(): { skip?: string } {
  const why = whyNoPrivateMounts();
  if (why === undefined || process.env["CI"] === "true") return {};
  return { skip: why };
}

export type Outcome = { code: number | null; stdout: string; stderr: string };

/**
 * Runs a TypeScript file by this Node in a mount namespace of its own: what it mounts there, nobody else sees, and it
 * is gone when it ends.
 */
export async function runWithPrivateMounts(
  script: string,
  args: readonly string[] = [],
  onStart: (child: ChildProcess) => void = () => {},
): Promise<Outcome> {
  const unshare = ["--mount", "--propagation", "private", "--", process.execPath, script, ...args];
  const child = spawn("unshare", unshare, { stdio: ["ignore", "pipe", "pipe"] });
  const outcome: Outcome = { code: null, stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    outcome.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    outcome.stderr += text;
  });
  onStart(child);
  await once(child, "close");
  return { ...outcome, code: child.exitCode };
}
