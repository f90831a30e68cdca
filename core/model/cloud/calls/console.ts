import * as z from "zod/mini";
import { consoleKinds } from "../console.ts";
import { moment, say, uuid } from "../fields.ts";
import { action, type CloudCall } from "./call.ts";

const consolePassword = z.string().check(z.minLength(6), z.maxLength(128), z.regex(/^\P{C}*$/u));

export const consoleCalls = {
  SetVmConsolePassword: action("VmInstance", "console-password", "Sets the password that opens a machine's consoles.", {
    consolePassword: say(consolePassword, "6 to 128 characters; it holds at once, for the screen and the serial line."),
  }),
  DeleteVmConsolePassword: {
    ...action("VmInstance", "console-password", "Opens a machine's consoles without a password again.", {}),
    method: "DELETE",
  },
  RequestConsoleAccess: {
    summary: "Gives a way to a machine's screen or serial line, which can be taken once, within half a minute.",
    method: "POST",
    path: "/v1/consoles",
    access: "session",
    mode: "change",
    input: z.strictObject({
      vmInstanceUuid: say(uuid, "The machine, which runs or is paused."),
      kind: say(z.enum(consoleKinds), "vnc: the screen, keyboard and mouse; serial: the serial line."),
      consolePassword: z.optional(
        say(z.string().check(z.maxLength(4096)), "Where one is set: the consoles' password."),
      ),
    }),
    output: z.strictObject({
      inventory: z.strictObject({
        vmInstanceUuid: uuid,
        kind: z.enum(consoleKinds),
        /** Of the page. */
        scheme: z.literal("https"),
        /** Where the console proxy is. */
        hostname: z.string(),
        port: z.int(),
        /** The first message of the WebSocket `/console`: `{ "token": "…" }`. Good once. */
        token: z.string(),
        /** A page for a browser, with the token behind its #: a browser sends that to nobody. */
        url: z.string(),
        /** Until when it has to be taken. */
        expiresAt: moment,
      }),
    }),
    resource: "VmInstance",
  },
} as const satisfies Record<string, CloudCall>;
