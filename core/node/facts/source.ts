import * as z from "zod";
import { NodeError } from "../../model/error.ts";
import type { FactName, FactValue } from "../../model/facts.ts";
import type { Missing, Reading } from "../../model/reading.ts";
import type { Machine } from "../machine.ts";

/**
 * Where one fact comes from. `read` gives the value, or throws: a `FactMissing` when it knows why there is none, any
 * other error otherwise. It may keep things that never change between two reads.
 */
export type Source<N extends FactName> = {
  name: N;
  everyMs: number;
  /** How often while nobody watches. */
  idleEveryMs: number;
  /** A read that takes longer is abandoned. At most two periods count, so that no value gets older than three. */
  budgetMs: number;
  read(machine: Machine, signal: AbortSignal): Promise<Values[N]>;
  /** Calls `changed` when the kernel says that something has changed; gives a function that ends it. */
  watch?(machine: Machine, changed: () => void): () => void;
  /** After a change it is read at most once in this time; a second unless told. */
  quietMs?: number;
};

export type Sources = { [N in FactName]: Source<N> };
export type Values = { [N in FactName]: FactValue<N> };
export type Readings = { [N in FactName]: Reading<Values[N]> };

/** There is no value, and this is why. */
export class FactMissing extends Error {
  readonly why: Missing;

  constructor(code: Missing["code"], detail: string) {
    super(`${code}: ${detail}`);
    this.name = "FactMissing";
    this.why = { code, detail };
  }
}

const codeOfError: Record<string, Missing["code"]> = {
  "RUN.NOT_FOUND": "notInstalled",
  "RUN.DENIED": "denied",
  "RUN.TIMEOUT": "timeout",
  "RUN.ABORTED": "timeout",
  "RUN.TOO_LONG": "nonsense",
  "FILE.ABSENT": "absent",
  "FILE.DENIED": "denied",
};

/** Why an attempt failed, for whatever reason it did. */
export function whyOf(error: unknown): Missing {
  if (error instanceof FactMissing) return error.why;
  if (error instanceof NodeError) {
    const code = codeOfError[error.code];
    const subject = error.values["command"] ?? error.values["path"];
    return code === undefined || subject === undefined
      ? { code: code ?? "failed", detail: error.message }
      : { code, detail: String(subject) };
  }
  if (error instanceof z.ZodError) return { code: "nonsense", detail: firstIssue(error) };
  return { code: "failed", detail: error instanceof Error ? error.message : String(error) };
}

/** What a tool printed as JSON, checked. Throws `nonsense` with the tool's name when it isn't what it should be. */
export function parseJson<T extends z.ZodType>(schema: T, text: string, from: string): z.infer<T> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new FactMissing("nonsense", from);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new FactMissing("nonsense", `${from}: ${firstIssue(parsed.error)}`);
  return parsed.data;
}

/** Runs a command that must succeed and gives what it printed. */
export async function runText(
  machine: Machine,
  command: string,
  args: readonly string[],
  limits: { timeoutMs: number; signal: AbortSignal },
): Promise<string> {
  const { code, stdout, stderr } = await machine.run(command, args, limits);
  if (code !== 0) throw commandFailed(command, stderr);
  return stdout;
}

/** The failure that a command's own words tell of. */
export function commandFailed(command: string, stderr: string): FactMissing {
  if (/not been booted with systemd|failed to connect to bus/i.test(stderr))
    return new FactMissing("notRunning", "systemd");
  const said = (stderr.trim().split("\n")[0] ?? "").replace(`${command}: `, "");
  const code = failures.find(([pattern]) => pattern.test(stderr))?.[1] ?? "failed";
  return new FactMissing(code, said === "" ? command : `${command}: ${said.slice(0, 200)}`);
}

const failures: [RegExp, Missing["code"]][] = [
  [/permission denied|access denied|not permitted|authentication/i, "denied"],
  [/host is down|connection refused/i, "notRunning"],
];

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue === undefined ? "" : `${issue.path.join(".")} ${issue.message}`.trim();
}
