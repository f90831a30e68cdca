import type { Draft, DraftProblem } from "./draft.ts";
import { error } from "./problem.ts";

/** X keyboard layouts that a console knows as well. Source: xkeyboard-config, base.lst, without its `custom`. */
export const keyboardLayouts: readonly string[] = (
  "af al am ara at au az ba bd be bg br brai bt bw by ca cd ch cm cn cz de dk dz ee eg epo es et fi fo fr gb ge gh gn " +
  "gr hr hu id ie il in iq ir is it jp ke kg kh kr kz la latam lk lt lv ma md me mk ml mm mn mt mv my ng nl no np nz " +
  "ph pk pl pt ro rs ru se si sk sn sy tg th tj tm tr tw tz ua us uz vn za"
).split(" ");

/** Names of the time zone database, the newer of two names for a place. */
export function timeZones(): readonly string[] {
  return [...new Set([...Intl.supportedValuesOf("timeZone"), "UTC"])].sort();
}

/** What is wrong with keyboard and time zone. Older names of a time zone, such as `Asia/Calcutta`, are known too. */
export function localeProblems(locale: Draft["locale"]): DraftProblem[] {
  const problems: DraftProblem[] = [];
  if (!keyboardLayouts.includes(locale.keyboard)) {
    problems.push(
      error("LOCALE.KEYBOARD", "locale.keyboard", {
        description: `There is no keyboard layout ${JSON.stringify(locale.keyboard)}.`,
        remedy: "Give the short name of a layout, such as us, gb, de or cn.",
        values: { given: locale.keyboard },
      }),
    );
  }
  if (!isTimeZone(locale.timezone)) {
    problems.push(
      error("LOCALE.TIMEZONE", "locale.timezone", {
        description: `There is no time zone ${JSON.stringify(locale.timezone)}.`,
        remedy: "Give a name of the time zone database, such as Asia/Shanghai, Europe/Berlin or UTC.",
        values: { given: locale.timezone },
      }),
    );
  }
  return problems;
}

function isTimeZone(name: string): boolean {
  if (name === "UTC") return true;
  // Intl takes any case and offsets such as +08:00; the files of the database have one spelling.
  if (!/^[A-Z][A-Za-z]+(\/[A-Z][\w+-]*)+$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
