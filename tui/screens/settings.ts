import type { PublicView } from "../../core/model/records.ts";
import { publicViews } from "../../core/model/records.ts";
import { ChoiceField, type ChoiceOption, TextField } from "../widgets/fields.ts";
import { Form } from "../widgets/form.ts";
import type { Control, Screen } from "./screen.ts";

/** What holds for all consoles of this node: lock time, public view, the address that Test Network offers. */
export function settingsScreen(control: Control): Screen {
  const t = () => control.view().t;
  const settings = control.view().state.nodeSettings;
  const lock = new TextField({
    label: () => t()("settings.lock"),
    value: String(settings?.lockMinutes ?? 10),
    maxLength: 2,
    width: 4,
    allowed: (char) => /\d/.test(char),
    validate: (value) => (Number(value) >= 1 && Number(value) <= 60 ? undefined : t()("settings.lockRange")),
  });
  const [first, ...rest] = publicViews.map(
    (view): ChoiceOption<PublicView> => ({ value: view, text: () => t()(`settings.view.${view}`) }),
  );
  const view = new ChoiceField<PublicView>({
    label: () => t()("settings.view"),
    options: [first ?? { value: "panels", text: () => t()("settings.view.panels") }, ...rest],
    value: settings?.publicView ?? "panels",
    width: 50,
  });
  const ping = new TextField({
    label: () => t()("settings.ping"),
    value: settings?.pingTarget ?? "",
    maxLength: 253,
    width: 40,
    validate: (value) => (value.trim() === "" ? t()("settings.pingEmpty") : undefined),
  });
  const form = new Form({
    fields: [lock, view, ping],
    submit: () => t()("settings.go"),
    onSubmit: async () => {
      const saved = await control.attempt(() =>
        control.client.call("setNodeSettings", {
          body: { lockMinutes: Number(lock.value), publicView: view.value, pingTarget: ping.value.trim() },
        }),
      );
      if (saved === undefined) return;
      control.close(screen);
      control.notify(t()("settings.saved"), "good");
    },
  });
  const screen: Screen = {
    title: "settings.title",
    help: "help.settings",
    hints: () => [["Tab", "hint.next"]],
    typing: () => form.typing,
    draw: (canvas, { t }) => form.draw(canvas.part(2, 1, canvas.width - 4, canvas.height - 2), t),
    key: (key) => form.key(key),
  };
  return screen;
}
