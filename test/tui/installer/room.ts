import { join } from "node:path";
import { afterEach, beforeEach } from "node:test";
import type { InstallerState } from "../../../core/model/installation/protocol.ts";
import { type ConsoleBed, closeConsolesWithoutFault, openConsole } from "../../support/console.ts";
import { type FakeEngine, startFakeEngine } from "../../support/fake-engine.ts";
import { type InstallMachine, installMachines } from "../../support/install-machines.ts";
import { root, temporaryFolder } from "../../support/programs.ts";

/** How a console looks: what it is called, and what its terminal can do. */
export type Look = { profile: "rich" | "basic"; language: "en" | "zh"; console: string };

export const looks: readonly Look[] = [
  { profile: "rich", language: "en", console: "tty1" },
  { profile: "basic", language: "en", console: "ttyS0" },
  { profile: "rich", language: "zh", console: "pts/0" },
];
export const [richLook, basicLook] = looks;

/** A folder of its own for each test, and the engines and consoles that are started in it. */
export type InstallerRoom = {
  readonly socketPath: string;
  engine(
    machine: InstallMachine,
    options?: { state?: Partial<InstallerState>; leader?: string; language?: Look["language"] },
  ): Promise<FakeEngine>;
  /** The installer's real program on a real pseudo terminal. */
  open(look?: Partial<Look>, more?: { columns?: number; rows?: number; args?: readonly string[] }): Promise<ConsoleBed>;
};

/** Makes the room before each test of a file and clears it behind each; a console that showed a fault fails its test. */
export function installerRoom(): InstallerRoom {
  let folder: ReturnType<typeof temporaryFolder>;
  let engines: FakeEngine[] = [];
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(async () => {
    try {
      await closeConsolesWithoutFault();
    } finally {
      await Promise.all(engines.map((engine) => engine.close()));
      engines = [];
      folder.dispose();
    }
  });
  return {
    get socketPath() {
      return join(folder.path, "engine.sock");
    },
    async engine(machine, options = {}) {
      const engine = await startFakeEngine(join(folder.path, "engine.sock"), installMachines[machine], options);
      engines.push(engine);
      return engine;
    },
    open(look = {}, more = {}) {
      const { profile = "rich", console = "tty1" } = look;
      const { args = [], ...size } = more;
      const apart = ["-c", 'exec "$@" 2>"$BINNACLE_TEST_STDERR"', "sh"];
      const program = [process.execPath, join(root, "tui/installer/main.ts")];
      const own = ["--socket", join(folder.path, "engine.sock"), "--console", console, ...args];
      return openConsole({
        socketPath: "",
        locale: profile === "rich" ? "C.UTF-8" : "C",
        command: ["/bin/sh", ...apart, ...program, ...own],
        ...size,
      });
    },
  };
}

export const rootPassword = "Harbour-light-42";
export const adminPassword = "Second-lighthouse-7";

/** Waits for the page with this text in its header, and for what the last key asked of the engine. */
export function untilPage(console: ConsoleBed, title: string): Promise<void> {
  return console.until(
    (text) => (text.split("\n")[0] ?? "").includes(title) && !/Working \.\.\.|处理中/.test(text),
    15_000,
    `the page ${title}`,
  );
}

/** From the first page to the summary: Enter all the way, and only the passwords are typed. */
export async function enterThrough(console: ConsoleBed, titles: readonly string[]): Promise<void> {
  for (const title of titles) {
    await untilPage(console, title);
    if (title.startsWith("6/7")) console.type(`${rootPassword}\t${rootPassword}\t${adminPassword}\t${adminPassword}\r`);
    else console.press("enter");
  }
}
