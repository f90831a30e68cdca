import { displayWidth } from "../terminal/width.ts";
import { TextInput } from "../widgets/input.ts";
import type { Control, Screen } from "./screen.ts";

/** The password prompt. It shows nothing of what is typed; a wrong password goes back to the home screen. */
export function passwordScreen(control: Control, make: () => Promise<Screen>): Screen {
  const input = new TextInput({ masked: true, maxLength: 4096 });
  let checking = false;
  let open = true;
  let tick: NodeJS.Timeout | undefined;

  /** Draws the seconds that are left anew whenever they change. */
  function countDown(): void {
    clearTimeout(tick);
    const { leftMs } = control.passwordWait;
    if (leftMs === 0) return;
    tick = setTimeout(
      () => {
        control.redraw();
        countDown();
      },
      leftMs % 1000 || 1000,
    );
  }

  async function check(): Promise<void> {
    checking = true;
    control.redraw();
    const answer = await control.attempt(() => control.client.call("openSession", { body: { password: input.value } }));
    checking = false;
    input.clear();
    if (!open) {
      // Left by Esc while the agent was asking PAM: nobody is waiting for this session.
      if (answer !== undefined) void endUnwanted(control, answer.token);
      return;
    }
    if (answer === undefined) {
      control.close(screen);
      return;
    }
    control.unlocked(answer.token);
    const next = await control.attempt(make);
    if (next === undefined) control.close(screen);
    else control.replace(screen, next);
  }

  const screen: Screen = {
    title: "password.title",
    help: "help.password",
    typing: () => true,
    draw(canvas, { t, state }) {
      const preview = state.status?.mode === "preview";
      canvas.text(2, 2, t(preview ? "password.ofPreview" : "password.ofRoot"), "strong");
      canvas.text(2, 4, t("password.label"));
      input.draw(canvas.part(2 + displayWidth(t("password.label")) + 1, 4, 40, 1));
      canvas.text(2, 6, t(checking ? "password.checking" : "password.hidden"), "dim");
      const seconds = Math.ceil(control.passwordWait.leftMs / 1000);
      if (seconds > 0) canvas.text(2, 8, t("password.wait", { seconds }), "warn", canvas.width - 4);
    },
    key(key) {
      if (checking) return key.name !== "esc";
      if (key.name === "enter") {
        // Nothing was entered: that is no attempt.
        if (input.value !== "") void check();
        return true;
      }
      return input.key(key);
    },
    enter() {
      open = true;
      countDown();
    },
    leave() {
      open = false;
      clearTimeout(tick);
      input.clear();
    },
  };
  return screen;
}

async function endUnwanted(control: Control, token: string): Promise<void> {
  const { client } = control;
  const before = client.token;
  client.token = token;
  const closing = client.call("closeSession", {}).catch(() => {
    // It expires by itself.
  });
  client.token = before;
  await closing;
}
