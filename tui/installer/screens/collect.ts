import { wrap } from "../../terminal/width.ts";
import { TextField } from "../../widgets/fields.ts";
import { Form } from "../../widgets/form.ts";
import type { Control, Screen } from "../screen.ts";

/** Puts the log and the hardware report on a USB stick, or sends them to a web address. */
export function collectScreen(control: Control): Screen {
  const t = () => control.view().t;
  const to = new TextField({
    label: () => t()("install.collect.to"),
    hint: () => t()("install.collect.hint"),
    value: firstStick(control),
    maxLength: 500,
    width: 50,
    validate: (value) =>
      /^(https?:\/\/\S+|[a-z][\w-]*)$/i.test(value.trim()) ? undefined : t()("install.collect.noPlace"),
  });
  const form = new Form({ fields: [to], submit: () => t()("install.collect.go"), onSubmit: () => collect() });

  async function collect(): Promise<void> {
    let place = "";
    const went = await control.attempt(async () => {
      place = (await control.client.call("collect", { to: to.value.trim() })).place;
    });
    if (!went) return;
    control.close(screen);
    control.notify(t()("install.collect.done", { place }), "good");
  }

  const screen: Screen = {
    title: "install.collect.title",
    help: "install.help.collect",
    hints: () => [["Enter", "install.hint.collect"]],
    typing: () => form.typing,
    draw(canvas, view) {
      const lines = wrap(view.t("install.collect.about"), canvas.width - 4);
      lines.forEach((line, i) => canvas.text(2, 1 + i, line));
      form.draw(canvas.part(2, lines.length + 2, canvas.width - 4, 6), view.t);
    },
    key: (key) => form.key(key),
  };
  return screen;
}

/** The first file system on a USB disk, which may be the stick that somebody has just put in. */
function firstStick(control: Control): string {
  const disks = control.view().state.hardware?.disks ?? [];
  const sticks = disks.filter(({ bus, unusable }) => bus === "usb" && unusable !== "medium");
  return sticks.flatMap(({ contents }) => contents).find(({ type }) => type !== null)?.device ?? "";
}
