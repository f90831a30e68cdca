import { setImmediate } from "node:timers/promises";
import { follow } from "../../../../tui/network-change.ts";
import type { Screen } from "../../../../tui/screens/screen.ts";
import { FakeNetwork } from "../../../support/fake-network.ts";
import { press } from "../../widgets/support.ts";
import { type Bed, type BedOptions, bed, clientOf, recordedFacts, untilAnswered } from "../support.ts";

export type NetworkBed = Bed & {
  network: FakeNetwork;
  /** The screen on top. */
  top(): Screen;
  /** Presses keys on whatever screen is on top, and lets answers come between any two. Esc closes what leaves it. */
  keys(...inputs: readonly string[]): Promise<void>;
  text(): string;
  until(what: string | RegExp): Promise<void>;
};

/** A console on the recorded server, whose agent tells of the network what a test has it tell. */
export async function networkBed(options: Partial<BedOptions> = {}): Promise<NetworkBed> {
  const network = new FakeNetwork();
  const made = await bed({
    ...(await recordedFacts("bonded-server")),
    client: clientOf((name, request) => network.answer(name, request)),
    ...options,
  });
  const { control, opened } = made;
  Object.assign(control, {
    attempt: async (action: () => Promise<unknown>) => {
      try {
        return await action();
      } catch (error) {
        control.notify(control.describe(error));
        return undefined;
      }
    },
  });
  network.listen((transaction) =>
    made.know({ networkChange: transaction === null ? undefined : follow(transaction, control.view().monotonic) }),
  );
  const top = (): Screen => {
    const screen = opened.at(-1);
    if (screen === undefined) throw new Error("no screen is open");
    return screen;
  };
  const settle = async () => {
    for (let turn = 0; turn < 10; turn++) await setImmediate();
  };
  const text = () => made.lines(top()).join("\n");
  return {
    ...made,
    network,
    top,
    text,
    async keys(...inputs) {
      for (const input of inputs) {
        const screen = top();
        const [taken] = press(screen, input);
        if (input === "esc" && taken === false) control.close(screen);
        await settle();
      }
      await settle();
    },
    until: (what) => untilAnswered(() => (typeof what === "string" ? text().includes(what) : what.test(text())), text),
  };
}
