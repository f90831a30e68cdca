import type { Control, Screen } from "./screen.ts";

/**
 * Asks for the password and opens a screen when it was right. In a preview that has no password yet, one is chosen
 * first.
 */
export function unlock(control: Control, make: () => Promise<Screen>): void {
  const { status, connection } = control.view().state;
  if (connection.state !== "up" || status === undefined) {
    control.notify(control.view().t("unlock.noAgent"), "warn");
    return;
  }
  void control.attempt(async () => {
    const { passwordScreen } = await import("./password.ts");
    if (status.passwordSet) {
      control.open(passwordScreen(control, make));
      return;
    }
    const { choosePasswordScreen } = await import("./choose-password.ts");
    control.open(choosePasswordScreen(control, make));
  });
}
