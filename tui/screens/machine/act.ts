import type { LocalAction, LocalMachineView } from "../../../core/model/local-machines.ts";
import { PhrasePrompt } from "../../widgets/phrase.ts";
import { confirmScreen } from "../confirm.ts";
import { jobLogScreen } from "../job-log.ts";
import type { Control, Screen } from "../screen.ts";

/** What has to be typed before a machine's power is taken: the word that switches this node off is another one. */
const phrase = "OFF";

/** Asks whether it is meant, says what it means for a machine of a cloud, and shows the job. */
export function actOn(control: Control, under: Screen, view: LocalMachineView, action: LocalAction): void {
  if (action === "powerOff") {
    control.open(powerOffScreen(control, view));
    return;
  }
  const { t } = control.view();
  const { name, ofCloud } = view.machine;
  const question = t(`machine.sure.${action}`, { name });
  const message = ofCloud ? `${question}\n\n${t("machine.cloudNotices")}` : question;
  control.open(
    confirmScreen(control, under, { message, style: "warn", help: "help.machine" }, () => {
      void begin(control, view, action).then((screen) => {
        if (screen !== undefined) control.open(screen);
      });
    }),
  );
}

function powerOffScreen(control: Control, view: LocalMachineView): Screen {
  const { t } = control.view();
  const { name, ofCloud } = view.machine;
  const prompt = new PhrasePrompt({
    question: () => t("machine.sure.powerOff", { name }),
    impact: () => [
      { text: t("machine.powerLost"), style: "bad" },
      ...(ofCloud ? ([{ text: t("machine.cloudNotices"), style: "warn" }] as const) : []),
    ],
    phrase,
    onConfirm: () => {
      void begin(control, view, "powerOff").then((next) => {
        if (next === undefined) prompt.reset();
        else control.replace(screen, next);
      });
    },
  });
  const screen: Screen = {
    title: "machine.title",
    help: "help.machine",
    typing: () => true,
    draw: (canvas, { t }) => prompt.draw(canvas.part(2, 1, canvas.width - 4, canvas.height - 2), t),
    key: (key) => prompt.key(key),
  };
  return screen;
}

/** The job's screen; undefined when it was refused, which the person was told. */
async function begin(
  control: Control,
  { machine }: LocalMachineView,
  action: LocalAction,
): Promise<Screen | undefined> {
  const { uuid, ofCloud } = machine;
  const body = { uuid, action, toldOfCloud: ofCloud };
  const job = await control.attempt(() => control.client.call("startMachineJob", { body }));
  return job === undefined ? undefined : jobLogScreen(control, job.id);
}
