import type { Machine } from "../machine.ts";

/** How soon to listen again when the stream has ended. */
const listenAgainMs = 30_000;

/**
 * Tells whenever systemd announces a change of one of these units; gives a function that ends it. Where there is no bus
 * nothing is told, and whoever wants to know has to look.
 *
 * systemd announces for whoever has subscribed, and then to everybody: systemd-logind has. Source:
 * org.freedesktop.systemd1(5), "Subscribe".
 */
export function watchUnits(machine: Machine, units: readonly string[], changed: () => void): () => void {
  let stopped = false;
  let end: () => void = () => {};
  function listen(): void {
    const matches = units.map((unit) => `--match=${matchOf(unit)}`);
    const args = ["--system", "--json=short", ...matches, "monitor"];
    const stream = machine.stream("busctl", args, (_, from) => {
      if (from === "stdout") changed();
    });
    end = stream.stop;
    const again = () => {
      if (!stopped) end = machine.after(listenAgainMs, listen);
    };
    stream.done.then(again, again);
  }
  listen();
  return () => {
    stopped = true;
    end();
  };
}

function matchOf(unit: string): string {
  const path = `/org/freedesktop/systemd1/unit/${busLabel(unit)}`;
  return `type='signal',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',path='${path}'`;
}

/** A name as a part of an object's path: other characters than letters and digits as `_` and two hexadecimal digits. */
export function busLabel(name: string): string {
  return name.replace(/[^A-Za-z0-9]/g, (char) => `_${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
