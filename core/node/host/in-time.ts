import { NodeError } from "../../model/error.ts";

/**
 * What the hypervisor says, or an error when it does not answer in time, nor to being called off.
 * @throws NodeError HYPERVISOR.HANGS, or the action's own error
 */
export async function withinTime<T>(
  after: (delayMs: number, action: () => void) => () => void,
  limitMs: number,
  what: string,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const cancel = after(limitMs, () => {
    reject(
      new NodeError("HYPERVISOR.HANGS", `The hypervisor has not told ${what} within ${limitMs} ms.`, {
        remedy: "See whether it or its storage hangs; restart libvirt.",
      }),
    );
    controller.abort();
  });
  try {
    return await Promise.race([action(controller.signal), promise]);
  } finally {
    cancel();
  }
}
