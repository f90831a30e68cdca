import type { InstallerState } from "../../../core/model/installation/protocol.ts";
import type { Style } from "../../terminal/canvas.ts";
import { wrap } from "../../terminal/width.ts";
import { formatBytes, formatDateTime, formatPercent } from "../../widgets/format.ts";
import { machineProblems, problemWords } from "../problems.ts";
import type { Control, Known, Screen, View } from "../screen.ts";

type Verdict = "pass" | "warn" | "fail" | "wait";
/** A line of the page: what was looked at, what was found, and what to do about it. */
type Check = { name: string; verdict: Verdict; found: string; remedy?: string };

const verdictStyle: Record<Verdict, Style> = { pass: "good", warn: "warn", fail: "bad", wait: "dim" };

/** Step 3: what the hardware is like. Nothing here keeps anybody from going on. */
export function checksPage(control: Control): Screen {
  return {
    title: "install.checks.title",
    help: "install.help.checks",
    hints: () => [
      ["Enter", "install.hint.next"],
      ["r", "install.hint.lookAgain"],
    ],
    draw(canvas, view) {
      const { t } = view;
      const checks = checksOf(view, control.known());
      const nameAt = 9;
      const foundAt = 26;
      let y = 1;
      for (const { name, verdict, found, remedy } of checks) {
        canvas.text(2, y, t(`install.verdict.${verdict}`), verdictStyle[verdict]);
        canvas.text(nameAt, y, name, "strong", foundAt - nameAt - 1);
        for (const line of wrap(found, canvas.width - foundAt - 2)) canvas.text(foundAt, y++, line);
        if (remedy === undefined) continue;
        for (const line of wrap(remedy, canvas.width - foundAt - 2)) canvas.text(foundAt, y++, line, "dim");
      }
    },
    key(key) {
      if (key.name === "enter") control.next();
      else if (key.name === "char" && key.text === "r") void control.attempt(() => control.client.call("probe", {}));
      else return false;
      return true;
    },
  };
}

function checksOf(view: View, known: Known): Check[] {
  const { t, state } = view;
  const { draft, hardware } = known;
  const problems = machineProblems(known, draft.role);
  const usable = hardware.disks.filter(({ unusable }) => unusable === null).length;
  const failing = hardware.disks.filter(({ health }) => health === "failing").map(({ name }) => name);
  const withCarrier = hardware.links.filter(({ carrier }) => carrier === true).length;
  /** A line that warns when the model does. */
  const judged = (name: string, found: string, ...codes: string[]): Check => {
    const problem = problems.find(({ code }) => codes.includes(code));
    return check(name, found, problem === undefined ? undefined : problemWords(t, problem));
  };
  const diskTrouble =
    usable === 0
      ? t("install.disks.none")
      : failing.length === 0
        ? undefined
        : t("install.disks.failing", { disks: failing.join(", ") });
  return [
    judged(t("install.check.cpu"), t("install.cpus", { count: hardware.cpus }), "HARDWARE.CPUS"),
    judged(
      t("install.check.virtualization"),
      t(`install.virtualization.${hardware.virtualization}`),
      "HARDWARE.VIRTUALIZATION_OFF",
      "HARDWARE.VIRTUALIZATION_ABSENT",
    ),
    judged(t("install.check.memory"), formatBytes(hardware.memoryBytes), "HARDWARE.MEMORY"),
    check(t("install.check.disks"), t("install.disks", { count: hardware.disks.length, usable }), diskTrouble),
    check(
      t("install.check.network"),
      t("install.links", { count: hardware.links.length, up: withCarrier }),
      withCarrier > 0 ? undefined : t("install.links.remedy"),
    ),
    judged(t("install.check.clock"), formatDateTime(hardware.clock.now), "HARDWARE.CLOCK"),
    check(
      t("install.check.firmware"),
      t(hardware.firmware === "bios" ? "install.firmware.bios" : secureBootKey(hardware.secureBoot)),
      undefined,
    ),
    mediumCheck(t, state.medium),
  ];
}

function secureBootKey(on: boolean): "install.firmware.secure" | "install.firmware.uefi" {
  return on ? "install.firmware.secure" : "install.firmware.uefi";
}

function check(name: string, found: string, trouble: string | undefined): Check {
  return trouble === undefined ? { name, verdict: "pass", found } : { name, verdict: "warn", found, remedy: trouble };
}

function mediumCheck(t: View["t"], medium: InstallerState["medium"]): Check {
  const name = t("install.check.medium");
  switch (medium.check) {
    case "running":
      return { name, verdict: "wait", found: t("install.medium.running", { share: formatPercent(medium.share) }) };
    case "pass":
      return { name, verdict: "pass", found: t("install.medium.pass") };
    case "skipped":
      return { name, verdict: "wait", found: t("install.medium.skipped") };
    case "fail":
      return {
        name,
        verdict: "fail",
        found: t("install.medium.fail", { file: medium.file ?? "-" }),
        remedy: t("install.medium.remedy"),
      };
  }
}
