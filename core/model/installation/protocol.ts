import * as z from "zod/mini";
import { errorBody } from "../error.ts";
import { diskAnswers, draft, draftProblem, installRoles, localeAnswers, networkAnswers } from "./draft.ts";
import { hardware } from "./hardware.ts";

/*
 * What the installer's engine and its front ends say to each other: lines of JSON over a unix socket.
 *
 * A front end sends requests, each with a number of its own: {"id":1,"call":"hello","args":{…}}.
 * The engine answers each with {"id":1,"ok":…} or {"id":1,"error":{…}}, and sends {"event":"state","state":{…}} to all
 * front ends whenever something has changed, the first right after `hello`. One line is at most 1 MiB.
 *
 * One front end leads: the first that sends a call that changes something. The others watch, and may take over (`lead`).
 */

export const installerProtocolVersion = 1;
export const installerSocket = "/run/binnacle-installer/engine.sock";

export const installSteps = [
  "check",
  "partition",
  "format",
  "copy",
  "verify",
  "configure",
  "bootloader",
  "finish",
] as const;
export type InstallStep = (typeof installSteps)[number];

export const partition = z.object({
  /** Kernel name of the disk, and the partition's number. */
  disk: z.string(),
  number: z.number(),
  purpose: z.enum(["bios", "efi", "boot", "swap", "root", "data"]),
  startBytes: z.number(),
  sizeBytes: z.number(),
  /** Logical volume that this is; several share the number of the partition around them. Absent in a plain layout. */
  volume: z.optional(z.string()),
});
export type Partition = z.infer<typeof partition>;

export const installFailure = z.object({
  step: z.enum(installSteps),
  code: z.string(),
  /** What happened, in one sentence. */
  description: z.string(),
  remedy: z.string(),
  /** The command that failed, as one would type it, without secrets; null when none did. */
  command: z.nullable(z.string()),
  lastLines: z.array(z.string()),
});
export type InstallFailure = z.infer<typeof installFailure>;

/** Where the installer is shown over VNC. The password is for people in front of a screen: it is never logged. */
export const installerVnc = z.object({
  /** The machine's own addresses, IPv4 first; empty until it has one. */
  addresses: z.array(z.string()),
  port: z.number(),
  password: z.string(),
});
export type InstallerVnc = z.infer<typeof installerVnc>;

/** The questions in their order; `disk` and `layout` are two pages of one step. */
export const installQuestions = [
  "locale",
  "role",
  "checks",
  "disk",
  "layout",
  "network",
  "passwords",
  "summary",
] as const;
export type InstallQuestion = (typeof installQuestions)[number];

export const installerState = z.object({
  version: z.string(),
  /** `probing`: the hardware is being looked at. `refused`: an answer file was wrong, and nothing was touched. */
  phase: z.enum(["probing", "questions", "installing", "failed", "done", "refused"]),
  /** Front end that leads, by the name it gave; `answers` for an answer file; null: nobody yet. */
  leader: z.nullable(z.string()),
  /** Where whoever leads is, or was: who takes over goes on there. */
  question: z._default(z.enum(installQuestions), "locale"),
  hardware: z.nullable(hardware),
  /** The draft; password hashes are replaced by whether there is one. */
  draft: z.nullable(
    z.extend(z.omit(draft, { passwords: true }), { passwordsSet: z.object({ root: z.boolean(), admin: z.boolean() }) }),
  ),
  problems: z.array(draftProblem),
  /** The partitions that the draft leads to; empty while no disk is chosen or it can't hold them. */
  plan: z.array(partition),
  progress: z.nullable(
    z.object({
      step: z.enum(installSteps),
      /** Share of the step and of the whole, 0 to 1. */
      stepShare: z.number(),
      share: z.number(),
      elapsedSeconds: z.number(),
      /** null: not known yet. */
      remainingSeconds: z.nullable(z.number()),
    }),
  ),
  failure: z.nullable(installFailure),
  /** Why an answer file was refused, a line each. */
  refusal: z.array(z.string()),
  /** The check of the medium that the machine was booted from. */
  medium: z.object({
    check: z.enum(["running", "pass", "fail", "skipped"]),
    share: z.number(),
    file: z.nullable(z.string()),
  }),
  /** Newest lines of the log, at most 200. */
  log: z.array(z.string()),
  /** null: the installer is not shown over VNC, or not yet. */
  vnc: z._default(z.nullable(installerVnc), null),
});
export type InstallerState = z.infer<typeof installerState>;

const nothing = z.object({});

/** Arguments and result of each call. Those that change something make the sender the leader, or are refused (LEAD.OTHER). */
export const installerCalls = {
  hello: { args: z.object({ protocol: z.number(), console: z.string() }), result: nothing },
  /** Takes the lead from whoever has it. */
  lead: { args: nothing, result: nothing },
  /** The question that the sender shows now. */
  turnTo: { args: z.object({ question: z.enum(installQuestions) }), result: nothing },
  setLocale: { args: localeAnswers, result: nothing },
  setRole: { args: z.object({ role: z.enum(installRoles) }), result: nothing },
  setDisk: { args: z.omit(diskAnswers, { erase: true }), result: nothing },
  setNetwork: { args: networkAnswers, result: nothing },
  /** Plain passwords; hashed at once, never kept. Refused with the codes of core/model/password.ts. */
  setPassword: { args: z.object({ which: z.enum(["root", "admin"]), password: z.string() }), result: nothing },
  /** Asks for an address by DHCP now, on the links of the draft. NET.NO_LEASE, NET.NO_CARRIER. */
  tryDhcp: {
    args: nothing,
    result: z.object({
      address: z.string(),
      gateway: z.nullable(z.string()),
      nameServers: z.array(z.string()),
      seconds: z.number(),
    }),
  },
  /** Looks at the hardware again: a disk was added. */
  probe: { args: nothing, result: nothing },
  /** The point of no return: `typed` must be the name of the disk that is erased. CONFIRM.NAME, DRAFT.PROBLEMS. */
  install: { args: z.object({ typed: z.string() }), result: nothing },
  /** After a failure: the same again from the step that failed, or back to the questions. */
  retry: { args: nothing, result: nothing },
  backToQuestions: { args: nothing, result: nothing },
  /** Puts log and hardware report on a USB stick (`device`, such as sdb1) or sends it by HTTP PUT (`url`). */
  collect: { args: z.object({ to: z.string() }), result: z.object({ place: z.string() }) },
  finish: { args: z.object({ action: z.enum(["reboot", "poweroff"]) }), result: nothing },
} as const;
export type InstallerCall = keyof typeof installerCalls;

export const installerRequest = z.object({ id: z.number(), call: z.string(), args: z.unknown() });
export const installerMessage = z.union([
  z.object({ event: z.literal("state"), state: installerState }),
  z.object({ id: z.number(), ok: z.unknown() }),
  z.extend(errorBody, { id: z.number() }),
]);
