import WebSocket from "ws";
import type { CloudClient } from "../../core/api/cloud-client.ts";
import { cloudCalls } from "../../core/model/cloud/calls/index.ts";
import { type End, type Hello, type Ready, socketPath } from "../../core/model/console-messages.ts";
import { NodeError } from "../../core/model/error.ts";
import { jsonOrNothing } from "../../core/model/json.ts";
import { shown } from "../../core/model/quote.ts";
import { type CliArguments, type Settings, UsageError } from "./arguments.ts";
import { type CliExit, cliExit } from "./command.ts";
import { caText, connect, exitOf } from "./connect.ts";
import { keysOf } from "./fields.ts";
import { errorJson, errorText, sentence } from "./print.ts";
import { terminalColumns } from "./screen.ts";
import { secretsOfTerminal } from "./secrets.ts";

/* The serial line of a machine in this terminal, as `virsh console` shows it. */

/** Ctrl-]: leaves, as in virsh and telnet. */
const leaveKey = 0x1d;
const openMs = 30_000;
/** The proxy asks this often at the least whether somebody is there. */
const silenceMs = 60_000;

/** `console MACHINE`: a name or a uuid. @throws UsageError */
export async function runConsole({ options, words }: CliArguments, settings: Settings): Promise<CliExit> {
  const [, machine, ...more] = words;
  if (machine === undefined || more.length > 0)
    throw new UsageError("console takes one machine, its name or its uuid: zstack-cli console web-1");
  if (process.stdin.isTTY !== true || process.stdout.isTTY !== true)
    throw new UsageError("console needs a terminal: it passes on each key.");
  const client = connect(settings);
  try {
    const vmInstanceUuid = await uuidOf(client, machine);
    const { hostname, port, token } = await accessTo(client, vmInstanceUuid);
    return await follow({ hostname, port, token }, settings);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const width = terminalColumns(process.stderr);
    process.stderr.write(options.has("json-errors") ? errorJson(error) : errorText(error, width));
    return exitOf(error);
  } finally {
    client.close();
  }
}

/** Asks for the password of the machine's consoles where there is one. */
async function accessTo(client: CloudClient, vmInstanceUuid: string): Promise<Way> {
  const wanted = { vmInstanceUuid, kind: "serial" } as const;
  try {
    return (await client.call("RequestConsoleAccess", wanted)).inventory;
  } catch (error) {
    if (!(error instanceof NodeError) || error.code !== "VM.1044") throw error;
    const keys = keysOf(cloudCalls.RequestConsoleAccess).filter(({ name }) => name === "consolePassword");
    const consolePassword = (await secretsOfTerminal(keys)).get("consolePassword") ?? "";
    return (await client.call("RequestConsoleAccess", { ...wanted, consolePassword })).inventory;
  }
}

/** @throws CLOUD.NO_MACHINE, CLOUD.SEVERAL_MACHINES */
async function uuidOf(client: CloudClient, machine: string): Promise<string> {
  if (/^[\da-f]{32}$/.test(machine)) return machine;
  const wanted = { q: [`name=${machine}`], fields: ["uuid"], limit: 2 };
  const { inventories } = await client.call("QueryVmInstance", wanted);
  const [found, other] = inventories;
  const values = { name: machine.slice(0, 255) };
  if (found === undefined)
    throw new NodeError("CLOUD.NO_MACHINE", `No machine is called ${shown(machine)}.`, {
      remedy: "See: zstack-cli -s QueryVmInstance fields=name,uuid,state",
      values,
    });
  if (other !== undefined)
    throw new NodeError("CLOUD.SEVERAL_MACHINES", `Several machines are called ${shown(machine)}.`, {
      remedy: `Give the uuid of one: zstack-cli -s QueryVmInstance name=${shown(machine)} fields=uuid,state`,
      values,
    });
  return String(found["uuid"]);
}

type Way = { hostname: string; port: number; token: string };

/** Until the person leaves, or the console ends. The terminal is as it was then, whatever happens. */
async function follow({ hostname, port, token }: Way, { caFile, tlsName }: Settings): Promise<CliExit> {
  const ca = caText(caFile);
  const socket = new WebSocket(`wss://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}${socketPath}`, {
    minVersion: "TLSv1.2",
    handshakeTimeout: openMs,
    perMessageDeflate: false,
    ...(ca === undefined ? {} : { ca }),
    ...(tlsName === undefined ? {} : { servername: tlsName }),
  });
  const { stdin, stdout } = process;
  const note = (text: string) => void process.stderr.write(sentence(text, terminalColumns(process.stderr)));
  const restore = () => {
    if (stdin.isRaw === true) stdin.setRawMode(false);
  };
  process.once("exit", restore);
  let [isOpen, hasLeft, silence]: [boolean, boolean, NodeJS.Timeout | undefined] = [false, false, undefined];
  let why: string | undefined;
  const leave = () => {
    hasLeft = true;
    socket.close(1000);
    setTimeout(() => socket.terminate(), 1_000).unref();
  };
  const typed = (data: Buffer) => {
    const at = data.indexOf(leaveKey);
    const keys = at < 0 ? data : data.subarray(0, at);
    if (keys.length > 0 && socket.readyState === WebSocket.OPEN) socket.send(keys);
    if (at >= 0) leave();
  };
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(() => {
      why = "The console proxy has not been heard for a minute.";
      socket.terminate();
    }, silenceMs);
  };
  const stop = () => leave();
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) process.on(signal, stop);
  socket.on("open", () => {
    const hello: Hello = { token };
    socket.send(JSON.stringify(hello));
  });
  socket.on("ping", heard);
  socket.on("message", (data: Buffer, isBinary) => {
    heard();
    // What a terminal does not take at once, the machine's host keeps back.
    if (isBinary) {
      if (stdout.write(data)) return;
      socket.pause();
      stdout.once("drain", () => socket.resume());
      return;
    }
    const said = jsonOrNothing(data.toString("utf8")) as Ready | End | undefined;
    if (said !== undefined && "end" in said) why = said.end.message;
    if (said === undefined || !("ready" in said)) return;
    isOpen = true;
    note(`Connected to the serial line of ${shown(said.ready.name)}. Ctrl-] leaves.`);
    stdin.setRawMode(true);
    stdin.on("data", typed).resume();
  });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("close", () => resolve());
      socket.once("error", (error) => {
        if (isOpen) why ??= `The connection broke: ${error.message}.`;
        else reject(notReached(hostname, port, error));
      });
    });
  } finally {
    clearTimeout(silence);
    for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const) process.off(signal, stop);
    stdin.off("data", typed).pause();
    restore();
    process.off("exit", restore);
  }
  if (isOpen) process.stderr.write("\n");
  if (hasLeft) return cliExit.done;
  note(why ?? "The connection was closed.");
  return cliExit.failed;
}

function notReached(hostname: string, port: number, cause: Error): NodeError {
  return new NodeError(
    "CLOUD.PROXY_ABSENT",
    `The console proxy at ${hostname}:${port} is not reached: ${cause.message}.`,
    {
      remedy: "Look whether the network lets its port through, and what is set: F2, Configure Console Proxy.",
      values: { hostname, port },
      cause,
    },
  );
}
