import { spawn } from "node:child_process";

/** What stops the build; the message is for the person who started it. */
export class IsoError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export type RunMore = { env?: Readonly<Record<string, string>>; cwd?: string; input?: string; timeoutMs?: number };

/**
 * Runs a program of the build to its end and gives its output.
 * @throws IsoError ISO.TOOL with the last lines of what it said when it fails, is absent or takes too long.
 */
export async function run(program: string, args: readonly string[], more: RunMore = {}): Promise<string> {
  const { timeoutMs = 900_000 } = more;
  const child = spawn(program, [...args], {
    // Messages and sorting must not depend on who builds.
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C.UTF-8", TZ: "UTC", HOME: "/root", ...more.env },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: timeoutMs,
    ...(more.cwd === undefined ? {} : { cwd: more.cwd }),
  });
  let output = "";
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-20_000);
  });
  child.stdin.on("error", () => {});
  child.stdin.end(more.input ?? "");
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", (error) => {
    reject(new IsoError("ISO.TOOL", `${program} can't be started: ${error.message}.`));
  });
  child.once("close", (code) => resolve(code));
  const code = await promise;
  if (code === 0) return output;
  const lines = `${said}\n${output}`.trim().split("\n").slice(-15).join("\n");
  const how = code === null ? `was stopped (limit ${timeoutMs / 1000} s)` : `ended with status ${code}`;
  throw new IsoError("ISO.TOOL", `${program} ${args.slice(0, 6).join(" ")} … ${how}:\n${lines}`);
}
