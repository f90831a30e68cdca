import { installPackages } from "../../scripts/dev/test-packages.ts";

type Need = { readonly isMet: () => boolean; readonly why: string };

/** Namespaces, mounts, file trees with their owners. */
export const root: Need = { isMet: () => process.getuid?.() === 0, why: "needs root, for namespaces and file trees" };
export const emulator: Need = {
  isMet: () => process.arch === "x64",
  why: "the guest is an x86_64 machine, and this one is not",
};

/**
 * Why a long bed can't run here, after its packages were installed; undefined when it can.
 *
 * @param purposes those of `scripts/dev/test-packages.ts`
 */
export async function whyNot(
  needs: readonly Need[],
  purposes: readonly ("long" | "iso")[] = ["long"],
): Promise<string | undefined> {
  const unmet = needs.find(({ isMet }) => !isMet());
  if (unmet !== undefined) return unmet.why;
  const absent = [];
  for (const purpose of purposes) absent.push(...(await installPackages(purpose)));
  return absent.length === 0 ? undefined : `needs the packages ${absent.map(({ name }) => name).join(", ")}`;
}

/** The `skip` of a bed's tests: with CI=true they run, and fail by their first assertion. */
export function skipFor(why: string | undefined): string | false {
  return why !== undefined && process.env["CI"] !== "true" ? why : false;
}
