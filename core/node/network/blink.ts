import { NodeError } from "../../model/error.ts";
import type { Effects } from "../effects.ts";

/** Blinking ports by name, so that a second request ends the first. */
const blinking = new Map<string, AbortController>();

/**
 * Lets the LED beside a socket blink, so that a person finds the cable; 0 seconds ends it. Resolves when it has begun.
 *
 * @throws NET.NO_LED the card's driver can't do that
 */
export async function blink({ change }: Pick<Effects, "change">, link: string, seconds: number): Promise<void> {
  blinking.get(link)?.abort();
  blinking.delete(link);
  if (seconds === 0) return;
  const abort = new AbortController();
  blinking.set(link, abort);
  const run = change("ethtool", ["-p", link, String(seconds)], {
    timeoutMs: (seconds + 5) * 1000,
    signal: abort.signal,
    reason: `find the cable of ${link}`,
  });
  const ended = run.then(
    ({ code, stderr }) => (code === 0 ? undefined : stderr.trim()),
    (error: unknown) => (abort.signal.aborted || !(error instanceof Error) ? undefined : error.message),
  );
  void ended.then(() => blinking.get(link) === abort && blinking.delete(link));
  // A driver that can't do it says so at once; one that can blinks on.
  const why = await Promise.race([ended, new Promise<undefined>((resolve) => setTimeout(resolve, 300, undefined))]);
  if (why === undefined) return;
  throw new NodeError("NET.NO_LED", `The LED of ${link} can't be made to blink: ${why.replace(/\.$/, "")}.`, {
    remedy: "Pull the cable for a moment, and look which interface loses its carrier.",
    values: { link },
  });
}
