import { installRoles } from "../../../core/model/installation/draft.ts";
import { wrap } from "../../terminal/width.ts";
import { marker } from "../../widgets/list.ts";
import { stepOf } from "../../widgets/rows.ts";
import { machineProblems, problemWords } from "../problems.ts";
import type { Control, Screen } from "../screen.ts";

/** What a role asks of a machine; the rest is the next page's. */
const shownHere: ReadonlySet<string> = new Set(["HARDWARE.CPUS", "HARDWARE.MEMORY"]);

/** Step 2: what the machine is to be. All four are described at once, so that nobody has to look for the others. */
export function rolePage(control: Control): Screen {
  let role = control.known().draft.role;
  const move = (by: number) => {
    const at = Math.max(Math.min(installRoles.indexOf(role) + by, installRoles.length - 1), 0);
    role = installRoles[at] ?? role;
  };
  return {
    title: "install.role.title",
    help: "install.help.role",
    hints: () => [["Enter", "install.hint.next"]],
    draw(canvas, view) {
      const { t } = view;
      let y = 1;
      for (const one of installRoles) {
        if (one === role) canvas.text(2, y, marker, "selected");
        canvas.text(4, y, t(`role.${one}`), one === role ? "selected" : "strong");
        y++;
        for (const line of wrap(t(`install.role.${one}`), canvas.width - 8)) canvas.text(6, y++, line);
        y++;
      }
      const lacks = machineProblems(control.known(), role).filter(({ code }) => shownHere.has(code));
      const lines = lacks.map((problem) => problemWords(t, problem));
      if (lines.length > 0) lines.push(t("install.mayGoOn"));
      for (const line of lines) for (const row of wrap(line, canvas.width - 4)) canvas.text(2, y++, row, "warn");
    },
    key(key) {
      const step = stepOf(key);
      if (step !== undefined) {
        move(step.pages === true ? Math.sign(step.by) * installRoles.length : step.by);
        return true;
      }
      if (key.name !== "enter") return false;
      void control
        .attempt(() => control.client.call("setRole", { role }))
        .then((went) => (went ? control.next() : undefined));
      return true;
    },
  };
}
