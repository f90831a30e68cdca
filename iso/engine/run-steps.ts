import { NodeError } from "../../core/model/error.ts";
import { type InstallFailure, type InstallStep, installSteps } from "../../core/model/installation/protocol.ts";
import { bootloader } from "./steps/bootloader.ts";
import { check } from "./steps/check.ts";
import { configure } from "./steps/configure.ts";
import { copy } from "./steps/copy.ts";
import { finish } from "./steps/finish.ts";
import { format } from "./steps/format.ts";
import { partition } from "./steps/partition.ts";
import { verify } from "./steps/verify.ts";
import { CommandFailure, type StepContext } from "./work.ts";

export type Step = (context: StepContext) => Promise<void>;

const steps: Readonly<Record<InstallStep, Step>> = {
  check,
  partition,
  format,
  copy,
  verify,
  configure,
  bootloader,
  finish,
};

/**
 * Runs the steps from `from` to the last. Each can be run again: it makes anew what it finds half done.
 * @returns what failed; undefined when nothing did
 */
export async function runSteps(
  from: InstallStep,
  context: StepContext,
  onStep: (step: InstallStep) => void,
  table: Readonly<Record<InstallStep, Step>> = steps,
): Promise<InstallFailure | undefined> {
  for (const step of installSteps.slice(installSteps.indexOf(from))) {
    onStep(step);
    context.log(`== ${step}`);
    try {
      context.signal.throwIfAborted();
      await table[step](context);
      context.share(1);
    } catch (error) {
      const failure = failureOf(step, error);
      context.log(`${failure.code}: ${failure.description}`);
      return failure;
    }
  }
  return undefined;
}

/** What a technician is told of a step that failed. */
export function failureOf(step: InstallStep, error: unknown): InstallFailure {
  if (error instanceof CommandFailure)
    return {
      step,
      code: "STEP.COMMAND",
      description: `${error.message} It was run for: ${error.reason}.`,
      remedy: "Look at its last lines and at the log, mend what they name, and try again.",
      command: error.command,
      lastLines: error.lastLines,
    };
  if (error instanceof NodeError)
    return {
      step,
      code: error.code,
      description: error.message,
      remedy: error.remedy ?? "Look at the log, then try again.",
      command: null,
      lastLines: [],
    };
  return {
    step,
    code: "STEP.FAILED",
    description: error instanceof Error ? error.message : String(error),
    remedy: "Look at the log, then try again.",
    command: null,
    lastLines: [],
  };
}
