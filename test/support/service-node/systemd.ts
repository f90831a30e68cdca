import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import { join } from "node:path";

/*
 * As much of systemd as the ZStack service needs, in the test's process: the commands in the node's mount namespace ask
 * it over a socket. The manager that it starts is the real one.
 */

export const managerUnit = "binnacle-manager.service";

type Active = "active" | "inactive" | "failed" | "activating";
type Answer = { code: number; stdout?: string; stderr?: string };
/** What is done instead of, or before, what a command does; undefined: nothing. */
type Hook = () => Promise<Answer | undefined>;

export type FakeSystemdOptions = {
  /** Where /usr/local/sbin and /run of the node are. */
  bin: string;
  run: string;
  /** Starts the manager's program. */
  startManager: () => ChildProcess;
};

/** Asks the test's process: `CODE OUT-LENGTH`, a line's end, what goes to standard output, what to standard error. */
const asking = `#!/usr/bin/perl
use strict;
use IO::Socket::UNIX;
my ($name) = $0 =~ m{([^/]+)$};
my $socket = IO::Socket::UNIX->new(Peer => "/run/test/systemd") or die "no systemd: $!\n";
print $socket join("\0", $name, @ARGV), "\n";
$socket->flush;
my $head = <$socket>;
my ($code, $length) = split / /, $head // "1 0";
local $/ = undef;
my $all = <$socket> // "";
print STDOUT substr($all, 0, $length);
print STDERR substr($all, $length);
exit $code;
`;

export class FakeSystemd {
  /** Commands that change something, in their order: `start`, `stop`, `restart`, `reset`. */
  readonly done: string[] = [];
  /** Asked before a command is carried out; each once. */
  readonly before = new Map<string, Hook>();
  /** Asked when it was carried out, before the command ends; each once. */
  readonly after = new Map<string, Hook>();
  /** What the manager has written since its start. */
  output = "";
  readonly #options: FakeSystemdOptions;
  readonly #server: net.Server;
  #child: ChildProcess | undefined;
  #active: Active = "inactive";

  private constructor(options: FakeSystemdOptions) {
    this.#options = options;
    this.#server = net.createServer((socket) => this.#serve(socket));
  }

  static async start(options: FakeSystemdOptions): Promise<FakeSystemd> {
    const systemd = new FakeSystemd(options);
    for (const name of ["systemctl", "systemd-run", "journalctl"])
      fs.writeFileSync(join(options.bin, name), asking, { mode: 0o755 });
    fs.mkdirSync(join(options.run, "test"));
    systemd.#server.listen(join(options.run, "test/systemd"));
    await once(systemd.#server, "listening");
    return systemd;
  }

  get active(): Active {
    return this.#active;
  }

  /** From now on it says this of the unit, whatever is so. */
  pretend(active: Active): void {
    this.#active = active;
  }

  /** Kills the manager at once; its unit has failed then. */
  async killManager(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  async close(): Promise<void> {
    await this.killManager();
    this.#server.close();
  }

  #serve(socket: net.Socket): void {
    let text = "";
    socket.setEncoding("utf8").on("error", () => undefined);
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (!text.endsWith("\n")) return;
      void this.#answer(text.trimEnd().split("\0")).then(({ code, stdout = "", stderr = "" }) => {
        socket.end(`${code} ${Buffer.byteLength(stdout)}\n${stdout}${stderr}`);
      });
    });
  }

  async #answer([command = "", ...args]: string[]): Promise<Answer> {
    if (command === "journalctl") return { code: 0, stdout: this.output.split("\n").slice(-10).join("\n") };
    const verb = command === "systemd-run" ? "reset" : (args[0] ?? "");
    if (verb === "show") return { code: 0, stdout: this.#show(args.slice(args.indexOf("--") + 1)) };
    if (verb === "list-units") return { code: 0, stdout: "[]" };
    this.done.push(verb);
    const instead = await this.#hook(this.before, verb);
    if (instead !== undefined) return instead;
    const answer = await this.#carryOut(verb);
    return (await this.#hook(this.after, verb)) ?? answer;
  }

  async #hook(hooks: Map<string, Hook>, verb: string): Promise<Answer | undefined> {
    const hook = hooks.get(verb);
    hooks.delete(verb);
    return hook?.();
  }

  async #carryOut(verb: string): Promise<Answer> {
    if (verb === "stop" || verb === "restart") await this.#stop();
    if (verb === "start" || verb === "restart" || verb === "reset") return this.#start();
    return { code: 0 };
  }

  #show(units: readonly string[]): string {
    return units
      .map((unit) => {
        const isOurs = unit === managerUnit;
        const pid = isOurs && this.#active === "active" ? (this.#child?.pid ?? 0) : 0;
        const states = [
          `LoadState=${isOurs ? "loaded" : "not-found"}`,
          `ActiveState=${isOurs ? this.#active : "inactive"}`,
        ];
        return [`Id=${unit}`, "Description=", ...states, "SubState=x", `MainPID=${pid}`, ""].join("\n");
      })
      .join("\n");
  }

  async #stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const gone = once(child, "exit");
    this.#active = "inactive";
    child.kill("SIGTERM");
    await gone;
    this.#active = "inactive";
  }

  /** As a unit of Type=notify: done when the manager says that it serves. */
  async #start(): Promise<Answer> {
    if (this.#child !== undefined) return { code: 0 };
    this.output = "";
    this.#active = "activating";
    const child = this.#options.startManager();
    this.#child = child;
    const { promise: ready, resolve } = Promise.withResolvers<Answer>();
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
        if (!this.output.includes("manager started") || this.#active !== "activating") return;
        this.#active = "active";
        resolve({ code: 0 });
      });
    child.once("exit", (code) => {
      this.#child = undefined;
      if (this.#active !== "inactive") this.#active = code === 0 ? "inactive" : "failed";
      resolve({ code: 1, stderr: `Job for ${managerUnit} failed.\n` });
    });
    return ready;
  }
}
