import {
  type ConsoleProxyProblem,
  type ConsoleProxyState,
  consoleProxyProblem,
} from "../../core/model/console-proxy.ts";
import { wrap } from "../terminal/width.ts";
import { TextField } from "../widgets/fields.ts";
import { Form } from "../widgets/form.ts";
import { confirmScreen } from "./confirm.ts";
import type { Control, Screen } from "./screen.ts";

/** Configure Console Proxy: address and port, filled in with the present values; confirmed with Y. */
export function consoleProxyScreen(control: Control): Screen {
  let present: ConsoleProxyState | undefined;
  let saving = false;
  const t = () => control.view().t;
  /** The sentence for a problem that is this field's. */
  const problem = (...own: ConsoleProxyProblem[]) => {
    const found = consoleProxyProblem(address.value.trim(), port.value.trim());
    return found !== undefined && own.includes(found) ? t()(`error.${found}`) : undefined;
  };
  const address: TextField = new TextField({
    label: () => t()("proxy.address"),
    maxLength: 64,
    width: 40,
    hint: () => t()("proxy.hint"),
    validate: () => problem("PROXY.EMPTY", "PROXY.ADDRESS"),
  });
  const port: TextField = new TextField({
    label: () => t()("proxy.port"),
    maxLength: 16,
    width: 8,
    hint: () => t()("proxy.hint"),
    validate: () => problem("PROXY.PORT"),
  });
  const form = new Form({
    fields: [address, port],
    submit: () => t()("proxy.go"),
    onSubmit: () => {
      const values = { address: address.value.trim(), port: port.value.trim() };
      const shown = {
        address: values.address || (present?.address ?? "-"),
        port: values.port || (present?.port ?? ""),
      };
      const message = `${t()("proxy.sure", shown)}\n${t()(`proxy.effect.${present?.unit ?? "unknown"}`)}`;
      control.open(confirmScreen(control, screen, { message, style: "warn" }, () => void save(values)));
    },
  });

  async function save(body: { address: string; port: string }): Promise<void> {
    saving = true;
    try {
      present = await control.client.call("setConsoleProxy", { body });
    } catch (error) {
      form.refuse(control.describe(error), address);
      control.redraw();
      return;
    } finally {
      saving = false;
    }
    const isPreview = control.view().state.status?.mode === "preview";
    control.close(screen);
    const saved = present.handedOver ? (`proxy.saved.${present.unit}` as const) : "proxy.saved.waits";
    control.notify(t()(isPreview ? "proxy.saved.preview" : saved), present.handedOver || isPreview ? "good" : "warn");
  }

  const screen: Screen = {
    title: "proxy.title",
    help: "help.proxy",
    hints: () => [["Tab", "hint.next"]],
    typing: () => form.typing,
    enter() {
      // What was typed stays when a question is answered with no.
      if (present !== undefined) return;
      void control.attempt(async () => {
        present = await control.client.call("consoleProxy", {});
        address.set(present.address ?? "");
        port.set(String(present.port));
        control.redraw();
      });
    },
    draw(canvas, view) {
      if (present === undefined) {
        canvas.text(2, 1, view.t("missing.pending"), "dim");
        return;
      }
      const about = [
        view.t(present.isSet ? "proxy.isSet" : "proxy.isDefault"),
        ...(present.handedOver ? [] : [view.t("proxy.waits")]),
        view.t(`proxy.effect.${present.unit}`),
      ];
      const lines = about.flatMap((text) => wrap(text, canvas.width - 4));
      lines.forEach((line, i) => {
        canvas.text(2, 1 + i, line, "dim");
      });
      const y = lines.length + 2;
      form.draw(canvas.part(2, y, canvas.width - 4, canvas.height - y - 1), view.t);
    },
    key(key) {
      if (present === undefined) return false;
      return saving ? key.name !== "esc" : form.key(key);
    },
  };
  return screen;
}
