import * as z from "zod/mini";

/** What every call answers when it can't do what was asked. The same shape on every interface. */
export const errorBody = z.object({
  error: z.object({
    /** Stable, for programs: AREA.WHAT. */
    code: z.string(),
    /** One sentence: what happened, to what, and why. */
    description: z.string(),
    /** What the person can do now. */
    remedy: z.optional(z.string()),
    /** Figures that a program may use, such as `retryAfterMs`. */
    values: z.optional(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))),
  }),
});
export type ErrorBody = z.infer<typeof errorBody>;

/** An error that a person will read: it says what, where, why and what to do, with a code for programs. */
export class NodeError extends Error {
  readonly code: string;
  readonly remedy: string | undefined;
  readonly values: Record<string, string | number | boolean>;

  constructor(
    code: string,
    description: string,
    more: { remedy?: string; values?: Record<string, string | number | boolean>; cause?: unknown } = {},
  ) {
    super(description, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = "NodeError";
    this.code = code;
    this.remedy = more.remedy;
    this.values = more.values ?? {};
  }

  toBody(): ErrorBody {
    return {
      error: {
        code: this.code,
        description: this.message,
        ...(this.remedy === undefined ? {} : { remedy: this.remedy }),
        ...(Object.keys(this.values).length === 0 ? {} : { values: this.values }),
      },
    };
  }
}
