import * as z from "zod/mini";
import { NodeError } from "../error.ts";
import { type CloudErrorCode, cloudErrors } from "./error-codes.ts";

/** Why something is not done. Nothing has changed. */
export type Refusal = {
  code: CloudErrorCode;
  /** What: the sentence of the code, the same for all its cases. */
  description: string;
  /** The resource or the field, as a path: `VmInstance web-1`, `nics.0.mac`. */
  where: string;
  /** Why, in this case. */
  details: string;
  remedy: string;
  values: Readonly<Record<string, string | number | boolean>>;
};

/** What comes next, or why nothing does. */
export type Outcome<T> = { done: true; next: T } | { done: false; refusal: Refusal };

type Case = { where: string; details: string; remedy: string; values?: Refusal["values"] };

export function refusalOf(code: CloudErrorCode, { where, details, remedy, values = {} }: Case): Refusal {
  return { code, description: cloudErrors[code], where, details, remedy, values };
}

export function refuse(code: CloudErrorCode, given: Case): { done: false; refusal: Refusal } {
  return { done: false, refusal: refusalOf(code, given) };
}

export function done<T>(next: T): { done: true; next: T } {
  return { done: true, next };
}

export type CloudErrorContent = {
  code: string;
  description: string;
  details: string;
  where?: string;
  remedy?: string;
  values?: Record<string, string | number | boolean>;
  /** What led to it, for instance an error of a host's agent. */
  cause?: CloudErrorContent;
};

export const cloudErrorContent: z.ZodMiniType<CloudErrorContent> = z.lazy(() =>
  z.object({
    code: z.string(),
    description: z.string(),
    details: z.string(),
    where: z.exactOptional(z.string()),
    remedy: z.exactOptional(z.string()),
    values: z.exactOptional(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))),
    cause: z.exactOptional(cloudErrorContent),
  }),
);

/** What every call of the cloud answers when it fails. Source: ../shared/spec/cloud.md, "Errors". */
export const cloudErrorBody = z.object({ error: cloudErrorContent });
export type CloudErrorBody = z.infer<typeof cloudErrorBody>;

/** A refusal as an error; `cause`: the error that led to it. */
export class CloudError extends NodeError {
  readonly refusal: Refusal;

  constructor(refusal: Refusal, cause?: unknown) {
    super(refusal.code, `${refusal.description}: ${refusal.details}`, {
      remedy: refusal.remedy,
      values: { ...refusal.values },
      ...(cause === undefined ? {} : { cause }),
    });
    this.name = "CloudError";
    this.refusal = refusal;
  }

  override toBody(): CloudErrorBody {
    const { code, description, where, details, remedy, values } = this.refusal;
    const cause = this.cause === undefined || isOfSystem(this.cause) ? undefined : contentOf(this.cause);
    return {
      error: {
        code,
        description,
        details,
        where,
        remedy,
        ...(Object.keys(values).length === 0 ? {} : { values: { ...values } }),
        ...(cause === undefined ? {} : { cause }),
      },
    };
  }
}

/** The system's own word, such as ECONNREFUSED: whoever made an error of it has said what it means. */
function isOfSystem(error: unknown): boolean {
  return error instanceof Error && !(error instanceof NodeError) && "syscall" in error;
}

/** An error as it is told. Of one that was not made to be read, only that there was one: its text may hold a secret. */
export function contentOf(error: unknown): CloudErrorContent {
  if (error instanceof CloudError) return error.toBody().error;
  if (!(error instanceof NodeError))
    return { code: "SYS.UNEXPECTED", description: "An unexpected error", details: "The manager's log has it." };
  const { code, message, remedy, values } = error;
  return { code, description: message, details: message, ...(remedy === undefined ? {} : { remedy }), values };
}
