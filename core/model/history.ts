import * as z from "zod/mini";
import type { Millis } from "./reading.ts";

/**
 * A figure over time in buckets of equal length, oldest first. `null` is a bucket in which nothing was measured.
 * The last bucket is the one that is still being filled: its value is the mean so far.
 */
export const series = z.object({
  stepMs: z.number(),
  /** Number of the last bucket: the time divided by `stepMs`, rounded down. */
  bucket: z.number(),
  values: z.array(z.nullable(z.number())),
  /** How many samples the last bucket's mean stands for. */
  samples: z.number(),
});
export type Series = z.infer<typeof series>;

export const histories = z.object({ cpu: series, memory: series });
export type Histories = z.infer<typeof histories>;

/** One hour in steps of ten seconds: 32 columns at 80x24 show five minutes. */
export const historyStepMs = 10_000;
export const historyLength = 360;

export function emptySeries(): Series {
  return { stepMs: historyStepMs, bucket: 0, values: [], samples: 0 };
}

/**
 * The series with one more sample. A step of the clock backwards starts a new bucket rather than rewriting old ones;
 * a gap (the machine slept, the agent was away) becomes empty buckets.
 */
export function addSample(s: Series, at: Millis, value: number): Series {
  const bucket = Math.floor(at / s.stepMs);
  const last = s.values.at(-1);
  if (bucket === s.bucket && last !== undefined && last !== null) {
    const mean = (last * s.samples + value) / (s.samples + 1);
    return { ...s, values: [...s.values.slice(0, -1), mean], samples: s.samples + 1 };
  }
  const gap = s.values.length === 0 ? 0 : Math.min(Math.max(bucket - s.bucket - 1, 0), historyLength);
  const values = [...s.values, ...Array<null>(gap).fill(null), value].slice(-historyLength);
  return { stepMs: s.stepMs, bucket, values, samples: 1 };
}
