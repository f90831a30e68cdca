import { NodeError } from "../../model/error.ts";
import { errnoOf, whyNotWritten } from "../durable.ts";

/** Every refusal and failure of an upgrade says what to do. */
export function problem(
  code: `UPGRADE.${string}`,
  description: string,
  remedy: string,
  values: Record<string, string | number> = {},
): NodeError {
  return new NodeError(code, description, { remedy, values });
}

/** Does something to files; an error of the system becomes UPGRADE.FAILED with the reason. */
export async function doing<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (errnoOf(error) === undefined || error instanceof NodeError) throw error;
    throw new NodeError("UPGRADE.FAILED", `${what} failed because ${whyNotWritten(error)}.`, {
      remedy: "The running system is untouched. Remove the reason and start the upgrade again.",
      values: { what },
      cause: error,
    });
  }
}

/** As `1.4 GiB`, for sentences. */
export function inWords(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const nth = Math.min(bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const amount = bytes / 1024 ** nth;
  return `${nth === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${units[nth]}`;
}
