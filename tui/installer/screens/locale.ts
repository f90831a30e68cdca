import { timeZones } from "../../../core/model/installation/locales.ts";
import { wrap } from "../../terminal/width.ts";
import { ChoiceField } from "../../widgets/fields.ts";
import { PickField, ReadyForm } from "../fields.ts";
import { keyboards, zoneWords } from "../places.ts";
import type { Control, Screen } from "../screen.ts";
import { pickScreen } from "./pick.ts";

type LanguageAnswer = "en_US" | "zh_CN";

/** Step 1: language, keyboard and time zone. */
export function localePage(control: Control): Screen {
  const t = () => control.view().t;
  const { draft, hardware } = control.known();
  let { keyboard, timezone } = draft.locale;
  const now = hardware.clock.now;

  const chinese = { value: "zh_CN" as const, text: () => t()("install.language.zh_CN") };
  const english = { value: "en_US" as const, text: () => t()("install.language.en_US") };
  const showsChinese = control.canShow("zh") || draft.locale.language === "zh_CN";
  const language = new ChoiceField<LanguageAnswer>({
    label: () => t()("install.language"),
    options: showsChinese ? [english, chinese] : [english],
    value: draft.locale.language,
    ...(showsChinese ? {} : { hint: () => t()("install.language.only") }),
  });
  const keyboardWords = (id: string) => t().find(`install.keyboard.${id}`) ?? id;
  const form = new ReadyForm({
    fields: [
      language,
      new PickField({
        label: () => t()("install.keyboard"),
        hint: () => t()("install.pickHint"),
        text: () => keyboardWords(keyboard),
        onPick: () =>
          control.open(
            pickScreen(
              control,
              "install.keyboard",
              keyboards.map((id) => ({ id, text: keyboardWords(id) })),
              keyboard,
              (id) => {
                keyboard = id;
              },
            ),
          ),
      }),
      new PickField({
        label: () => t()("install.timezone"),
        hint: () => t()("install.pickHint"),
        text: () => zoneWords(timezone, now),
        onPick: () =>
          control.open(
            pickScreen(
              control,
              "install.timezone",
              timeZones().map((id) => ({ id, text: zoneWords(id, now) })),
              timezone,
              (id) => {
                timezone = id;
              },
            ),
          ),
      }),
    ],
    submit: () => t()("install.continue"),
    onSubmit: async () => {
      const answers = { language: language.value, keyboard, timezone };
      if (await control.attempt(() => control.client.call("setLocale", answers))) control.next();
    },
  });

  return {
    title: "install.locale.title",
    help: "install.help.locale",
    hints: () => [["Enter", "install.hint.next"]],
    enter: () => form.restart(),
    typing: () => form.typing,
    draw(canvas, view) {
      wrap(view.t("install.welcome"), canvas.width - 4).forEach((line, i) => {
        canvas.text(2, 1 + i, line);
      });
      form.draw(canvas.part(2, 5, canvas.width - 4, canvas.height - 6), view.t);
    },
    key(key) {
      const used = form.key(key);
      control.preview(language.value === "zh_CN" ? "zh" : "en");
      return used;
    },
  };
}
