import type { Disk } from "../../core/model/facts.ts";
import type { Translate } from "../i18n/catalogue.ts";

/**
 * Why a disk is failing or its health not known, in the console's language as far as the catalogue has the words; what
 * it has not is said as the drive or the tool said it.
 */
export function healthWhy(t: Translate, disk: Disk): string {
  const { health, healthWhy: why } = disk;
  if (why === null) return "";
  if (health === "unknown") return t.find(`disk.why.${why}`) ?? why;
  return why
    .split(", ")
    .map((fault) => {
      const [, count = "", what = fault] = /^(\d+) (.*)$/.exec(fault) ?? [];
      return t.find(`disk.fault.${what}`, { count }) ?? fault;
    })
    .join(", ");
}
